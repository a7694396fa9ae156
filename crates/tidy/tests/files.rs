//! What files look like: not too long, no `mod.rs`, a crate says what it is for, the pure crates
//! are linted alike, and documents name only what exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines after which a file is two stories.
const LINES_MAX: usize = 1_000;

/// Crates whose lints ban the clock, randomness and the order of hash maps.
const PURE: &[&str] = &["base", "proceedings", "programme", "forwarding"];

/// Folders with nothing in them that people wrote.
const NOT_WRITTEN: &[&str] =
    &["node_modules", "dist", "target", "test-results", "shots", "data", "rehearsal"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder whose name ends in one of `endings`.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !NOT_WRITTEN.contains(&name) && !name.starts_with('.') {
                    waiting.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    let endings = [".rs", ".ts", ".svelte", ".css", ".sh", ".mjs"];
    ["crates", "web", "e2e", "scripts"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), &endings))
        .collect()
}

#[test]
fn no_file_is_too_long() {
    let sources = sources();
    assert!(sources.len() > 50, "the search found only {} files", sources.len());
    let long: Vec<_> = sources
        .iter()
        .map(|path| (path, read(path)))
        .filter(|(_, text)| !text.starts_with("// Generated"))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:#?}");
}

/// Modules are `name.rs` with a folder `name`, so that a file's name says what it is.
#[test]
fn no_mod_rs() {
    let found: Vec<_> = sources().into_iter().filter(|path| path.ends_with("mod.rs")).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_crate_says_what_it_is_for() {
    for entry in fs::read_dir(root().join("crates")).expect("the crates") {
        let folder = entry.expect("an entry").path();
        if !folder.join("Cargo.toml").is_file() {
            continue;
        }
        let main = ["src/lib.rs", "src/main.rs"]
            .iter()
            .map(|file| folder.join(file))
            .find(|path| path.is_file())
            .unwrap_or_else(|| panic!("{} has no source", folder.display()));
        let text = read(&main);
        let doc: String =
            text.lines().map_while(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join(" ");
        assert!(doc.trim().len() > 60, "{} begins with no description", main.display());
    }
}

#[test]
fn pure_crates_are_linted_alike() {
    let lints = |name: &str| read(&root().join("crates").join(name).join("clippy.toml"));
    let first = lints(PURE[0]);
    for banned in ["Instant::now", "SystemTime::now", "HashMap", "HashSet"] {
        assert!(first.contains(banned), "{banned} is not banned");
    }
    for name in PURE {
        assert_eq!(lints(name), first, "crates/{name}/clippy.toml differs");
    }
}

/// Commands of the README and of the manuals exist.
#[test]
fn documents_name_targets_that_exist() {
    let makefile = read(&root().join("Makefile"));
    for document in files(&root(), &[".md"]) {
        let text = read(&document);
        for rest in text.split("`make ").skip(1) {
            let target: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            let exists = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            assert!(exists, "{} names `make {target}`", document.display());
        }
    }
}
