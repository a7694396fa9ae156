//! Arrows between crates point down only, and nothing pure reaches a clock, the system's
//! randomness, a socket or a database (ARCHITECTURE.md).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which crates of the workspace each crate may use. Tests may use more, see [`IN_TESTS`].
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("proceedings", &["base"]),
    ("programme", &["base", "proceedings"]),
    ("publication", &["base", "proceedings"]),
    ("package", &["base", "proceedings"]),
    ("forwarding", &["base"]),
    ("container", &["base"]),
    ("egress", &["base"]),
    ("relay", &[]),
    ("sim", &["base", "proceedings", "storage"]),
    ("api-types", &["base", "proceedings"]),
    ("storage", &["base", "proceedings"]),
    ("storage-sqlite", &["base", "proceedings", "storage"]),
    ("sfu", &["base", "egress", "forwarding"]),
    ("recording", &["base", "container", "forwarding"]),
    ("recognition", &["base", "container", "forwarding"]),
    ("web-ui", &[]),
    (
        "server",
        &[
            "api-types",
            "base",
            "proceedings",
            "publication",
            "programme",
            "relay",
            "recording",
            "recognition",
            "sfu",
            "storage",
            "web-ui",
        ],
    ),
    // Synthetic people stand beside the server: they know what goes over the wire.
    ("loadtest", &["api-types", "base", "proceedings"]),
    (
        "plenary",
        &[
            "base",
            "loadtest",
            "package",
            "proceedings",
            "programme",
            "publication",
            "recording",
            "server",
            "storage",
            "storage-sqlite",
            "web-ui",
        ],
    ),
    (
        "benches",
        &[
            "base",
            "egress",
            "forwarding",
            "loadtest",
            "proceedings",
            "recording",
            "server",
            "sfu",
            "storage",
            "storage-sqlite",
        ],
    ),
    // Hostile input for the tests of all that read what strangers send.
    ("hostile", &["base"]),
    ("tidy", &[]),
];

/// What tests of a crate may use besides: the layer below with its test helpers.
const IN_TESTS: &[(&str, &[&str])] = &[
    ("proceedings", &["proceedings"]),
    ("programme", &["hostile", "proceedings"]),
    ("publication", &["programme"]),
    ("package", &["hostile", "proceedings"]),
    ("forwarding", &["hostile"]),
    ("egress", &["hostile"]),
    ("api-types", &["hostile", "proceedings"]),
    ("storage", &["storage"]),
    ("storage-sqlite", &["storage"]),
    ("sfu", &["egress", "hostile", "loadtest"]),
    ("loadtest", &["sfu", "server", "storage"]),
    ("server", &["hostile", "loadtest", "proceedings", "storage", "storage-sqlite"]),
    ("plenary", &["api-types"]),
];

/// Crates that give the same answer for the same input, on every machine, at any time.
const PURE: &[&str] =
    &["base", "proceedings", "programme", "publication", "package", "forwarding", "container"];

/// What nothing pure may reach, not even through others.
const IMPURE: &[&str] = &[
    "axum",
    "getrandom",
    "hyper",
    "mio",
    "quinn-udp",
    "rand",
    "reqwest",
    "rustix",
    "socket2",
    "sqlx",
    "str0m",
    "tokio",
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The packages of the workspace with the packages of the workspace that they name, and whether
/// only their tests do.
fn edges(metadata: &Value) -> Vec<(String, String, bool)> {
    let members: BTreeSet<&str> =
        list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let packages: Vec<&Value> = list(metadata, "packages")
        .iter()
        .filter(|package| members.contains(text(package, "id")))
        .collect();
    let names: BTreeSet<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let mut edges = Vec::new();
    for package in packages {
        for dependency in list(package, "dependencies") {
            if names.contains(text(dependency, "name")) {
                let in_tests = text(dependency, "kind") == "dev";
                let (from, to) = (text(package, "name"), text(dependency, "name"));
                edges.push((from.to_owned(), to.to_owned(), in_tests));
            }
        }
    }
    edges
}

fn allowed(table: &[(&str, &[&str])], from: &str, to: &str) -> bool {
    table.iter().any(|(name, may)| *name == from && may.contains(&to))
}

#[test]
fn arrows_point_down() {
    let metadata = metadata();
    let wrong: Vec<_> = edges(&metadata)
        .into_iter()
        .filter(|(from, to, in_tests)| {
            !(allowed(ARROWS, from, to) || *in_tests && allowed(IN_TESTS, from, to))
        })
        .map(|(from, to, in_tests)| {
            format!("{from} → {to}{}", if in_tests { " (in tests)" } else { "" })
        })
        .collect();
    assert!(wrong.is_empty(), "these arrows are not in crates/tidy: {wrong:#?}");
}

#[test]
fn every_crate_has_its_place() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        list(&metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    for package in list(&metadata, "packages") {
        if members.contains(text(package, "id")) {
            let name = text(package, "name");
            assert!(
                ARROWS.iter().any(|(known, _)| *known == name),
                "say in crates/tidy what {name} may depend on"
            );
            let folder = format!("/{name}/Cargo.toml");
            assert!(text(package, "manifest_path").ends_with(&folder), "{name}: folder = name");
        }
    }
}

#[test]
fn nothing_pure_reaches_the_world() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> = list(&metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    for pure in PURE {
        let start = names
            .iter()
            .find(|(id, name)| *name == pure && id.contains("/crates/"))
            .map(|(id, _)| *id)
            .unwrap_or_else(|| panic!("{pure} is gone"));
        let (mut reached, mut waiting) = (BTreeSet::new(), vec![start]);
        while let Some(id) = waiting.pop() {
            if !reached.insert(id) {
                continue;
            }
            for dependency in list(nodes[id], "deps") {
                // `null` is an ordinary dependency; the others are for tests and build scripts.
                let ordinary =
                    list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null());
                if ordinary {
                    waiting.push(text(dependency, "pkg"));
                }
            }
        }
        let world: Vec<_> =
            reached.iter().map(|id| names[id]).filter(|name| IMPURE.contains(name)).collect();
        assert!(world.is_empty(), "{pure} reaches {world:?}");
        assert!(reached.len() > 1, "{pure} depends on something; did the search work?");
    }
}
