//! The web client is built by npm, not by cargo. Where it has not been built, a page that says how
//! stands in its place, so that the server can be compiled and tested without Node.

use std::path::Path;
use std::{fs, io};

const MISSING: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Plenary</title>
<h1>The web client has not been built</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in the folder <code>web</code>, then build
the server again. <code>make run</code> does both.</p>
</html>
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=../../web/dist");
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    fs::create_dir_all(&dist)?;
    let index = dist.join("index.html");
    if !index.exists() {
        fs::write(index, MISSING)?;
    }
    Ok(())
}
