//! Versions of the release, approval, embargo, issue and recall.

use super::*;

fn hash(byte: u8) -> Hash {
    Hash([byte; 32])
}

fn save_with(byte: u8, unbound: &[Hash]) -> RecordCommand {
    RecordCommand::SaveRelease {
        by: id("press"),
        document: hash(byte),
        languages: BTreeSet::from([tag("en"), tag("ru")]),
        statements: vec![BoundStatement { statement: StatementId(1), revision: Revision(3) }],
        unbound: unbound.iter().copied().collect(),
        defects: BTreeSet::new(),
    }
}

fn save(play: &mut Play, byte: u8) {
    play.ok(Actor::Server, Command::Record(save_with(byte, &[])));
}

/// The number and the hash of the last version.
fn last(state: &EventState) -> (ReleaseVersion, Hash) {
    let last = state.record.release.versions.last().expect("a version");
    (last.version, last.document)
}

fn approve(play: &Play) -> RecordCommand {
    let (version, document) = last(&play.state);
    RecordCommand::ApproveRelease { version, document }
}

fn issue(play: &Play, correction: Option<&str>) -> RecordCommand {
    let (version, document) = last(&play.state);
    let correction = correction.map(str::to_owned);
    RecordCommand::IssueRelease { version, document, correction }
}

fn both_approve(play: &mut Play) {
    let command = approve(play);
    ok(play, "desk", command.clone());
    ok(play, "embassy-desk", command);
}

/// Cleared, saved and approved by both parties.
fn approved() -> Play {
    let mut play = sent();
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
    save(&mut play, 1);
    both_approve(&mut play);
    play
}

#[test]
fn a_release_is_saved_approved_and_issued() {
    let mut play = sent();
    check(
        &mut play,
        Actor::Server,
        save_with(1, &[]),
        expect![[r#"
            {"event":"release-saved","version":1,"by":"press","document":"0101010101010101010101010101010101010101010101010101010101010101","languages":["en","ru"],"statements":[{"statement":1,"revision":3}],"unbound":[],"defects":[]}
        "#]],
    );
    let again = play.refused(Actor::Server, Command::Record(save_with(1, &[])));
    assert_eq!(again, Refusal::NothingToDo);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::NotCleared);
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::NotApproved);
    let command = approve(&play);
    check(
        &mut play,
        by("desk"),
        command.clone(),
        expect![[r#"
            {"event":"release-approved","version":1,"document":"0101010101010101010101010101010101010101010101010101010101010101","party":"kcfr"}
        "#]],
    );
    refused(&mut play, "desk", command.clone(), Refusal::NothingToDo);
    let issuing = issue(&play, None);
    refused(&mut play, "desk", issuing.clone(), Refusal::NotApproved);
    ok(&mut play, "embassy-desk", command);
    check(
        &mut play,
        by("desk"),
        issuing.clone(),
        expect![[r#"
            {"event":"release-issued","version":1,"document":"0101010101010101010101010101010101010101010101010101010101010101","correction":null,"embargo":null}
        "#]],
    );
    refused(&mut play, "desk", issuing, Refusal::AlreadyIssued);
    assert!(play.state.record.release.public(play.now).is_some());
}

#[test]
fn an_edit_resets_the_approvals() {
    let mut play = approved();
    let stale = approve(&play);
    save(&mut play, 5);
    let release = &play.state.record.release;
    assert_eq!(release.versions[0].lost.len(), 2, "what was lost is still known");
    assert!(release.versions[1].lost.is_empty() && release.approvals.is_empty());
    refused(&mut play, "desk", stale, Refusal::StaleVersion);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::NotApproved);
    both_approve(&mut play);
    let withdraw = RecordCommand::WithdrawApproval { version: ReleaseVersion(2) };
    ok(&mut play, "embassy-desk", withdraw.clone());
    refused(&mut play, "embassy-desk", withdraw, Refusal::NothingToDo);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::NotApproved);
}

#[test]
fn an_edited_statement_needs_another_version() {
    let mut play = approved();
    ok(&mut play, "press", edit(1, 3, verb(ReportingVerb::Noted)));
    ok(&mut play, "press", check_it(1, 4));
    let command = send(&play, 1, 4);
    ok(&mut play, "press", command);
    ok(&mut play, "kazi", answer(1, 4, Clearance::Cleared));
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::NotCleared);
}

#[test]
fn text_bound_to_nothing_is_answered_for() {
    let mut play = sent();
    ok(&mut play, "kazi", answer(1, 3, Clearance::Cleared));
    let greeting = hash(0xaa);
    play.ok(Actor::Server, Command::Record(save_with(1, &[greeting])));
    both_approve(&mut play);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::UnboundText);
    let accept =
        |text, reason: &str| RecordCommand::AcceptUnboundText { text, reason: reason.to_owned() };
    refused(&mut play, "press", accept(hash(0xbb), "x"), Refusal::NothingToDo);
    refused(&mut play, "press", accept(greeting, ""), Refusal::BadText);
    ok(&mut play, "press", accept(greeting, "A greeting of the house."));
    refused(&mut play, "press", accept(greeting, "Again."), Refusal::NothingToDo);
    // It stays answered for in later versions with the same text.
    play.ok(Actor::Server, Command::Record(save_with(7, &[greeting])));
    both_approve(&mut play);
    let command = issue(&play, None);
    ok(&mut play, "desk", command);
}

#[test]
fn defects_are_accepted_by_nobody() {
    let mut play = approved();
    let RecordCommand::SaveRelease { by, document, languages, statements, unbound, .. } =
        save_with(9, &[])
    else {
        panic!("a version")
    };
    let defects = BTreeSet::from([proceedings::ReleaseDefect::NameUnderChathamHouseRule]);
    let leaky =
        RecordCommand::SaveRelease { by, document, languages, statements, unbound, defects };
    play.ok(Actor::Server, Command::Record(leaky));
    both_approve(&mut play);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::ReleaseDefective);
}

#[test]
fn an_embargo_is_lifted_by_itself_and_not_before() {
    let mut play = approved();
    let until = play.now.plus(Millis::from_minutes(90));
    let embargo = |until| RecordCommand::SetEmbargo { until };
    refused(&mut play, "press", embargo(Some(until)), Refusal::NotAllowed);
    let now = play.now;
    refused(&mut play, "desk", embargo(Some(now)), Refusal::BadEmbargo);
    ok(&mut play, "desk", embargo(Some(until)));
    let command = issue(&play, None);
    ok(&mut play, "embassy-desk", command);
    let lift = || Command::Record(RecordCommand::LiftEmbargo);
    assert_eq!(play.refused(Actor::Server, lift()), Refusal::EmbargoHolds);
    assert_eq!(play.state.record.release.public(play.now), None);
    assert_eq!(play.state.record.embargo_due(), Some(until));
    play.wait(Millis::from_minutes(90));
    assert!(
        play.state.record.release.public(play.now).is_some(),
        "the moment counts, not the line"
    );
    play.ok(Actor::Server, lift());
    assert_eq!(play.refused(Actor::Server, lift()), Refusal::NothingToDo);
    assert_eq!(play.state.record.embargo_due(), None);
}

#[test]
fn an_embargo_is_moved_and_lifted_by_a_party() {
    let mut play = approved();
    let embargo = |until| RecordCommand::SetEmbargo { until };
    let until = play.now.plus(Millis::from_minutes(90));
    ok(&mut play, "desk", embargo(Some(until)));
    let command = issue(&play, None);
    ok(&mut play, "desk", command);
    let sooner = play.now.plus(Millis::from_minutes(30));
    ok(&mut play, "desk", embargo(Some(sooner)));
    assert_eq!(play.state.record.embargo_due(), Some(sooner));
    ok(&mut play, "embassy-desk", embargo(None));
    assert_eq!(play.state.record.embargo_due(), None);
    assert!(play.state.record.release.public(play.now).is_some());
}

#[test]
fn what_is_overtaken_is_corrected_or_recalled() {
    let mut play = approved();
    let kill = |reason: &str| RecordCommand::KillRelease { reason: reason.to_owned() };
    refused(&mut play, "desk", kill("Too early."), Refusal::NotIssued);
    let command = issue(&play, Some("Nothing yet."));
    refused(&mut play, "desk", command, Refusal::CorrectionMissing);
    let command = issue(&play, None);
    ok(&mut play, "desk", command);
    assert_eq!(play.state.record.overtaken(), []);
    ok(&mut play, "press", edit(1, 3, says("en", "the SCO as a platform")));
    assert_eq!(play.state.record.overtaken(), [StatementId(1)]);
    ok(&mut play, "press", check_it(1, 4));
    let command = send(&play, 1, 4);
    ok(&mut play, "press", command);
    ok(&mut play, "kazi", answer(1, 4, Clearance::Cleared));
    let RecordCommand::SaveRelease { by, document, languages, unbound, defects, .. } =
        save_with(3, &[])
    else {
        panic!("a version")
    };
    let statements = vec![BoundStatement { statement: StatementId(1), revision: Revision(4) }];
    let next = RecordCommand::SaveRelease { by, document, languages, statements, unbound, defects };
    play.ok(Actor::Server, Command::Record(next));
    both_approve(&mut play);
    let command = issue(&play, None);
    refused(&mut play, "desk", command, Refusal::CorrectionMissing);
    let command = issue(&play, Some("The second paragraph."));
    ok(&mut play, "desk", command);
    assert_eq!(play.state.record.overtaken(), []);

    refused(&mut play, "press", kill("x"), Refusal::NotAllowed);
    ok(&mut play, "desk", kill("The quotation is not authentic."));
    refused(&mut play, "desk", kill("Again."), Refusal::NothingToDo);
    assert_eq!(play.state.record.release.public(play.now), None);
}

#[test]
fn only_what_the_server_read_is_a_version() {
    let mut play = sent();
    for person in ["press", "desk", "kazi"] {
        refused(&mut play, person, save_with(1, &[]), Refusal::NotAllowed);
    }
    let by_speaker = match save_with(1, &[]) {
        RecordCommand::SaveRelease {
            document, languages, statements, unbound, defects, ..
        } => {
            let by = id("ganich");
            RecordCommand::SaveRelease { by, document, languages, statements, unbound, defects }
        }
        other => other,
    };
    let refusal = play.refused(Actor::Server, Command::Record(by_speaker));
    assert_eq!(refusal, Refusal::NotAllowed);
    let unknown = RecordCommand::SaveRelease {
        by: id("press"),
        document: hash(1),
        languages: BTreeSet::from([tag("en")]),
        statements: vec![BoundStatement { statement: StatementId(7), revision: Revision(1) }],
        unbound: BTreeSet::new(),
        defects: BTreeSet::new(),
    };
    let refusal = play.refused(Actor::Server, Command::Record(unknown));
    assert_eq!(refusal, Refusal::NoSuchStatement);
}

#[test]
fn the_record_is_public_by_a_decision_after_the_end_alone() {
    use proceedings::RecordStanding;
    let mut play = approved();
    let (publish, withdraw) = (RecordCommand::PublishRecord, RecordCommand::WithdrawRecord);
    refused(&mut play, "kazi", publish.clone(), Refusal::NotClosed);
    refused(&mut play, "kazi", withdraw.clone(), Refusal::NothingToDo);
    let until = Some(play.now.plus(Millis::from_minutes(30)));
    ok(&mut play, "desk", RecordCommand::SetEmbargo { until });
    let command = issue(&play, None);
    ok(&mut play, "desk", command);
    play.ok(by("kazi"), Command::CloseEvent);
    assert_eq!(play.state.record.standing, RecordStanding::Internal, "never by itself");
    refused(&mut play, "press", publish.clone(), Refusal::NotAllowed);
    refused(&mut play, "kazi", publish.clone(), Refusal::EmbargoHolds);
    play.wait(Millis::from_minutes(30));
    ok(&mut play, "kazi", publish.clone());
    assert_eq!(play.state.record.standing, RecordStanding::Public { since: play.now });
    refused(&mut play, "desk", publish.clone(), Refusal::NothingToDo);
    play.wait(Millis::from_minutes(1));
    refused(&mut play, "ganich", withdraw.clone(), Refusal::NotAllowed);
    ok(&mut play, "embassy-desk", withdraw);
    assert_eq!(play.state.record.standing, RecordStanding::Withdrawn { at: play.now });
    ok(&mut play, "desk", publish);
    assert!(play.state.record.standing.is_public());
}
