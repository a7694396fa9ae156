//! Packages as they are made, damaged in every place, and such as were never made by this program.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use base::{SplitMix, Timestamp};
use proceedings::testing::{START, reference_event};
use proceedings::{Actor, Event, Line, Tip};

use crate::archive::{Archive, Writer};
use crate::*;

mod damaged;

fn key(number: u8) -> SecretKey {
    SecretKey::from_random([number; 40]).expect("a key")
}

fn lines() -> Vec<Line> {
    let mut definition = reference_event();
    definition.people.truncate(3);
    definition.segments.truncate(1);
    let created = Event::EventCreated { definition: Box::new(definition) };
    let mut lines = Vec::new();
    let mut tip = Tip::default();
    for event in [created, Event::GreenRoomOpened, Event::EventOpened, Event::EventClosed] {
        let line = Line::after(tip, START, Actor::Operator, event);
        tip = line.tip();
        lines.push(line);
    }
    lines
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| serde_json::to_string(line).expect("JSON") + "\n").collect()
}

fn about(lines: &[Line]) -> About {
    About {
        event: reference_event().id,
        made_at: Timestamp(1_612_900_000_000),
        product: "0.1.0".to_owned(),
        proceedings: lines.last().map(Line::tip).unwrap_or_default(),
    }
}

const TAKE: &str = "media/takes/ganich-microphone.webm";

fn packed(proceedings: &str, about: About) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    let sound: Vec<u8> = (0..200).map(|number| (number * 7 % 256) as u8).collect();
    packer.add(PROCEEDINGS, "application/jsonl", &mut proceedings.as_bytes()).expect("room");
    packer.add(TAKE, "video/webm", &mut sound.as_slice()).expect("room");
    packer.add("empty.txt", "text/plain", &mut [].as_slice()).expect("room");
    let (output, manifest) = packer.seal(about, &key(1)).expect("room");
    assert_eq!(manifest.files.len(), 4);
    output.into_inner()
}

fn package() -> Vec<u8> {
    let lines = lines();
    packed(&text(&lines), about(&lines))
}

fn judged(bytes: &[u8]) -> Verdict {
    verify(Cursor::new(bytes), &[], &[], &mut |_, _| {}).expect("a package")
}

/// The same package with other files: each entry goes through `change`, which may drop it, and
/// `more` is added.
fn rebuilt(
    package: &[u8],
    mut change: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>,
    more: &[(&str, &[u8])],
) -> Vec<u8> {
    let mut archive = Archive::open(Cursor::new(package)).expect("a package");
    let mut writer = Writer::new(Cursor::new(Vec::new()));
    for entry in archive.entries.clone() {
        let mut content = Vec::new();
        archive.read(&entry, &mut |piece| content.extend_from_slice(piece)).expect("memory");
        if let Some(content) = change(&entry.name, content) {
            writer.add(&entry.name, &mut content.as_slice(), &mut |_| {}).expect("memory");
        }
    }
    for (name, content) in more {
        writer.add(name, &mut &content[..], &mut |_| {}).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

#[test]
fn a_package_is_intact() {
    let verdict = judged(&package());
    assert!(verdict.intact, "{verdict:#?}");
    assert_eq!((verdict.files_intact, verdict.findings.len()), (4, 0));
    assert_eq!(verdict.proceedings.map(|chain| chain.lines_intact.0), Some(4));
    let [signature] = &verdict.signatures[..] else { panic!("one signature") };
    assert_eq!(signature.state, SignatureState::Good);
    assert_eq!((signature.trusted, signature.key_file.as_deref()), (false, Some(SERVER_KEY)));
    assert_eq!(package(), package(), "the same content, the same bytes");
}

#[test]
fn whose_key_it_must_be_can_be_said() {
    let verify = |number| {
        let keys = [key(number).public()];
        verify(Cursor::new(package()), &keys, &[], &mut |_, _| {}).expect("a package")
    };
    assert!(verify(1).intact && verify(1).signatures[0].trusted);
    let other = verify(2);
    assert!(!other.intact);
    assert_eq!(other.findings, [Finding::NotSignedBy { key: key(2).public().id() }]);
}

/// The promise of the whole: nothing changes unnoticed, and what changed is named.
#[test]
fn any_flipped_byte_of_any_entry_is_found_and_named() {
    let sound = package();
    let entries = Archive::open(Cursor::new(&sound[..])).expect("a package").entries;
    let mut at = 0;
    let mut damaged = sound.clone();
    for (number, entry) in entries.iter().enumerate() {
        let end = entries.get(number + 1).map_or(entry.end(), |next| next.offset());
        assert_eq!(at, entry.offset(), "no byte between entries");
        for place in usize::try_from(at).expect("small")..usize::try_from(end).expect("small") {
            damaged[place] ^= 1 << (place % 8);
            let verdict = judged(&damaged);
            let named = verdict.findings.iter().any(
                |finding| matches!(finding, Finding::Altered { path, .. } if *path == entry.name),
            );
            assert!(!verdict.intact && named, "byte {place} of {}: {verdict:#?}", entry.name);
            damaged[place] = sound[place];
        }
        at = end;
    }
    assert_eq!(entries.len(), 6);
}

/// A byte of the directory may carry no meaning, as the mode of a file does; then the verdict is
/// about the same files.
#[test]
fn a_flipped_byte_of_the_directory_changes_no_content_unnoticed() {
    let sound = package();
    let start = Archive::open(Cursor::new(&sound[..])).expect("a package").entries[5].end();
    let mut damaged = sound.clone();
    for place in usize::try_from(start).expect("small")..sound.len() {
        damaged[place] ^= 1 << (place % 8);
        if let Ok(verdict) = verify(Cursor::new(&damaged), &[], &[], &mut |_, _| {}) {
            assert!(!verdict.intact || verdict == judged(&sound), "byte {place}");
        }
        damaged[place] = sound[place];
    }
}

#[test]
fn cut_and_mutated_packages_do_no_harm() {
    let sound = package();
    for length in (0..sound.len()).step_by(7) {
        assert!(verify(Cursor::new(&sound[..length]), &[], &[], &mut |_, _| {}).is_err());
    }
    let corpus = [sound];
    let mut random = SplitMix(7);
    for _ in 0..2_000 {
        let input = hostile::mutate(&corpus, &mut random);
        if let Ok(verdict) = verify(Cursor::new(&input), &[], &[], &mut |_, _| {}) {
            assert!(!verdict.intact || verdict.files_intact == 4, "{verdict:#?}");
        }
    }
}

#[test]
fn missing_added_and_altered_files_are_named() {
    let changed = rebuilt(
        &package(),
        |name, mut content| {
            if name == TAKE {
                content[100] ^= 1;
            }
            (name != "empty.txt").then_some(content)
        },
        &[("media/more.webm", b"x"), ("signatures/note.txt", b"y")],
    );
    let verdict = judged(&changed);
    let added = |path: &str| Finding::Added { path: path.to_owned() };
    assert_eq!(
        verdict.findings,
        [
            Finding::Altered { path: TAKE.to_owned(), why: Why::Content },
            added("media/more.webm"),
            added("signatures/note.txt"),
            Finding::Missing { path: "empty.txt".to_owned() },
        ]
    );
}

/// Whoever holds the server's key could sign anything; the hash chain still tells the line.
#[test]
fn the_first_broken_line_is_named() {
    let lines = lines();
    let broken = |text: String| -> Vec<Finding> { judged(&packed(&text, about(&lines))).findings };
    let line = |findings: Vec<Finding>| match &findings[..] {
        [Finding::BrokenLine { line, .. }] => *line,
        other => panic!("{other:?}"),
    };
    let whole = text(&lines);
    let second = serde_json::to_string(&lines[1]).expect("JSON");
    let at = lines[1].at.0.to_string();
    let other_second = second.replacen(&at, &(lines[1].at.0 + 1).to_string(), 1);
    assert_ne!(second, other_second);
    assert_eq!(line(broken(whole.replace(&second, &other_second))), 2, "another time");
    assert_eq!(line(broken(whole.replace(&(second.clone() + "\n"), ""))), 2, "taken out");
    assert_eq!(line(broken(whole.replace(&second, &format!("{second} ")))), 2, "a space more");
    assert_eq!(line(broken(whole.trim_end().to_owned())), 4, "cut off");
    assert_eq!(broken(text(&lines[..3])), [Finding::OtherProceedings], "the end is missing");
    assert_eq!(broken(String::new()), [Finding::OtherProceedings]);
}

#[test]
fn parties_add_their_signatures() {
    let package = package();
    let mut manifest = Vec::new();
    rebuilt(
        &package,
        |name, content| {
            if name == MANIFEST {
                manifest.clone_from(&content);
            }
            Some(content)
        },
        &[],
    );
    let [council, embassy, stranger] = [2, 3, 4].map(key);
    let sign = |key: &SecretKey| key.sign(&manifest, "seen and agreed");
    let more = rebuilt(
        &package,
        |_, content| Some(content),
        &[
            ("signatures/council.pub", council.public().to_file().as_bytes()),
            ("signatures/council.minisig", sign(&council).as_bytes()),
            ("signatures/embassy.minisig", sign(&embassy).as_bytes()),
            ("signatures/stranger.minisig", sign(&stranger).as_bytes()),
        ],
    );
    let verdict =
        verify(Cursor::new(&more), &[embassy.public()], &[], &mut |_, _| {}).expect("a package");
    assert!(verdict.intact, "{verdict:#?}");
    let states: Vec<_> =
        verdict.signatures.iter().map(|found| (found.state, found.trusted)).collect();
    let good = SignatureState::Good;
    let unknown = SignatureState::UnknownKey;
    assert_eq!(states, [(good, false), (good, false), (good, true), (unknown, false)]);
    let bad = council.sign(b"another manifest", "");
    let more = rebuilt(
        &more,
        |name, content| {
            Some(if name == "signatures/council.minisig" { bad.clone().into() } else { content })
        },
        &[],
    );
    let altered =
        Finding::Altered { path: "signatures/council.minisig".to_owned(), why: Why::Signature };
    assert_eq!(judged(&more).findings, [altered]);
}

/// A forger who signs everything anew with a key of the server key's id is found by whoever has
/// the real key.
#[test]
fn a_key_of_the_same_id_is_not_the_same_key() {
    let mut bytes = [1; 40];
    bytes[39] = 2;
    let forger = SecretKey::from_random(bytes).expect("a key");
    let lines = lines();
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add(PROCEEDINGS, "application/jsonl", &mut text(&lines).as_bytes()).expect("room");
    let (forged, _) = packer.seal(about(&lines), &forger).expect("room");
    assert!(judged(forged.get_ref()).intact, "by itself it cannot be told");
    let real = key(1).public();
    assert_eq!(forger.public().id(), real.id());
    let verdict = verify(forged, &[real], &[], &mut |_, _| {}).expect("a package");
    assert_eq!(verdict.findings, [Finding::NotSignedBy { key: real.id() }]);
    assert!(!verdict.signatures[0].trusted);
}

#[test]
fn hostile_archives_are_refused() {
    let refused = |bytes: &[u8]| {
        let result = verify(Cursor::new(bytes), &[], &[], &mut |_, _| {});
        result.expect_err("it is hostile").0
    };
    let named = |name: &str| rebuilt(&package(), |_, content| Some(content), &[(name, b"x")]);
    for name in ["../evil", "/etc/passwd", "a\\b", "a//b", "folder/"] {
        assert!(matches!(refused(&named(name)), ArchiveError::Name(_)), "{name}");
    }
    assert!(matches!(refused(&named(TAKE)), ArchiveError::Twice(_)));
    assert!(matches!(refused(b""), ArchiveError::NoEnd));
    assert!(matches!(refused(&[0; 5_000]), ArchiveError::NoEnd));
    let with_head = [b"#!/bin/sh\n", &package()[..]].concat();
    assert!(matches!(refused(&with_head), ArchiveError::Directory));

    // A directory that claims more entries than it has, and one that lies beyond the file.
    let mut many = package();
    let end_64 = many.len() - 22 - 20 - 56;
    for field in [24, 32] {
        many[end_64 + field..end_64 + field + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    }
    assert!(matches!(refused(&many), ArchiveError::TooMany(_)));
    let mut far = package();
    far[end_64 + 48..end_64 + 56].copy_from_slice(&(u64::MAX - 3).to_le_bytes());
    assert!(matches!(refused(&far), ArchiveError::Directory));

    // An entry that reaches over the next, as in a bomb of overlapping entries.
    let mut over = package();
    let at = over.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    let name = usize::from(over[at + 28]);
    let sizes = at + 46 + name + 4;
    for field in [sizes, sizes + 8] {
        over[field..field + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    }
    assert!(matches!(refused(&over), ArchiveError::Place(_)));
    let mut compressed = package();
    compressed[at + 10] = 8;
    assert!(matches!(refused(&compressed), ArchiveError::NotStored(_)));
}

#[test]
fn a_packer_refuses_what_a_verifier_would() {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for name in ["../a", MANIFEST, SIGNATURE, "signatures/x.minisig"] {
        let refused = packer.add(name, "text/plain", &mut [].as_slice());
        assert!(matches!(refused, Err(PackError::Name(_))), "{name}");
    }
    packer.add("a", "text/plain", &mut [].as_slice()).expect("room");
    let again = packer.add("a", "text/plain", &mut [].as_slice());
    assert!(matches!(again, Err(PackError::Twice(_))));
}

/// The tools that everybody has read what this program writes; skipped where they are missing.
#[test]
fn unzip_sha256sum_and_minisign_agree() {
    let folder = std::env::temp_dir().join(format!("plenary-package-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("p.zip"), package()).expect("room");
    if let Some(output) = run(&folder, "unzip", &["-o", "-q", "p.zip"]) {
        assert!(output.0, "{}", output.1);
        let manifest = std::fs::read(folder.join(MANIFEST)).expect("unzipped");
        let take = Manifest::parse(&manifest).expect("a manifest");
        let take = take.file(TAKE).expect("the take").sha256.to_string();
        let sum = run(&folder, "sha256sum", &[TAKE]).expect("coreutils");
        assert!(sum.1.starts_with(&take), "{}", sum.1);
        if let Some(output) = run(&folder, "minisign", &["-V", "-p", SERVER_KEY, "-m", MANIFEST]) {
            assert!(output.0 && output.1.contains("record of the event"), "{}", output.1);
            minisign_signs(&folder);
        }
    }
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

/// Keys go both ways: minisign reads ours, and its own are read here.
fn minisign_signs(folder: &Path) {
    std::fs::create_dir_all(folder.join("signatures")).expect("a folder");
    let (public, signature) = ("signatures/council.pub", "signatures/council.minisig");
    let made = run(folder, "minisign", &["-G", "-W", "-f", "-p", public, "-s", "council.key"]);
    assert!(made.as_ref().is_some_and(|made| made.0), "{made:?}");
    let signed = run(
        folder,
        "minisign",
        &["-S", "-s", "council.key", "-m", MANIFEST, "-x", signature, "-t", "agreed"],
    );
    assert!(signed.as_ref().is_some_and(|signed| signed.0), "{signed:?}");
    let secret = std::fs::read_to_string(folder.join("council.key")).expect("made");
    assert!(SecretKey::parse(&secret).is_ok(), "keys of minisign are read");
    info_zip_adds(folder, &secret);
    std::fs::write(folder.join("server.key"), key(1).to_file()).expect("room");
    let ours = run(folder, "minisign", &["-R", "-s", "server.key", "-p", "again.pub", "-f"]);
    assert!(ours.as_ref().is_some_and(|ours| ours.0), "minisign reads our key: {ours:?}");
}

/// Info-ZIP writes the directory anew, and leaves sizes twice in it.
fn info_zip_adds(folder: &Path, secret: &str) {
    let added = ["-0", "-X", "-q", "p.zip", "signatures/council.pub", "signatures/council.minisig"];
    let Some(zipped) = run(folder, "zip", &added) else { return };
    assert!(zipped.0, "{}", zipped.1);
    let bytes = std::fs::read(folder.join("p.zip")).expect("written");
    let council = SecretKey::parse(secret).expect("a key").public();
    let verdict = verify(Cursor::new(&bytes), &[council], &[], &mut |_, _| {}).expect("a package");
    assert!(verdict.intact && verdict.signatures[1].trusted, "{verdict:#?}");
    assert_eq!(verdict.signatures[1].comment.as_deref(), Some("agreed"));
    // What another program wrote is gone on with.
    let embassy = key(5);
    let manifest = manifest_of(Cursor::new(&bytes)).expect("a manifest");
    let signature = embassy.sign(&manifest, "seen");
    let more = attach(Cursor::new(bytes), "embassy", &signature, &embassy.public());
    let more = more.expect("it fits").into_inner();
    assert!(judged(&more).intact);
    std::fs::write(folder.join("more.zip"), more).expect("room");
    let tested = run(folder, "unzip", &["-t", "-q", "more.zip"]).expect("unzip is there");
    assert!(tested.0, "{}", tested.1);
}

#[test]
fn a_party_signs_in_the_package_or_beside_it() {
    let package = package();
    let council = key(2);
    let manifest = manifest_of(Cursor::new(&package)).expect("a manifest");
    let signature = council.sign(&manifest, "agreed by the council");
    let add = |package: &[u8], name: &str, signature: &str| {
        attach(Cursor::new(package.to_vec()), name, signature, &council.public())
            .map(Cursor::into_inner)
    };
    let signed = add(&package, "council", &signature).expect("it fits");
    let verdict = judged(&signed);
    assert!(verdict.intact, "{verdict:#?}");
    let second = &verdict.signatures[1];
    assert_eq!(second.file, "signatures/council.minisig");
    assert_eq!(second.key_file.as_deref(), Some("signatures/council.pub"));
    assert_eq!(second.comment.as_deref(), Some("agreed by the council"));
    assert!(signed.starts_with(&package[..package.len() - 2_000]), "nothing before it changed");

    assert!(matches!(add(&signed, "council", &signature), Err(SignError::Twice(_))));
    for name in ["../council", "a/b", ""] {
        let refused = add(&package, name, &signature);
        assert_eq!(refused.is_err(), !name.is_empty(), "{name}");
    }
    let other = council.sign(b"another manifest", "agreed");
    for unfit in [other.as_str(), "no signature"] {
        assert!(matches!(add(&package, "x", unfit), Err(SignError::Signature(_))));
    }

    let near = |file: &str, text: &str| Beside { file: file.to_owned(), text: text.to_owned() };
    let beside = [near("p.zip.council.minisig", &signature), near("p.zip.x.minisig", &other)];
    let trusted = [council.public()];
    let verdict = verify(Cursor::new(&package), &trusted, &beside, &mut |_, _| {}).expect("one");
    let altered = Finding::Altered { path: "p.zip.x.minisig".to_owned(), why: Why::Signature };
    assert_eq!(verdict.findings, [altered]);
    let states: Vec<_> = verdict.signatures.iter().map(|one| (one.state, one.trusted)).collect();
    let (good, bad) = (SignatureState::Good, SignatureState::Bad);
    assert_eq!(states, [(good, false), (good, true), (bad, false)]);
    let near_key = near("p.zip.council.pub", &council.public().to_file());
    let beside = [beside[0].clone(), near_key];
    let verdict = verify(Cursor::new(&package), &[], &beside, &mut |_, _| {}).expect("one");
    assert!(verdict.intact && verdict.signatures[1].state == good, "{verdict:#?}");
}

/// Whether the tool succeeded and what it said; `None` when there is no such tool.
fn run(folder: &Path, tool: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new(tool).args(arguments).current_dir(folder).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
