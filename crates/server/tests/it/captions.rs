//! Captions while they are written: partial lines, and captioners who hand over.

use api_types::{CaptionAct, ClientMessage, PartialCaption, Section, ServerMessage};
use base::Millis;
use proceedings::testing::parsed;
use proceedings::{Command, RecordCommand, RecordStatus, Refusal};

use crate::record::{at, live, path};
use crate::support::{Socket, TestApp, token};

async fn act(socket: &mut Socket, act: CaptionAct) {
    socket.say(&ClientMessage::Caption { act }).await;
}

async fn sit(socket: &mut Socket) {
    act(socket, CaptionAct::Sit { language: parsed("en") }).await;
}

async fn types(socket: &mut Socket, text: &str) {
    act(socket, CaptionAct::Type { person: Some(parsed("ganich")), text: text.to_owned() }).await;
}

/// Reads until these are the partial lines.
async fn partials(socket: &mut Socket, texts: &[&str]) -> Vec<PartialCaption> {
    socket
        .section(|section| match section {
            Section::Partials(section)
                if section
                    .partials
                    .iter()
                    .map(|partial| &*partial.text)
                    .eq(texts.iter().copied()) =>
            {
                Some(section.partials.clone())
            }
            _ => None,
        })
        .await
}

/// Reads until the captioner is told whose turn it is.
async fn writes(socket: &mut Socket, person: &str) {
    socket
        .until(|message| match message {
            ServerMessage::Captioners { seats } => {
                let mut writers = seats.iter().filter(|seat| seat.writes);
                (writers.next().is_some_and(|seat| seat.person.id.as_str() == person)
                    && writers.next().is_none())
                .then_some(())
            }
            _ => None,
        })
        .await;
}

fn commit(from: u64, text: &str) -> Command {
    Command::Record(RecordCommand::CommitTranscriptLine {
        person: Some(parsed("ganich")),
        start: at(from),
        end: at(from + 5),
        language: parsed("en"),
        interpreted_from: None,
        text: text.to_owned(),
    })
}

#[tokio::test]
async fn everybody_admitted_reads_a_line_while_it_is_typed_and_then_the_line_alone() {
    let mut app = live().await;
    let mut typist = app.join("typist").await;
    let mut anwar = app.join("anwar").await;
    sit(&mut typist).await;
    writes(&mut typist, "typist").await;
    types(&mut typist, "Moscow is").await;
    let shown = partials(&mut anwar, &["Moscow is"]).await;
    assert_eq!(shown[0].person, Some(parsed("ganich")));
    types(&mut typist, "Moscow is confident").await;
    partials(&mut anwar, &["Moscow is confident"]).await;

    // The next line is begun before the answer to the one before has come.
    let command = commit(70, "Moscow is confident.");
    typist.say(&ClientMessage::Command { id: 900, command }).await;
    types(&mut typist, "It").await;
    let together = anwar
        .until(|message| match message {
            ServerMessage::Changed { sections, .. } => {
                let line = sections.iter().any(|section| match section {
                    Section::Captions(captions) => {
                        captions.lines.iter().any(|line| line.text == "Moscow is confident.")
                    }
                    _ => false,
                });
                line.then(|| {
                    sections.iter().any(|section| match section {
                        Section::Partials(section) => section
                            .partials
                            .iter()
                            .all(|partial| partial.text != "Moscow is confident"),
                        _ => false,
                    })
                })
            }
            _ => None,
        })
        .await;
    assert!(together, "the line and what it was come and go in one message");
    partials(&mut anwar, &["It"]).await;

    drop(typist);
    partials(&mut anwar, &[]).await;
}

#[tokio::test]
async fn captioners_hand_over_and_nobody_else_hears_of_it() {
    let mut app = live().await;
    let mut typist = app.join("typist").await;
    let mut kazi = app.join("kazi").await;
    let mut anwar = app.join("anwar").await;
    sit(&mut typist).await;
    writes(&mut typist, "typist").await;
    sit(&mut kazi).await;
    sit(&mut anwar).await;
    writes(&mut kazi, "typist").await;
    types(&mut typist, "The first").await;
    partials(&mut anwar, &["The first"]).await;
    types(&mut kazi, "out of turn").await;
    act(&mut kazi, CaptionAct::TakeOver {}).await;
    writes(&mut typist, "kazi").await;
    types(&mut typist, "out of turn").await;
    types(&mut kazi, "The second").await;
    partials(&mut anwar, &["The second"]).await;
    drop(kazi);
    writes(&mut typist, "typist").await;

    types(&mut anwar, "an intruder").await;
    anwar.say(&ClientMessage::Ping {}).await;
    anwar
        .until(|message| match message {
            ServerMessage::Captioners { .. } => panic!("a participant sits at no desk"),
            ServerMessage::Pong { .. } => Some(()),
            _ => None,
        })
        .await;
    partials(&mut anwar, &[]).await;
}

#[tokio::test]
async fn what_is_typed_off_the_record_is_shown_and_kept_nowhere() {
    let mut app: TestApp = live().await;
    let mut kazi = app.join("kazi").await;
    let mut typist = app.join("typist").await;
    let mut anwar = app.join("anwar").await;
    sit(&mut typist).await;
    writes(&mut typist, "typist").await;
    types(&mut typist, "Before").await;
    partials(&mut anwar, &["Before"]).await;
    let segment = || parsed("plenary-address");
    let set = |status| Command::SetRecordStatus { segment: segment(), status };
    kazi.must(set(RecordStatus::OffTheRecord)).await;
    partials(&mut anwar, &[]).await;

    types(&mut typist, "wormwood").await;
    app.clock.advance(Millis::from_secs(10));
    let outcome = typist.command(commit(122, "wormwood")).await;
    assert_eq!(outcome, Err(Ok(Refusal::NotOnTheRecord)));
    kazi.must(set(RecordStatus::ChathamHouseRule)).await;
    app.clock.advance(Millis::from_secs(10));
    types(&mut typist, "Somebody said").await;
    let shown = anwar
        .until(|message| match message {
            ServerMessage::Changed { sections, .. } => sections.iter().find_map(|section| {
                let Section::Partials(section) = section else { return None };
                assert!(section.partials.iter().all(|partial| partial.text != "wormwood"));
                section.partials.first().cloned()
            }),
            _ => None,
        })
        .await;
    assert_eq!((shown.person, &*shown.text), (None, "Somebody said"));

    let stored = app.lines().await;
    let stored = serde_json::to_string(&stored).unwrap();
    for text in ["wormwood", "Before", "Somebody said"] {
        assert!(!stored.contains(text), "{text}: a partial line is part of no proceedings");
    }
}

#[tokio::test]
async fn captions_and_chapters_are_files_for_whoever_reads_the_transcript() {
    let mut app = live().await;
    let mut kazi = app.join("kazi").await;
    let mut typist = app.join("typist").await;
    typist.must(commit(70, "Moscow is confident of good relations.")).await;
    kazi.must(Command::CloseEvent).await;

    let file = path("captions/en.vtt");
    let answer = app.get_as(&token("press"), &file).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/vtt; charset=utf-8")
    );
    assert!(answer.body.starts_with("WEBVTT\n"), "{}", answer.body);
    assert!(
        answer.body.contains("00:01:10.000 --> 00:01:15.000\n<v Danila Ganich>Moscow is confident"),
        "{}",
        answer.body
    );
    let chapters = app.get_as(&token("typist"), &path("chapters/en.vtt")).await;
    assert_eq!(chapters.body.matches(" --> ").count(), 2, "{}", chapters.body);

    app.get(&file).await.is_error(401, "bad-token");
    for person in ["anwar", "ganich", "booth-ru"] {
        app.get_as(&token(person), &file).await.is_error(403, "may-not-read");
    }
    for none in ["captions/fr.vtt", "captions/en.txt", "captions/en"] {
        let answer = app.get_as(&token("press"), &path(none)).await;
        assert_eq!(answer.status, 404, "{none}");
    }
}
