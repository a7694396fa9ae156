//! Random events: as many kinds of programmes, roles and policies as organisers may think of.

use base::{Millis, PersonId, Random, SplitMix};
use proceedings::testing::{parsed, person, reference_event};
use proceedings::{EventDefinition, LobbyPolicy, RecordStatus, Role, Segment, SegmentKind};

const ROLES: [Role; 10] = [
    Role::Organiser,
    Role::CoOrganiser,
    Role::Moderator,
    Role::PlenarySpeaker,
    Role::Panellist,
    Role::ConcludingSpeaker,
    Role::Interpreter,
    Role::Captioner,
    Role::Rapporteur,
    Role::Participant,
];

const KINDS: [SegmentKind; 6] = [
    SegmentKind::IntroductoryRemarks,
    SegmentKind::PlenaryAddress,
    SegmentKind::Discussion,
    SegmentKind::Questions,
    SegmentKind::ConcludingNote,
    SegmentKind::Other,
];

pub(crate) const STATUSES: [RecordStatus; 3] =
    [RecordStatus::OnTheRecord, RecordStatus::ChathamHouseRule, RecordStatus::OffTheRecord];

/// One of `choices`, which are not empty.
pub(crate) fn one<'a, T>(random: &mut SplitMix, choices: &'a [T]) -> &'a T {
    let index = random.below(choices.len() as u64);
    &choices[usize::try_from(index).unwrap_or_default()]
}

/// An event with somebody to moderate it.
pub(crate) fn any(random: &mut SplitMix) -> EventDefinition {
    let mut definition = reference_event();
    definition.people = vec![
        person("moderator", "Moderator", Role::Moderator),
        person("organiser", "Organiser", Role::Organiser),
        person("press", "Press officer", Role::Rapporteur),
        person("typist", "Captioner", Role::Captioner),
    ];
    for number in 0..3 + random.below(20) {
        let role = *one(random, &ROLES);
        let mut new = person(&format!("person-{number}"), "Somebody", role);
        if random.below(5) == 0 {
            new.roles.push(*one(random, &ROLES));
        }
        definition.people.push(new);
    }
    let people: Vec<PersonId> = definition.people.iter().map(|other| other.id.clone()).collect();
    definition.segments = (0..1 + random.below(6))
        .map(|number| Segment {
            id: parsed(&format!("segment-{number}")),
            kind: *one(random, &KINDS),
            title: None,
            planned: Millis::from_minutes(1 + random.below(30)),
            floor: (0..random.below(4)).map(|_| one(random, &people).clone()).collect(),
            record_status: *one(random, &STATUSES),
        })
        .collect();
    definition.policy.lobby =
        *one(random, &[LobbyPolicy::Nobody, LobbyPolicy::Registered, LobbyPolicy::Everybody]);
    definition.policy.registration_open = random.below(4) > 0;
    definition.policy.hands_allowed = random.below(4) > 0;
    definition.policy.participants_max = *one(random, &[0, 2, 5, 500]);
    definition
}
