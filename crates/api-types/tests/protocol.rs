//! docs/PROTOCOL.md names the messages that it describes by a hash of their source. Whoever changes
//! a message reads the page again, mends what is no longer so, and renews the hash:
//! `UPDATE_GENERATED=1 cargo test -p api-types`.

use sha2::{Digest, Sha256};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PROTOCOL.md");
const SOURCES: [&str; 4] = ["captions.rs", "live.rs", "rest.rs", "view.rs"];
const MARK: &str = "<!-- describes messages ";

#[test]
fn the_page_describes_the_messages_as_they_are() {
    let mut hash = Sha256::new();
    for source in SOURCES {
        let path = format!("{}/src/{source}", env!("CARGO_MANIFEST_DIR"));
        hash.update(std::fs::read(path).expect("a source file"));
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let named = page.split_once(MARK).and_then(|(_, rest)| rest.split_once(" -->"));
    let (named, _) = named.expect("the page ends with the hash of the messages");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let renewed = page.replace(&format!("{MARK}{named}"), &format!("{MARK}{hash}"));
        std::fs::write(PAGE, renewed).expect("the page can be written");
        return;
    }
    assert_eq!(
        named, hash,
        "a message changed: read docs/PROTOCOL.md again, then UPDATE_GENERATED=1"
    );
}
