//! Segments forward and back, time, record status.

use super::*;

#[test]
fn a_discussion_lets_its_people_answer_each_other() {
    let mut play = event_with(|definition| {
        let discussion = &mut definition.segments[1];
        discussion.kind = SegmentKind::Discussion;
        discussion.floor = vec![id("ganich"), id("sehgal"), id("ganich")];
    });
    for who in ["kazi", "ganich", "sehgal"] {
        play.arrive(who);
    }
    play.ok(by("kazi"), Command::EnterStage);
    play.ok(by("ganich"), Command::EnterStage);
    play.ok(by("kazi"), Command::OpenEvent);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"kazi"}
        {"event":"segment-ended","segment":"introductory-remarks"}
        {"event":"segment-began","segment":"plenary-address"}
        {"event":"answering-changed","person":"ganich","allowed":true}
    "#]],
    );
    check(
        &mut play,
        by("sehgal"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"sehgal","guest":false}
        {"event":"answering-changed","person":"sehgal","allowed":true}
    "#]],
    );
    check(
        &mut play,
        by("kazi"),
        give("sehgal"),
        expect![[r#"
        {"event":"floor-given","person":"sehgal","limit":null}
    "#]],
    );
    // The moderator's microphone has been on since the introductory remarks.
    assert_eq!(play.state.audience_hearing().voices, [id("sehgal"), id("kazi")]);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"sehgal"}
        {"event":"answering-changed","person":"ganich","allowed":false}
        {"event":"answering-changed","person":"sehgal","allowed":false}
        {"event":"segment-ended","segment":"plenary-address"}
        {"event":"segment-began","segment":"questions"}
        {"event":"answering-changed","person":"ganich","allowed":true}
    "#]],
    );
}

#[test]
fn going_back_keeps_the_time_spent() {
    let mut play = Play::at(Life::Live);
    assert_eq!(play.refused(by("kazi"), Command::PreviousSegment), Refusal::FirstSegment);
    play.wait(Millis::from_minutes(7));
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_minutes(1));
    check(
        &mut play,
        by("kazi"),
        Command::PreviousSegment,
        expect![[r#"
        {"event":"floor-taken","person":"ganich"}
        {"event":"segment-ended","segment":"plenary-address"}
        {"event":"segment-began","segment":"introductory-remarks"}
        {"event":"floor-given","person":"kazi","limit":null}
    "#]],
    );
    let times = |play: &Play, index: usize| {
        let progress = &play.state.programme.segments[index];
        (progress.began_at, progress.ended_at)
    };
    assert_eq!(times(&play, 0), (Some(play.now), None), "it goes on");
    assert_eq!(times(&play, 1).1, Some(play.now));
    play.wait(Millis::from_minutes(2));
    let (spent, length) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!((spent.0 / 60_000, length), (9, Millis::from_minutes(10)));
    play.ok(by("kazi"), Command::NextSegment);
    let (spent, _) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!(spent.0 / 60_000, 1);
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.refused(by("kazi"), Command::NextSegment), Refusal::LastSegment);
}

#[test]
fn an_extension_is_a_minute_to_four_hours() {
    let mut play = Play::at(Life::Live);
    for (minutes, good) in [(0, false), (1, true), (240, true), (241, false)] {
        let by_length = Command::ExtendSegment { by: Millis::from_minutes(minutes) };
        let sent = play.send(by("kazi"), by_length);
        assert_eq!(sent.is_ok(), good, "{minutes}");
        assert!(good || sent == Err(Refusal::BadExtension));
    }
    let (_, length) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!(length, Millis::from_minutes(10 + 1 + 240));
}

#[test]
fn the_record_status_of_present_and_coming_segments_changes() {
    let mut play = questions();
    let set = |segment: &str, status| Command::SetRecordStatus { segment: parsed(segment), status };
    let off = RecordStatus::OffTheRecord;
    assert_eq!(play.refused(by("kazi"), set("plenary-address", off)), Refusal::SegmentOver);
    assert_eq!(play.refused(by("kazi"), set("dinner", off)), Refusal::NoSuchSegment);
    assert_eq!(play.state.record_status(), RecordStatus::OnTheRecord);
    check(
        &mut play,
        by("kazi"),
        set("questions", off),
        expect![[r#"
        {"event":"record-status-changed","segment":"questions","status":"off-the-record"}
    "#]],
    );
    assert_eq!(play.state.record_status(), off);
    assert_eq!(play.refused(by("kazi"), set("questions", off)), Refusal::NothingToDo);
    play.ok(by("kazi"), set("concluding-note", RecordStatus::ChathamHouseRule));
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.state.record_status(), RecordStatus::ChathamHouseRule);
}
