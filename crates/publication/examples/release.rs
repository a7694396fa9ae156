//! Writes the reference event's release in every language and format into a folder, to look at:
//! `cargo run -p publication --example release -- FOLDER`.
#![expect(clippy::unwrap_used, reason = "an example for developers fails by panicking")]

use std::path::Path;

use base::{StatementId, Timestamp};
use publication::output::{Edition, Status, docx, html, markdown, pdf, plain};
use publication::{Clearance, Day, HouseStyle, draft, from_programme, read_notes};

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let folder = Path::new(&folder);
    let programme = include_str!("../../../examples/russian-diplomats-day.toml");
    let notes = include_str!("../../../examples/russian-diplomats-day.statements.toml");
    let definition = programme::parse(programme).unwrap().definition;
    let (notes, statements) = read_notes(notes).unwrap();
    let mut facts = from_programme(&definition, &notes);
    facts.statements = (1..)
        .zip(statements)
        .map(|(id, said)| said.with(StatementId(id), Clearance::Cleared))
        .collect();
    let issued = Timestamp(1_612_936_800_000);
    let release = draft(&facts, &HouseStyle::council(), Day::of(issued, "Asia/Karachi")).unwrap();
    let edition = Edition {
        release: &release,
        status: Status::Issued(issued),
        versioned: issued,
        correction: None,
        event_url: "https://plenary.kcfr.example/events/russian-diplomats-day",
        record_url: Some("https://plenary.kcfr.example/events/russian-diplomats-day/record"),
        release_url: "https://plenary.kcfr.example/events/russian-diplomats-day/release",
    };
    for language in release.versions.keys() {
        let write = |ending: &str, bytes: &[u8]| {
            std::fs::write(folder.join(format!("release.{language}.{ending}")), bytes).unwrap();
        };
        write("txt", plain::text(&edition, language).as_bytes());
        write("md", markdown::markdown(&edition, language).as_bytes());
        write("pdf", &pdf::pdf(&edition, language).unwrap());
        write("docx", &docx::docx(&edition, language));
        write("html", html::page(&edition, language, &[]).as_bytes());
    }
}
