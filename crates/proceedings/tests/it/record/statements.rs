//! Statements and their clearance.

use super::*;

#[test]
fn a_statement_goes_from_the_mark_to_its_clearance() {
    let mut play = live();
    let command = mark(&play, "kazi", 30, 20);
    check(
        &mut play,
        by("press"),
        command.clone(),
        expect![[r#"
            {"event":"statement-marked","statement":1,"segment":"introductory-remarks","speaker":"kazi","start":1612864830010,"end":1612864840010,"language":"en"}
        "#]],
    );
    refused(&mut play, "press", command, Refusal::NothingToDo);
    refused(&mut play, "press", check_it(1, 1), Refusal::NotWorded);
    check(
        &mut play,
        by("press"),
        edit(1, 1, verb(ReportingVerb::Stressed)),
        expect![[r#"
            {"event":"statement-verb-chosen","statement":1,"verb":"stressed"}
        "#]],
    );
    refused(&mut play, "press", check_it(1, 2), Refusal::NotWorded);
    check(
        &mut play,
        by("press"),
        edit(1, 2, says("en", "the SCO as a platform for cooperation")),
        expect![[r#"
            {"event":"statement-worded","statement":1,"language":"en","wording":{"form":"indirect","text":"the SCO as a platform for cooperation"}}
        "#]],
    );
    let command = send(&play, 1, 3);
    refused(&mut play, "press", command, Refusal::NotChecked);
    refused(&mut play, "kazi", answer(1, 3, Clearance::Cleared), Refusal::NotSent);
    ok(&mut play, "press", check_it(1, 3));
    refused(&mut play, "press", check_it(1, 3), Refusal::NothingToDo);
    let command = send(&play, 1, 3);
    ok(&mut play, "press", command.clone());
    refused(&mut play, "press", command, Refusal::NothingToDo);
    check(
        &mut play,
        by("kazi"),
        answer(1, 3, Clearance::Cleared),
        expect![[r#"
            {"event":"statement-answered","statement":1,"revision":3,"clearance":{"answer":"cleared"}}
        "#]],
    );
    refused(&mut play, "kazi", answer(1, 3, Clearance::Cleared), Refusal::NothingToDo);
    assert_eq!(life(&play, 1), StatementLife::Cleared);
}

#[test]
fn any_edit_makes_a_statement_a_draft_again() {
    let mut play = sent();
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
    let same = edit(1, 3, verb(ReportingVerb::Stressed));
    refused(&mut play, "press", same, Refusal::NothingToDo);
    assert_eq!(life(&play, 1), StatementLife::Cleared);
    ok(&mut play, "press", edit(1, 3, verb(ReportingVerb::Underlined)));
    assert_eq!(life(&play, 1), StatementLife::Drafted);
    refused(&mut play, "kazi", answer(1, 3, Clearance::Cleared), Refusal::StaleRevision);
    refused(&mut play, "kazi", answer(1, 4, Clearance::Cleared), Refusal::NotSent);
    refused(&mut play, "press", edit(1, 3, says("en", "else")), Refusal::StaleRevision);
}

#[test]
fn a_speaker_answers_for_nobody_else() {
    let mut play = sent();
    for other in ["ganich", "sehgal", "desk", "press", "anwar", "embassy-desk"] {
        refused(&mut play, other, answer(1, 3, Clearance::Cleared), Refusal::NotAllowed);
        refused(&mut play, other, answer(9, 3, Clearance::Cleared), Refusal::NotAllowed);
    }
    let office = |appointed| RecordCommand::SetOffice {
        speaker: id("kazi"),
        office: id("anwar"),
        appointed,
    };
    refused(&mut play, "anwar", office(true), Refusal::NotAllowed);
    refused(&mut play, "press", office(true), Refusal::NotAllowed);
    ok(&mut play, "kazi", office(true));
    refused(&mut play, "kazi", office(true), Refusal::NothingToDo);
    ok(&mut play, "anwar", answer(1, 3, Clearance::Withheld { reason: None }));
    ok(&mut play, "desk", office(false));
    refused(&mut play, "anwar", answer(1, 3, Clearance::Cleared), Refusal::NotAllowed);
    assert_eq!(life(&play, 1), StatementLife::Withheld { reason: None });
}

#[test]
fn the_words_that_a_speaker_wants_are_taken_over_or_talked_about() {
    let mut play = sent();
    let wants = |text: &str| Clearance::Corrected {
        wordings: BTreeMap::from([(tag("en"), text.to_owned())]),
        reason: Some("More precise.".to_owned()),
    };
    let as_it_is = wants("the SCO as a platform for cooperation");
    refused(&mut play, "kazi", answer(1, 3, as_it_is), Refusal::BadText);
    let urdu = Clearance::Corrected {
        wordings: BTreeMap::from([(tag("ur"), "x".to_owned())]),
        reason: None,
    };
    refused(&mut play, "kazi", answer(1, 3, urdu), Refusal::NoSuchLanguage);
    ok(&mut play, "kazi", answer(1, 3, wants("the SCO as the platform for cooperation")));
    let take = RecordCommand::TakeCorrection { statement: StatementId(1), revision: Revision(3) };
    refused(&mut play, "kazi", check_it(1, 3), Refusal::NothingToDo);
    ok(&mut play, "press", take.clone());
    refused(&mut play, "press", take, Refusal::StaleRevision);
    let statement = play.state.record.statement(StatementId(1)).expect("a statement");
    let text = statement.wordings[&tag("en")].text();
    assert_eq!(text, "the SCO as the platform for cooperation");
    assert_eq!((statement.revision, &statement.life), (Revision(4), &StatementLife::Cleared));
}

#[test]
fn quotations_are_what_the_transcript_says() {
    let mut play = live();
    for (from, to, text) in
        [(30, 26, "We believe in multilateralism,"), (26, 20, "not unilateralism.")]
    {
        let command = line(&play, "kazi", from, to, text);
        ok(&mut play, "typist", command);
    }
    let command = mark(&play, "kazi", 30, 20);
    ok(&mut play, "press", command);
    ok(&mut play, "press", edit(1, 1, verb(ReportingVerb::Said)));
    let wrong = quotes("multilateralism, and multilateralism", false);
    refused(&mut play, "press", edit(1, 2, wrong), Refusal::QuotationDiffers);
    ok(&mut play, "press", edit(1, 2, quotes("Multilateralism, not unilateralism", false)));
    let correct = RecordCommand::CorrectTranscriptLine {
        line: TranscriptLineId(2),
        person: Some(id("kazi")),
        text: "and not unilateralism.".to_owned(),
    };
    ok(&mut play, "typist", correct);
    refused(&mut play, "press", check_it(1, 3), Refusal::QuotationDiffers);
    ok(&mut play, "press", edit(1, 3, quotes("Multilateralism, not unilateralism", true)));
    ok(&mut play, "press", check_it(1, 4));
}

#[test]
fn a_statement_lies_in_one_segment_on_the_record() {
    let mut play = live();
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_secs(20));
    let across = mark(&play, "kazi", 25, 15);
    refused(&mut play, "press", across, Refusal::NotOnTheRecord);
    let other = mark(&play, "sehgal", 15, 10);
    refused(&mut play, "press", other, Refusal::NotHeard);
    let early = mark(&play, "kazi", 300, 200);
    refused(&mut play, "press", early, Refusal::NotOnTheRecord);
    let command = mark(&play, "ganich", 15, 10);
    ok(&mut play, "press", command);
    let moved = StatementEdit::Span {
        speaker: Some(id("kazi")),
        start: ago(&play, 40),
        end: ago(&play, 30),
        language: tag("ur"),
    };
    check(
        &mut play,
        by("press"),
        edit(1, 1, moved),
        expect![[r#"
            {"event":"statement-moved","statement":1,"segment":"introductory-remarks","speaker":"kazi","start":1612864840015,"end":1612864850015,"language":"ur"}
        "#]],
    );
    play.ok(by("kazi"), suspend());
    play.wait(Millis::from_secs(20));
    let during = mark(&play, "kazi", 10, 5);
    refused(&mut play, "press", during, Refusal::NotOnTheRecord);
}

#[test]
fn a_statement_under_the_chatham_house_rule_names_nobody() {
    let mut play = live();
    let segment = parsed("introductory-remarks");
    let status = RecordStatus::ChathamHouseRule;
    play.ok(by("kazi"), Command::SetRecordStatus { segment, status });
    play.wait(Millis::from_secs(30));
    let command = mark(&play, "kazi", 20, 10);
    ok(&mut play, "press", command);
    assert_eq!(play.state.record.statements[0].speaker, None);
    ok(&mut play, "press", edit(1, 1, verb(ReportingVerb::Noted)));
    ok(&mut play, "press", edit(1, 2, says("en", "that views differ")));
    ok(&mut play, "press", check_it(1, 3));
    let command = send(&play, 1, 3);
    ok(&mut play, "press", command);
    refused(&mut play, "ganich", answer(1, 3, Clearance::Cleared), Refusal::NotAllowed);
    refused(&mut play, "press", answer(1, 3, Clearance::Cleared), Refusal::NotAllowed);
    ok(&mut play, "desk", answer(1, 3, Clearance::Cleared));
}

#[test]
fn the_desk_works_on_after_the_end() {
    let mut play = sent();
    play.ok(by("kazi"), Command::CloseEvent);
    play.wait(Millis::from_minutes(30));
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
    // Nobody of the embassy ever came in.
    let end = play.state.closed_at.expect("closed");
    let late = RecordCommand::MarkStatement {
        speaker: Some(id("kazi")),
        start: Timestamp(end.0 - 40_000),
        end: Timestamp(end.0 - 35_000),
        language: tag("en"),
    };
    ok(&mut play, "embassy-desk", late);
    let command = mark(&play, "kazi", 40, 30);
    refused(&mut play, "press", command, Refusal::NotOnTheRecord);
    let withdraw = |reason: &str| RecordCommand::WithdrawStatement {
        statement: StatementId(2),
        reason: reason.to_owned(),
    };
    refused(&mut play, "press", withdraw(" "), Refusal::BadText);
    ok(&mut play, "press", withdraw("Marked twice."));
    refused(&mut play, "press", withdraw("Again."), Refusal::NothingToDo);
    refused(&mut play, "press", edit(2, 1, says("en", "x")), Refusal::StatementWithdrawn);
    let command = send(&play, 2, 1);
    refused(&mut play, "press", command, Refusal::StatementWithdrawn);
}

#[test]
fn deadlines_lie_ahead() {
    let mut play = sent();
    let until = |deadline| RecordCommand::SendForClearance {
        statement: StatementId(1),
        revision: Revision(3),
        deadline,
    };
    let (now, month) = (play.now, Millis::from_minutes(40 * 24 * 60));
    refused(&mut play, "press", until(now), Refusal::BadDeadline);
    refused(&mut play, "press", until(now.plus(month)), Refusal::BadDeadline);
    ok(&mut play, "press", until(now.plus(Millis::from_minutes(5))));
    play.wait(Millis::from_minutes(10));
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
}
