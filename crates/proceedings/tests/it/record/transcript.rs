//! Lines of the transcript.

use super::*;

fn committed(play: &Play) -> Vec<(Option<String>, &str, &str)> {
    let lines = play.state.record.transcript.iter().filter(|line| !line.struck);
    lines
        .map(|line| {
            let person = line.person.as_ref().map(ToString::to_string);
            (person, line.segment.as_str(), line.text.as_str())
        })
        .collect()
}

fn set_status(play: &mut Play, status: RecordStatus) {
    let segment = parsed("introductory-remarks");
    play.ok(by("kazi"), Command::SetRecordStatus { segment, status });
}

#[test]
fn a_line_is_put_down_corrected_and_struck() {
    let mut play = live();
    let command = line(&play, "kazi", 12, 8, " Relations have entered a new error. ");
    check(
        &mut play,
        by("typist"),
        command.clone(),
        expect![[r#"
            {"event":"transcript-line-committed","line":1,"segment":"introductory-remarks","person":"kazi","start":1612864848010,"end":1612864852010,"language":"en","interpreted_from":null,"text":"Relations have entered a new error."}
        "#]],
    );
    refused(&mut play, "typist", command, Refusal::NothingToDo);
    let correct = |text: &str| RecordCommand::CorrectTranscriptLine {
        line: TranscriptLineId(1),
        person: Some(id("kazi")),
        text: text.to_owned(),
    };
    check(
        &mut play,
        by("typist"),
        correct("Relations have entered a new era."),
        expect![[r#"
            {"event":"transcript-line-corrected","line":1,"person":"kazi","text":"Relations have entered a new era."}
        "#]],
    );
    refused(
        &mut play,
        "typist",
        correct("Relations have entered a new era."),
        Refusal::NothingToDo,
    );
    let strike = RecordCommand::StrikeTranscriptLine { line: TranscriptLineId(1) };
    check(
        &mut play,
        by("press"),
        strike.clone(),
        expect![[r#"
            {"event":"transcript-line-struck","line":1}
        "#]],
    );
    refused(&mut play, "press", strike, Refusal::NothingToDo);
    let none = RecordCommand::StrikeTranscriptLine { line: TranscriptLineId(2) };
    refused(&mut play, "press", none, Refusal::NoSuchLine);
    assert_eq!(committed(&play), []);
}

#[test]
fn only_who_was_heard_then_is_named() {
    let mut play = live();
    let command = line(&play, "ganich", 12, 8, "We are confident.");
    refused(&mut play, "typist", command, Refusal::NotHeard);
    let RecordCommand::CommitTranscriptLine { start, end, .. } = line(&play, "kazi", 12, 8, "")
    else {
        panic!("a line")
    };
    let nobody = RecordCommand::CommitTranscriptLine {
        person: None,
        start,
        end,
        language: tag("en"),
        interpreted_from: None,
        text: "Words.".to_owned(),
    };
    refused(&mut play, "typist", nobody, Refusal::SpeakerMissing);
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_secs(10));
    let command = line(&play, "ganich", 8, 4, "We are confident.");
    ok(&mut play, "typist", command);
    let muted = line(&play, "ganich", 20, 12, "Before the floor was given.");
    refused(&mut play, "typist", muted, Refusal::NotHeard);
    let wrong = RecordCommand::CorrectTranscriptLine {
        line: TranscriptLineId(1),
        person: Some(id("sehgal")),
        text: "We are confident.".to_owned(),
    };
    refused(&mut play, "press", wrong, Refusal::NotHeard);
}

#[test]
fn nothing_is_put_down_off_the_record() {
    let mut play = live();
    set_status(&mut play, RecordStatus::OffTheRecord);
    play.wait(Millis::from_secs(20));
    let during = line(&play, "kazi", 15, 10, "Between us.");
    refused(&mut play, "typist", during, Refusal::NotOnTheRecord);
    let into = line(&play, "kazi", 25, 15, "So far the record, and between us.");
    refused(&mut play, "typist", into, Refusal::NotOnTheRecord);
    let before = line(&play, "kazi", 30, 22, "So far the record.");
    ok(&mut play, "typist", before);
    set_status(&mut play, RecordStatus::OnTheRecord);
    play.wait(Millis::from_secs(10));
    let out_of = line(&play, "kazi", 12, 5, "Between us, and on.");
    refused(&mut play, "typist", out_of, Refusal::NotOnTheRecord);
    assert_eq!(committed(&play).len(), 1);
}

#[test]
fn a_line_ahead_of_the_clock_does_not_reach_into_what_comes_next() {
    let mut play = live();
    let command = line(&play, "kazi", 3, -1, "And now between us.");
    ok(&mut play, "typist", command);
    set_status(&mut play, RecordStatus::OffTheRecord);
    let line = &play.state.record.transcript[0];
    assert_eq!(line.end.0, play.now.0 - 1, "it ends when it was put down");
}

#[test]
fn nobody_is_named_under_the_chatham_house_rule() {
    let mut play = live();
    set_status(&mut play, RecordStatus::ChathamHouseRule);
    play.wait(Millis::from_secs(20));
    let command = line(&play, "kazi", 15, 10, "A view that somebody holds.");
    ok(&mut play, "typist", command);
    let named = RecordCommand::CorrectTranscriptLine {
        line: TranscriptLineId(1),
        person: Some(id("kazi")),
        text: "A view that somebody held.".to_owned(),
    };
    ok(&mut play, "press", named);
    let expected = (None, "introductory-remarks", "A view that somebody held.");
    assert_eq!(committed(&play), [expected]);
    let into = line(&play, "kazi", 25, 15, "On the record, and not.");
    refused(&mut play, "typist", into, Refusal::NotOnTheRecord);
    let lines = &play.lines[play.lines.len() - 2..];
    let text = serde_json::to_string(lines).expect("JSON");
    assert!(!text.contains("kazi"), "{text}");
}

#[test]
fn a_sentence_finished_in_the_next_segment_belongs_to_its_own() {
    let mut play = live();
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_secs(3));
    let command = line(&play, "kazi", 6, 1, "I give the floor to the Ambassador.");
    ok(&mut play, "typist", command);
    let line = &play.state.record.transcript[0];
    assert_eq!(line.segment.as_str(), "introductory-remarks");
    assert_eq!(line.end.0, play.now.0 - 3_001, "it ends where the segment did");
}

#[test]
fn lines_have_bounds() {
    let mut play = live();
    let refusals = [
        (line(&play, "kazi", 8, 8, "x"), Refusal::BadSpan),
        (line(&play, "kazi", 8, 9, "x"), Refusal::BadSpan),
        (line(&play, "kazi", 8, -30, "x"), Refusal::BadSpan),
        (line(&play, "kazi", 90, 8, "x"), Refusal::BadSpan),
        (line(&play, "kazi", 8, 4, "  "), Refusal::BadText),
        (line(&play, "kazi", 8, 4, &"x".repeat(501)), Refusal::BadText),
        (line(&play, "kazi", 8, 4, "a\u{7}b"), Refusal::BadText),
        (line(&play, "nobody", 8, 4, "x"), Refusal::NoSuchPerson),
    ];
    for (command, refusal) in refusals {
        refused(&mut play, "typist", command, refusal);
    }
    let french = RecordCommand::CommitTranscriptLine {
        person: Some(id("kazi")),
        start: ago(&play, 8),
        end: ago(&play, 4),
        language: tag("fr"),
        interpreted_from: None,
        text: "Bonjour.".to_owned(),
    };
    refused(&mut play, "typist", french, Refusal::NoSuchLanguage);
}

#[test]
fn captioners_take_over_from_each_other_and_correct_the_last_lines() {
    let mut play = live();
    for number in 0..21 {
        let command = line(&play, "kazi", 30, 25, &format!("Line {number}."));
        ok(&mut play, "typist", command);
    }
    let correct = |line: u32| RecordCommand::CorrectTranscriptLine {
        line: TranscriptLineId(line),
        person: Some(id("kazi")),
        text: "Corrected.".to_owned(),
    };
    refused(&mut play, "typist", correct(1), Refusal::LineTooOld);
    ok(&mut play, "typist", correct(2));
    ok(&mut play, "press", correct(1));
}
