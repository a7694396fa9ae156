//! Who may do what about the record, while the event is live and after it.

use expect_test::expect_file;
use proceedings::decide;

use super::*;

/// Each command where it would be allowed to somebody.
fn commands(play: &Play) -> Vec<RecordCommand> {
    let (version, document) = {
        let last = play.state.record.release.versions.last().expect("a version");
        (last.version, last.document)
    };
    let end = play.state.closed_at.unwrap_or(play.now);
    let span = (Timestamp(end.0 - 9_000), Timestamp(end.0 - 6_000));
    let corrected = Clearance::Corrected {
        wordings: BTreeMap::from([(tag("en"), "else".to_owned())]),
        reason: None,
    };
    vec![
        RecordCommand::CommitTranscriptLine {
            person: Some(id("kazi")),
            start: span.0,
            end: span.1,
            language: tag("en"),
            interpreted_from: None,
            text: "Words.".to_owned(),
        },
        RecordCommand::CorrectTranscriptLine {
            line: TranscriptLineId(1),
            person: Some(id("kazi")),
            text: "Other words.".to_owned(),
        },
        RecordCommand::StrikeTranscriptLine { line: TranscriptLineId(1) },
        RecordCommand::MarkStatement {
            speaker: Some(id("kazi")),
            start: span.0,
            end: span.1,
            language: tag("en"),
        },
        edit(1, 3, verb(ReportingVerb::Said)),
        check_it(2, 3),
        send(play, 1, 3),
        answer(1, 3, Clearance::Cleared),
        answer(1, 3, corrected),
        RecordCommand::TakeCorrection { statement: StatementId(3), revision: Revision(3) },
        RecordCommand::WithdrawStatement { statement: StatementId(1), reason: "x".to_owned() },
        RecordCommand::SetOffice { speaker: id("kazi"), office: id("bilal"), appointed: true },
        RecordCommand::SaveRelease {
            by: id("press"),
            document: Hash([9; 32]),
            languages: BTreeSet::from([tag("en")]),
            statements: Vec::new(),
            unbound: BTreeSet::new(),
            defects: BTreeSet::new(),
        },
        RecordCommand::SaveReleaseNotes { by: id("press"), document: Hash([8; 32]) },
        RecordCommand::AcceptUnboundText { text: Hash([7; 32]), reason: "x".to_owned() },
        RecordCommand::ApproveRelease { version, document },
        RecordCommand::WithdrawApproval { version },
        RecordCommand::SetEmbargo { until: Some(play.now.plus(Millis::from_minutes(60))) },
        RecordCommand::IssueRelease { version, document, correction: None },
        RecordCommand::LiftEmbargo,
        RecordCommand::KillRelease { reason: "x".to_owned() },
        RecordCommand::PublishRecord,
        RecordCommand::WithdrawRecord,
    ]
}

fn play(closed: bool) -> Play {
    let mut play = sent();
    let command = line(&play, "kazi", 30, 20, "Some words.");
    ok(&mut play, "typist", command);
    for (statement, from) in [(2, 40), (3, 50)] {
        let command = mark(&play, "kazi", from, from - 5);
        ok(&mut play, "press", command);
        ok(&mut play, "press", edit(statement, 1, verb(ReportingVerb::Said)));
        ok(&mut play, "press", edit(statement, 2, says("en", "something")));
    }
    ok(&mut play, "press", check_it(3, 3));
    let command = send(&play, 3, 3);
    ok(&mut play, "press", command);
    let corrected = Clearance::Corrected {
        wordings: BTreeMap::from([(tag("en"), "else".to_owned())]),
        reason: None,
    };
    ok(&mut play, "kazi", answer(3, 3, corrected));
    ok(
        &mut play,
        "kazi",
        RecordCommand::SetOffice { speaker: id("kazi"), office: id("anwar"), appointed: true },
    );
    let save = RecordCommand::SaveRelease {
        by: id("press"),
        document: Hash([1; 32]),
        languages: BTreeSet::from([tag("en")]),
        statements: Vec::new(),
        unbound: BTreeSet::from([Hash([7; 32])]),
        defects: BTreeSet::new(),
    };
    play.ok(Actor::Server, Command::Record(save));
    play.ok(Actor::Operator, Command::SuspendPerson { person: id("sehgal") });
    if closed {
        play.ok(by("kazi"), Command::CloseEvent);
        play.wait(Millis::from_minutes(5));
    }
    play
}

#[test]
fn rights_about_the_record() {
    let actors = [
        ("server", Actor::Server),
        ("operator", Actor::Operator),
        ("the speaker, moderating", by("kazi")),
        ("the speaker's office", by("anwar")),
        ("organiser", by("desk")),
        ("co-organiser", by("embassy-desk")),
        ("rapporteur", by("press")),
        ("captioner", by("typist")),
        ("another speaker", by("ganich")),
        ("interpreter", by("booth-ru")),
        ("participant", by("bilal")),
        ("suspended", by("sehgal")),
        ("unknown", by("nobody")),
    ];
    let plays = [play(false), play(true)];
    let mut table = String::new();
    for number in 0..commands(&plays[0]).len() {
        let named = serde_json::to_value(&commands(&plays[0])[number]).expect("JSON");
        let name = named["do"].as_str().unwrap_or_default();
        let answer = &named["clearance"]["answer"];
        let detail = answer.as_str().map(|answer| format!(" ({answer})")).unwrap_or_default();
        let title = format!("{name}{detail}");
        table += &format!("\n{title:44}{:20}Closed\n", "Live");
        for (name, actor) in &actors {
            let cells = plays.each_ref().map(|play| {
                let command = Command::Record(commands(play)[number].clone());
                match decide(&play.state, play.now, actor, &command) {
                    Ok(_) => "yes".to_owned(),
                    Err(refusal) => format!("{refusal:?}"),
                }
            });
            table += &format!("  {name:42}{:20}{}\n", cells[0], cells[1]);
        }
    }
    expect_file!["../record_rights.txt"].assert_eq(&table);
}
