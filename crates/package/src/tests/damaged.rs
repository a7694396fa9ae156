//! A table of packages, whole and damaged, with the verdict on each. It is kept as
//! `web/src/verify/damaged.json`, where the verification page is judged by the same table:
//! `UPDATE_GENERATED=1 cargo test -p package` writes it anew.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::*;
use crate::archive::ArchiveError;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/verify/damaged.json");

/// A row: what was done to the package, and what the reader has besides.
struct Row {
    name: String,
    package: Vec<u8>,
    trusted: Vec<PublicKey>,
    beside: Vec<Beside>,
}

#[test]
fn the_table_of_damaged_packages_is_judged_as_it_says() {
    let sound = small_package();
    let rows: Vec<Value> = rows(&sound).into_iter().map(|row| judged_row(&sound, row)).collect();
    let table = json!({ "package": BASE64.encode(&sound), "rows": rows });
    let text = serde_json::to_string_pretty(&table).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(TABLE, &text).expect("web/src/verify is there");
    }
    let kept = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(kept == text, "run: UPDATE_GENERATED=1 cargo test -p package");
    // A table in which everything is intact, or nothing, would prove nothing.
    let intact = rows.iter().filter(|row| row["verdict"]["intact"] == true).count();
    let refused = rows.iter().filter(|row| row["refused"].is_string()).count();
    assert_eq!((rows.len() > 40, intact, refused), (true, 6, 9));
}

fn rows(sound: &[u8]) -> Vec<Row> {
    let row = |name: &str, package: Vec<u8>| Row {
        name: name.to_owned(),
        package,
        trusted: Vec::new(),
        beside: Vec::new(),
    };
    let all = |_: &str, content: Vec<u8>| Some(content);
    let without = |wanted: &'static str| {
        rebuilt(sound, move |name, content| (name != wanted).then_some(content), &[])
    };
    let flipped = |at: u64| {
        let mut package = sound.to_vec();
        package[usize::try_from(at).expect("small")] ^= 4;
        package
    };
    let mut rows = vec![row("intact", sound.to_vec())];

    // A byte of the content, of the header and of the checksum of each entry.
    let entries = Archive::open(Cursor::new(sound)).expect("a package").entries;
    for entry in &entries {
        if entry.bytes > 0 {
            let name = format!("a byte of {}", entry.name);
            rows.push(row(&name, flipped(entry.end() - entry.bytes.div_ceil(2))));
        }
        for (what, at) in [("time", 10), ("checksum", 14), ("name", 30)] {
            let name = format!("the {what} before {}", entry.name);
            rows.push(row(&name, flipped(entry.offset() + at)));
        }
    }
    let directory = entries.last().expect("entries").end();
    rows.push(row("a checksum in the directory", flipped(directory + 16)));

    // Files that are missing, added, or lie in another order.
    for name in [TAKE, PROCEEDINGS, MANIFEST, SIGNATURE, SERVER_KEY] {
        rows.push(row(&format!("without {name}"), without(name)));
    }
    let more: &[(&str, &[u8])] = &[("media/more.webm", b"x"), ("signatures/note.txt", b"y")];
    rows.push(row("with two files more", rebuilt(sound, all, more)));
    let mut first = Vec::new();
    let rest = rebuilt(
        sound,
        |name, content| {
            if name == PROCEEDINGS {
                first.clone_from(&content);
            }
            (name != PROCEEDINGS).then_some(content)
        },
        &[],
    );
    rows.push(row("in another order", rebuilt(&rest, all, &[(PROCEEDINGS, &first)])));

    // The log, signed anew by whoever holds the server's key.
    let lines = small_lines();
    let whole = text(&lines);
    let resigned = |text: &str| packed(text, about(&lines));
    let second = serde_json::to_string(&lines[1]).expect("JSON");
    let later = (lines[1].at.0 + 1).to_string();
    let other_second = second.replacen(&lines[1].at.0.to_string(), &later, 1);
    for (name, text) in [
        ("another time in a line", whole.replace(&second, &other_second)),
        ("without a line", whole.replace(&(second.clone() + "\n"), "")),
        ("with a space in a line", whole.replace(&second, &format!("{second} "))),
        ("with a line that is no JSON", whole.replace(&second, "{")),
        ("with a line twice", whole.replace(&second, &format!("{second}\n{second}"))),
        ("cut off within a line", whole.trim_end().to_owned()),
        ("without the last line", super::text(&lines[..3])),
        ("without any line", String::new()),
    ] {
        rows.push(row(&format!("proceedings {name}"), resigned(&text)));
    }
    let stranger = About { event: "another".parse().expect("an id"), ..about(&lines) };
    rows.push(row("proceedings of another event", packed(&whole, stranger)));

    // Signatures.
    let manifest = manifest_of(Cursor::new(sound)).expect("a manifest");
    let (server, council, embassy) = (key(1), key(2), key(3));
    let signed = |key: &SecretKey, message: &[u8]| key.sign(message, "seen and agreed, Совет");
    let by_council = signed(&council, &manifest);
    let with_council =
        attach(Cursor::new(sound.to_vec()), "council", &by_council, &council.public());
    let with_council = with_council.expect("it fits").into_inner();
    let bad = signed(&council, b"another manifest");
    let unknown = signed(&embassy, &manifest);
    let council_key = council.public().to_file();
    let near = |file: &str, text: &str| Beside { file: file.to_owned(), text: text.to_owned() };
    let other_comment = by_council.replace("agreed", "opposed");
    rows.push(row("signed by a party", with_council.clone()));
    rows.push(Row {
        trusted: vec![server.public()],
        ..row("by the key that must", sound.to_vec())
    });
    rows.push(Row {
        trusted: vec![embassy.public()],
        ..row("not by the key that must", with_council.clone())
    });
    for (name, signature) in [
        ("a party's signature of something else", &bad),
        ("a signature with another comment", &other_comment),
        ("a signature by an unknown key", &unknown),
        ("a signature that is none", &council_key),
    ] {
        let more: &[(&str, &[u8])] = &[
            ("signatures/council.pub", council_key.as_bytes()),
            ("signatures/council.minisig", signature.as_bytes()),
        ];
        rows.push(row(name, rebuilt(sound, all, more)));
    }
    rows.push(Row {
        beside: vec![
            near("p.zip.council.minisig", &by_council),
            near("p.zip.council.pub", &council_key),
        ],
        ..row("signed beside", sound.to_vec())
    });
    rows.push(Row {
        trusted: vec![council.public()],
        beside: vec![near("p.zip.council.minisig", &bad)],
        ..row("badly signed beside", sound.to_vec())
    });

    // No packages.
    rows.push(row("empty", Vec::new()));
    rows.push(row("cut off", sound[..sound.len() - 30].to_vec()));
    rows.push(row("with something before it", [b"#!/bin/sh\n", sound].concat()));
    rows.push(row("with a comment", [sound, b"x"].concat()));
    rows.push(row("an entry that leaves the folder", rebuilt(sound, all, &[("../evil", b"x")])));
    rows.push(row("two entries of one name", rebuilt(sound, all, &[(TAKE, b"x")])));
    let mut compressed = sound.to_vec();
    let last = compressed.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("one");
    compressed[last + 10] = 8;
    rows.push(row("compressed", compressed));
    let mut over = sound.to_vec();
    let sizes = last + 46 + usize::from(over[last + 28]) + 4;
    for field in [sizes, sizes + 8] {
        over[field..field + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    }
    rows.push(row("an entry that reaches beyond", over));
    let mut many = sound.to_vec();
    let end_64 = many.len() - 22 - 20 - 56;
    for field in [24, 32] {
        many[end_64 + field..end_64 + field + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    }
    rows.push(row("too many entries", many));
    rows
}

fn judged_row(sound: &[u8], row: Row) -> Value {
    let trusted: Vec<String> = row.trusted.iter().map(PublicKey::encoded).collect();
    let beside: Vec<Value> =
        row.beside.iter().map(|near| json!({ "file": near.file, "text": near.text })).collect();
    let verdict = verify(Cursor::new(&row.package), &row.trusted, &row.beside, &mut |_, _| {});
    let (verdict, refused) = match verdict {
        Ok(verdict) => (serde_json::to_value(verdict).expect("JSON"), Value::Null),
        Err(NotAPackage(error)) => (Value::Null, fault(&error).into()),
    };
    json!({
        "name": row.name,
        "change": change(sound, &row.package),
        "trusted": trusted,
        "beside": beside,
        "verdict": verdict,
        "refused": refused,
    })
}

/// What is between the beginning and the end that both have.
fn change(sound: &[u8], package: &[u8]) -> Value {
    let same = |one: &mut dyn Iterator<Item = (&u8, &u8)>| one.take_while(|(a, b)| a == b).count();
    let start = same(&mut sound.iter().zip(package));
    let room = sound.len().min(package.len()) - start;
    let end = same(&mut sound.iter().rev().zip(package.iter().rev())).min(room);
    json!({
        "from": start,
        "until": sound.len() - end,
        "bytes": BASE64.encode(&package[start..package.len() - end]),
    })
}

/// The word of the page for the same fault.
fn fault(error: &ArchiveError) -> &'static str {
    match error {
        ArchiveError::Io(_) => "unreadable",
        ArchiveError::NoEnd => "no-end",
        ArchiveError::Directory => "directory",
        ArchiveError::TooMany(_) => "too-many",
        ArchiveError::Name(_) => "name",
        ArchiveError::Twice(_) => "twice",
        ArchiveError::NotStored(_) => "not-stored",
        ArchiveError::Place(_) => "place",
    }
}

/// Short lines, so that the table is.
fn small_lines() -> Vec<Line> {
    let mut definition = reference_event();
    definition.people.truncate(1);
    definition.segments.truncate(1);
    definition.segments[0].floor.clear();
    definition.topic = definition.title.clone();
    definition.notice = None;
    let mut lines = Vec::new();
    let mut tip = Tip::default();
    let created = Event::EventCreated { definition: Box::new(definition) };
    for event in [created, Event::GreenRoomOpened, Event::EventOpened, Event::EventClosed] {
        let line = Line::after(tip, START, Actor::Operator, event);
        tip = line.tip();
        lines.push(line);
    }
    lines
}

fn small_package() -> Vec<u8> {
    let lines = small_lines();
    packed(&text(&lines), about(&lines))
}
