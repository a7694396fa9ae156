//! What tests of this crate and of those above it share: a small event modelled on the reference
//! event, and the invariants that hold in every state that commands can lead to.

use std::collections::BTreeSet;

use base::limits::{
    CONNECTIONS_PER_PERSON_MAX, HANDS_MAX, PEOPLE_MAX, RELEASE_VERSIONS_MAX, STAGE_MAX,
    STATEMENTS_MAX, TRANSCRIPT_LINES_MAX,
};
use base::{Language, Localized, Millis, PartyId, PersonId, Timestamp};

use crate::{
    Admission, EventDefinition, EventState, Hearing, Life, LobbyPolicy, Microphone, Party, Person,
    Policy, RecordStanding, RecordStatus, Role, Segment, SegmentKind, StagePlace, StatementLife,
};

/// The planned opening of [`reference_event`]: 9 February 2021, 15:00 in Karachi.
pub const START: Timestamp = Timestamp(1_612_864_800_000);

/// The reference event in small: two who moderate (`kazi`, `desk`), the plenary speaker `ganich`,
/// the concluding speaker `sehgal`, the interpreter `booth-ru`, the participants `anwar` and
/// `bilal`; four segments.
#[must_use]
pub fn reference_event() -> EventDefinition {
    let segment = |id, kind, minutes, floor: &str| Segment {
        id: parsed(id),
        kind,
        title: None,
        planned: Millis::from_minutes(minutes),
        floor: vec![parsed(floor)],
        record_status: RecordStatus::OnTheRecord,
    };
    EventDefinition {
        id: parsed("russian-diplomats-day"),
        title: text("Russia–Pakistan relations"),
        topic: text("Prospects of bilateral relations"),
        occasion: Some(text("Russian Diplomats' Day")),
        notice: None,
        languages: vec![parsed("en"), parsed("ru"), parsed("ur")],
        start: START,
        time_zone: "Asia/Karachi".to_owned(),
        city: text("Karachi"),
        parties: vec![Party {
            id: parsed("kcfr"),
            name: text("Karachi Council on Foreign Relations"),
            short_name: Some(text("the Council")),
        }],
        people: vec![
            person("kazi", "Mustafa Kamal Kazi", Role::Moderator),
            person("ganich", "Danila Ganich", Role::PlenarySpeaker),
            person("sehgal", "Ikram Sehgal", Role::ConcludingSpeaker),
            person("desk", "Desk of the Council", Role::Organiser),
            person("booth-ru", "Russian booth", Role::Interpreter),
            person("anwar", "Anwar", Role::Participant),
            person("bilal", "Bilal", Role::Participant),
        ],
        segments: vec![
            segment("introductory-remarks", SegmentKind::IntroductoryRemarks, 10, "kazi"),
            segment("plenary-address", SegmentKind::PlenaryAddress, 25, "ganich"),
            segment("questions", SegmentKind::Questions, 20, "ganich"),
            segment("concluding-note", SegmentKind::ConcludingNote, 10, "sehgal"),
        ],
        policy: Policy {
            lobby: LobbyPolicy::Registered,
            registration_open: true,
            hands_allowed: true,
            recording: true,
            chatham_house_recorded: false,
            attendance_published: true,
            participants_max: 500,
        },
    }
}

/// A person with one role and nothing else but a name.
#[must_use]
pub fn person(id: &str, name: &str, role: Role) -> Person {
    Person {
        id: parsed(id),
        name: text(name),
        honorific: None,
        office: None,
        affiliation: None,
        country: None,
        party: None,
        roles: vec![role],
    }
}

/// `text` in English.
#[must_use]
pub fn text(text: &str) -> Localized {
    Localized::single(parsed::<Language>("en"), text)
}

/// An identifier or tag that the test knows to be right.
///
/// # Panics
/// When it is not.
#[must_use]
#[expect(clippy::panic, reason = "only tests come here")]
pub fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is not right"))
}

/// [`reference_event`] with everybody whom its record needs: the rapporteur `press`, the captioner
/// `typist`, and a second party with its co-organiser `embassy-desk`.
#[must_use]
pub fn recorded_event() -> EventDefinition {
    let mut definition = reference_event();
    definition.parties.push(Party {
        id: parsed("embassy"),
        name: text("Embassy of the Russian Federation"),
        short_name: None,
    });
    let mut co_organiser = person("embassy-desk", "Desk of the Embassy", Role::CoOrganiser);
    co_organiser.party = Some(parsed("embassy"));
    definition.people.extend([
        person("press", "Press officer", Role::Rapporteur),
        person("typist", "Captioner", Role::Captioner),
        co_organiser,
    ]);
    definition
}

/// Checks everything that holds in every state of every event.
///
/// # Errors
/// Names the invariant that does not hold.
pub fn check_invariants(state: &EventState) -> Result<(), String> {
    let begun = matches!(state.life, Life::Live | Life::Suspended);
    let on_stage = |id: &PersonId| state.people.get(id).is_some_and(|other| other.is_on_stage());
    let admitted = |id: &PersonId| {
        state.people.get(id).is_some_and(|other| other.admission == Admission::Admitted)
    };
    let unique = |people: &[PersonId]| people.iter().collect::<BTreeSet<_>>().len() == people.len();
    let that = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };

    if let Some(grant) = &state.floor {
        that(on_stage(&grant.person), "the holder of the floor is on stage")?;
        that(begun, "there is a floor only while live or suspended")?;
    }
    that(state.answering.iter().all(on_stage), "who may answer is on stage")?;
    that(unique(&state.answering), "nobody may answer twice")?;
    that(begun || state.answering.is_empty(), "answers only while live or suspended")?;

    let placed: BTreeSet<_> =
        state.people.values().filter(|other| other.is_on_stage()).map(|a| &a.person.id).collect();
    that(unique(&state.stage), "nobody is on stage twice")?;
    that(placed == state.stage.iter().collect(), "the stage lists who has a place there")?;
    that(state.stage.len() <= STAGE_MAX, "the stage is bounded")?;
    that(state.stage.iter().all(admitted), "who is on stage is admitted")?;
    let stageless = matches!(state.life, Life::Scheduled | Life::Closed);
    that(!stageless || state.stage.is_empty(), "no stage before the green room nor at the end")?;

    let hands: Vec<_> = state.hands.iter().map(|hand| hand.person.clone()).collect();
    that(unique(&hands), "a hand is raised once")?;
    that(hands.iter().all(admitted), "who raises a hand is admitted")?;
    that(hands.len() <= HANDS_MAX, "hands are bounded")?;
    that(begun || hands.is_empty(), "hands only while live or suspended")?;
    that(!hands.iter().any(|id| state.has_floor(id)), "the floor answers the hand")?;

    let mut sharing = 0;
    let mut participants = 0;
    let mut moderators = 0;
    for (id, attendance) in &state.people {
        that(*id == attendance.person.id, "people are kept by their id")?;
        let out = matches!(attendance.admission, Admission::Suspended | Admission::Removed);
        let waiting = attendance.admission == Admission::Waiting;
        that(!waiting || attendance.is_present(), "who waits is here")?;
        that(waiting == attendance.waiting_since.is_some(), "the lobby knows since when")?;
        that(
            attendance.connections.len() <= CONNECTIONS_PER_PERSON_MAX,
            "connections are bounded",
        )?;
        that(
            attendance.is_on_stage() || attendance.microphone != Microphone::On,
            "a microphone is on only on stage",
        )?;
        that(attendance.is_on_stage() || !attendance.camera, "a camera is on only on stage")?;
        that(!attendance.screen || state.may_share_screen(id), "who shares a screen may")?;
        that(
            attendance.stage != StagePlace::Guest || state.has_floor(id),
            "a guest is on stage with the floor",
        )?;
        sharing += usize::from(attendance.screen);
        moderators += usize::from(attendance.person.moderates() && !out);
        participants += usize::from(
            attendance.admission == Admission::Admitted
                && attendance.is_present()
                && attendance.person.is_participant(),
        );
    }
    that(sharing <= 1, "one screen at a time")?;
    that(participants == state.participants_present, "participants are counted right")?;
    that(state.people.len() <= PEOPLE_MAX, "people are bounded")?;
    let had_moderator = state.definition.people.iter().any(Person::moderates);
    that(moderators > 0 || !had_moderator, "somebody is left to moderate")?;

    let live = state.life == Life::Live;
    that(live || state.record_status() == RecordStatus::OffTheRecord, "on the record only live")?;
    that((state.life == Life::Suspended) == state.suspension.is_some(), "suspension and life")?;
    that(state.opened_at.is_some() || !begun, "what is live was opened")?;
    that((state.life == Life::Closed) == state.closed_at.is_some(), "what is closed was closed")?;
    for (index, progress) in state.programme.segments.iter().enumerate() {
        let present = state.programme.current == Some(index);
        that(
            progress.running_since.is_some() == (present && live),
            "the present segment's clock runs while live, and no other",
        )?;
    }

    let audience = state.audience_hearing();
    that(live || audience == Hearing::default(), "the audience hears a live event only")?;
    that(!stageless || state.stage_hearing() == Hearing::default(), "nobody hears a closed event")?;
    for hearing in [&audience, &state.stage_hearing()] {
        let mut named: Vec<_> = hearing.voices.iter().chain(&hearing.thumbnails).collect();
        named.extend(hearing.main.iter().chain(&hearing.screen));
        that(named.iter().all(|id| on_stage(id)), "who is heard or seen is on stage")?;
        that(named.iter().all(|id| admitted(id)), "who is heard or seen is admitted")?;
        that(unique(&hearing.voices), "nobody is heard twice")?;
        for id in &hearing.voices {
            let audible = state.people.get(id).is_some_and(|a| a.microphone == Microphone::On);
            that(audible, "nobody is heard with the microphone off")?;
        }
        that(
            hearing.main.as_ref().is_none_or(|id| !hearing.thumbnails.contains(id)),
            "nobody is seen twice",
        )?;
    }
    for id in &audience.voices {
        let moderates = state.people.get(id).is_some_and(|other| other.person.moderates());
        that(
            moderates || state.has_floor(id) || state.answering.contains(id),
            "the audience hears the holder, those who may answer and moderators, nobody else",
        )?;
    }
    check_record(state)
}

/// The part of [`check_invariants`] that concerns the record.
fn check_record(state: &EventState) -> Result<(), String> {
    let that = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let record = &state.record;
    let numbered = |place: usize, id: u32| usize::try_from(id) == Ok(place + 1);
    that(record.transcript.len() <= TRANSCRIPT_LINES_MAX, "the transcript is bounded")?;
    for (place, line) in record.transcript.iter().enumerate() {
        that(numbered(place, line.id.0), "transcript lines are numbered from one")?;
        let run = record.time.run_at(line.start);
        let run = run.ok_or("nothing of the transcript was off the record")?;
        that(line.start < line.end && run.segment == line.segment, "a line has its place")?;
        that(
            run.until.is_none_or(|until| line.end <= until),
            "a line ends with the stretch in which it began",
        )?;
        match &line.person {
            Some(person) => {
                let heard = record.time.was_heard(person, line.start, line.end);
                that(heard, "the transcript names who was heard on the record")?;
            }
            None => that(
                run.status == RecordStatus::ChathamHouseRule,
                "a line without a name falls under the Chatham House Rule",
            )?,
        }
    }
    that(record.statements.len() <= STATEMENTS_MAX, "statements are bounded")?;
    for (place, statement) in record.statements.iter().enumerate() {
        that(numbered(place, statement.id.0), "statements are numbered from one")?;
        let run = record.time.run_at(statement.start);
        let run = run.ok_or("no statement was made off the record")?;
        that(run.segment == statement.segment, "a statement knows its segment")?;
        that(
            statement.start < statement.end && run.until.is_none_or(|until| statement.end <= until),
            "a statement lies in one stretch of the record",
        )?;
        let named = run.status == RecordStatus::OnTheRecord;
        that(statement.speaker.is_some() == named, "a speaker is named on the record only")?;
        if let Some(speaker) = &statement.speaker {
            let heard = record.time.was_heard(speaker, statement.start, statement.end);
            that(heard, "the speaker of a statement was heard")?;
        }
        let unready = statement.verb.is_none() || statement.wordings.is_empty();
        let draft =
            matches!(statement.life, StatementLife::Drafted | StatementLife::Withdrawn { .. });
        that(draft || !unready, "what was checked has a verb and words")?;
    }
    let release = &record.release;
    that(release.versions.len() <= RELEASE_VERSIONS_MAX, "versions are bounded")?;
    for (place, version) in release.versions.iter().enumerate() {
        that(numbered(place, version.version.0), "versions are numbered from one")?;
        that(!version.languages.is_empty(), "a version is written in a language")?;
    }
    that(!release.versions.is_empty() || release.approvals.is_empty(), "approved is a version")?;
    let is_party = |id: &&PartyId| state.definition.parties.iter().any(|party| party.id == **id);
    that(release.approvals.iter().all(|id| is_party(&id)), "parties approve, nobody else")?;
    for issue in &release.issues {
        let version = release.version(issue.version).ok_or("what was issued is a version")?;
        that(version.document == issue.document, "what was issued is what was approved")?;
        that(version.defects.is_empty(), "what was issued has no defects")?;
        let accepted = |text| release.accepted.contains_key(text);
        that(version.unbound.iter().all(accepted), "what was issued is bound or accepted")?;
    }
    let closed = state.life == Life::Closed;
    that(closed || record.standing == RecordStanding::Internal, "a closed event has a record")?;
    Ok(())
}
