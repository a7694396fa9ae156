//! What people are shown, as pure functions of the state: the event, each section, oneself.
//!
//! [`touched`] says which sections and people an event of the proceedings may have changed, so
//! that only those are computed anew; a property test holds it against computing everything.

use std::cmp::Reverse;
use std::time::Duration;

use api_types::{
    AudienceSection, CaptionLine, CaptionsSection, EventView, FloorGrant, FloorSection, HandView,
    HandsSection, LifeSection, LineCounts, LineQuality, LinesSection, LobbySection, PersonLine,
    PersonRow, PersonView, ProgrammeSection, RecordingSection, RosterSection, Section, SegmentNow,
    SegmentView, SlotsView, StagePerson, StageSection, WaitingView, You,
};
use base::limits::{FLOOR_VOICES_MAX, LANGUAGES_MAX, THUMBNAILS_MAX};
use base::{Millis, PersonId};
use proceedings::{
    Admission, Attendance, Event, EventState, Person, RecordEvent, RecordStatus, Source, StagePlace,
};

use crate::captions::CaptionDesks;
use crate::lines::Lines;

/// Longest list of waiting people that is sent: more cannot be read, and 200 rows are 60 KB.
pub(crate) const LOBBY_ROWS_MAX: usize = 200;

/// Longest roster that is sent; the search of the console works on these rows.
pub(crate) const ROSTER_ROWS_MAX: usize = 500;

/// Longest list of lines that is sent. When more than these are not good, it is the server's own
/// line that wants looking after, and the counts say so.
pub(crate) const LINE_ROWS_MAX: usize = 200;

/// Shortest time between two sendings of the audience, the lobby and the roster, so that a flood
/// of arrivals does not melt the console.
const CROWD_PACE: Duration = Duration::from_millis(500);

/// The same of the lines, of which the media engine looks at each every two seconds.
const LINES_PACE: Duration = Duration::from_secs(2);

/// The same of partial lines: fast enough to follow, and slow enough for a line of 64 kbit/s, of
/// which the voice with its headers takes 59.
const PARTIALS_PACE: Duration = Duration::from_millis(800);

/// Captions of each language that are sent: what fits under a picture, and one more for who reads
/// slowly. Lines that are older are in the transcript.
const CAPTIONS_SENT: usize = 3;

/// How far back they are looked for: all languages of an event by turns.
const CAPTIONS_SEARCHED: usize = CAPTIONS_SENT * LANGUAGES_MAX;

/// The sections, where `slots` differs between the stage and the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Life,
    Programme,
    Floor,
    Stage,
    SlotsOfAudience,
    SlotsOfStage,
    Hands,
    Audience,
    Lobby,
    Roster,
    Recording,
    Lines,
    Captions,
    Partials,
}

impl Kind {
    pub(crate) const COUNT: usize = 14;
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Life,
        Self::Programme,
        Self::Floor,
        Self::Stage,
        Self::SlotsOfAudience,
        Self::SlotsOfStage,
        Self::Hands,
        Self::Audience,
        Self::Lobby,
        Self::Roster,
        Self::Recording,
        Self::Lines,
        Self::Captions,
        Self::Partials,
    ];

    /// Shortest time between two sendings, of sections that are long or change often.
    pub(crate) fn pace(self) -> Option<Duration> {
        match self {
            Self::Audience | Self::Lobby | Self::Roster => Some(CROWD_PACE),
            Self::Lines => Some(LINES_PACE),
            Self::Partials => Some(PARTIALS_PACE),
            _ => None,
        }
    }

    /// Follows the media engine, the recorder or the captioners and not the proceedings.
    pub(crate) fn is_observed(self) -> bool {
        matches!(
            self,
            Self::SlotsOfAudience
                | Self::SlotsOfStage
                | Self::Recording
                | Self::Lines
                | Self::Partials
        )
    }
}

/// A set of sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const ALL: Self = Self((1 << Kind::COUNT) - 1);

    pub(crate) fn of(kinds: &[Kind]) -> Self {
        kinds.iter().fold(Self::default(), |set, kind| set.with(*kind))
    }

    pub(crate) fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    pub(crate) fn with(self, kind: Kind) -> Self {
        Self(self.0 | (1 << kind as u16))
    }

    pub(crate) fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u16))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// What a reader may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Waits for admission.
    Lobby,
    /// Watches.
    Audience,
    /// Is on stage.
    Stage,
    /// Moderates, not on stage.
    Moderator,
    /// Moderates, on stage.
    ModeratorOnStage,
}

impl Class {
    pub(crate) const COUNT: usize = 5;

    /// The class of a person; `None` for those who may know nothing (any more).
    pub(crate) fn of(attendance: &Attendance) -> Option<Self> {
        let on_stage = attendance.stage != StagePlace::None;
        match attendance.admission {
            Admission::Suspended | Admission::Removed => None,
            Admission::Invited | Admission::Waiting => Some(Self::Lobby),
            Admission::Admitted => Some(match (attendance.person.moderates(), on_stage) {
                (false, false) => Self::Audience,
                (false, true) => Self::Stage,
                (true, false) => Self::Moderator,
                (true, true) => Self::ModeratorOnStage,
            }),
        }
    }

    /// True when this class reads the section.
    pub(crate) fn reads(self, kind: Kind) -> bool {
        let on_stage = matches!(self, Self::Stage | Self::ModeratorOnStage);
        let moderates = matches!(self, Self::Moderator | Self::ModeratorOnStage);
        match kind {
            Kind::Life | Kind::Programme => true,
            Kind::Floor | Kind::Stage | Kind::Audience | Kind::Captions | Kind::Partials => {
                self != Self::Lobby
            }
            Kind::SlotsOfAudience => self != Self::Lobby && !on_stage,
            Kind::SlotsOfStage => on_stage,
            Kind::Hands | Kind::Lobby | Kind::Roster | Kind::Recording | Kind::Lines => moderates,
        }
    }
}

/// Whose own view may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    One(PersonId),
    /// Everybody whose hand is raised, and this person.
    Hands(PersonId),
    Everybody,
}

/// Which sections and whose own view `event` may have changed in `state`, the state after it.
pub(crate) fn touched(event: &Event, state: &EventState) -> (Kinds, Who) {
    let one = |kinds: &[Kind], person: &PersonId| (Kinds::of(kinds), Who::One(person.clone()));
    match event {
        Event::EventCreated { .. } => (Kinds::default(), Who::Nobody),
        Event::GreenRoomOpened
        | Event::EventOpened
        | Event::EventSuspended { .. }
        | Event::EventResumed
        | Event::EventClosed
        | Event::ServerRestarted => (Kinds::ALL, Who::Everybody),

        Event::PersonRegistered { .. } => (Kinds::of(&[Kind::Roster]), Who::Nobody),
        Event::PersonArrived { person, .. } | Event::PersonDeparted { person, .. } => {
            let kinds = [Kind::Audience, Kind::Lobby, Kind::Roster, Kind::Lines];
            let (mut kinds, who) = one(&kinds, person);
            if state.stage.contains(person) {
                kinds = kinds.with(Kind::Stage);
            }
            if state.hands.iter().any(|hand| hand.person == *person) {
                kinds = kinds.with(Kind::Hands);
            }
            (kinds, who)
        }
        Event::PersonWaiting { person }
        | Event::PersonAdmitted { person }
        | Event::PersonSuspended { person }
        | Event::PersonRemoved { person }
        | Event::PersonReadmitted { person } => {
            one(&[Kind::Audience, Kind::Lobby, Kind::Roster, Kind::Lines], person)
        }
        Event::EventLocked | Event::EventUnlocked => (Kinds::of(&[Kind::Life]), Who::Nobody),

        Event::StageEntered { person, .. } | Event::StageLeft { person } => {
            one(&[Kind::Stage, Kind::Audience, Kind::Roster, Kind::Lines], person)
        }

        Event::SegmentBegan { .. } | Event::RecordStatusChanged { .. } => {
            (Kinds::of(&[Kind::Programme, Kind::Captions]), Who::Nobody)
        }
        Event::SegmentEnded { .. } | Event::SegmentExtended { .. } => {
            (Kinds::of(&[Kind::Programme]), Who::Nobody)
        }

        Event::FloorGiven { person, .. }
        | Event::FloorTaken { person }
        | Event::AnsweringChanged { person, .. } => one(&[Kind::Floor, Kind::Stage], person),
        Event::HandRaised { person } | Event::HandLowered { person } => {
            (Kinds::of(&[Kind::Hands, Kind::Audience]), Who::Hands(person.clone()))
        }
        Event::MicrophoneChanged { person, .. }
        | Event::CameraChanged { person, .. }
        | Event::ScreenChanged { person, .. }
        | Event::PersonMuted { person }
        | Event::MicrophoneAllowed { person } => one(&[Kind::Stage], person),
        Event::Record(
            RecordEvent::TranscriptLineCommitted { .. }
            | RecordEvent::TranscriptLineCorrected { .. }
            | RecordEvent::TranscriptLineStruck { .. },
        ) => (Kinds::of(&[Kind::Captions]), Who::Nobody),
        // What the desk does is read there, and by nobody else.
        Event::Record(_) => (Kinds::default(), Who::Nobody),
    }
}

/// A section as it is in `state`, or as the media engine or the recorder last told.
pub(crate) fn section(kind: Kind, state: &EventState, observed: &Observed) -> Section {
    match kind {
        Kind::Life => Section::Life(life(state)),
        Kind::Programme => Section::Programme(programme(state)),
        Kind::Floor => Section::Floor(floor(state)),
        Kind::Stage => Section::Stage(stage(state)),
        Kind::SlotsOfAudience => Section::Slots(observed.audience.clone()),
        Kind::SlotsOfStage => Section::Slots(observed.stage.clone()),
        Kind::Hands => Section::Hands(hands(state)),
        Kind::Audience => Section::Audience(audience(state)),
        Kind::Lobby => Section::Lobby(lobby(state)),
        Kind::Roster => Section::Roster(roster(state)),
        Kind::Recording => Section::Recording(observed.recording),
        Kind::Lines => Section::Lines(lines(state, &observed.lines)),
        Kind::Captions => Section::Captions(captions(state)),
        Kind::Partials => Section::Partials(observed.captions.view(state)),
    }
}

/// What does not follow from the proceedings: the slot mappings of both classes of receivers, how
/// the recording stands, how good people's lines are, and what captioners are writing.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) audience: SlotsView,
    pub(crate) stage: SlotsView,
    pub(crate) recording: RecordingSection,
    pub(crate) lines: Lines,
    pub(crate) captions: CaptionDesks,
}

impl Default for Observed {
    fn default() -> Self {
        let empty = SlotsView {
            voices: vec![None; FLOOR_VOICES_MAX],
            main: None,
            screen: None,
            thumbnails: vec![None; THUMBNAILS_MAX],
        };
        Self {
            audience: empty.clone(),
            stage: empty,
            recording: RecordingSection::default(),
            lines: Lines::default(),
            captions: CaptionDesks::default(),
        }
    }
}

fn captions(state: &EventState) -> CaptionsSection {
    let present = state.programme.current.and_then(|at| state.definition.segments.get(at));
    let Some(segment) = present.filter(|_| state.record_status() != RecordStatus::OffTheRecord)
    else {
        return CaptionsSection { lines: Vec::new() };
    };
    let mut lines: Vec<CaptionLine> = Vec::new();
    for line in state.record.transcript.iter().rev().take(CAPTIONS_SEARCHED) {
        let sent = lines.iter().filter(|other| other.language == line.language).count();
        if line.segment == segment.id && !line.struck && sent < CAPTIONS_SENT {
            lines.push(CaptionLine {
                id: line.id,
                person: line.person.clone(),
                start: line.start,
                end: line.end,
                language: line.language.clone(),
                interpreted_from: line.interpreted_from.clone(),
                text: line.text.clone(),
            });
        }
    }
    lines.reverse();
    CaptionsSection { lines }
}

/// The event as everybody may read it.
pub(crate) fn event(state: &EventState) -> EventView {
    let definition = &state.definition;
    let planned: u64 = definition.segments.iter().map(|segment| segment.planned.0).sum();
    let has_part = |person: &&Person| person.moderates() || person.speaks();
    EventView {
        id: definition.id.clone(),
        title: definition.title.clone(),
        topic: definition.topic.clone(),
        occasion: definition.occasion.clone(),
        notice: definition.notice.clone(),
        languages: definition.languages.clone(),
        start: definition.start,
        planned_end: definition.start.plus(Millis(planned)),
        time_zone: definition.time_zone.clone(),
        city: definition.city.clone(),
        parties: definition.parties.clone(),
        people: definition.people.iter().filter(has_part).map(person).collect(),
        segments: definition
            .segments
            .iter()
            .map(|segment| SegmentView {
                id: segment.id.clone(),
                kind: segment.kind,
                title: segment.title.clone(),
                planned: segment.planned,
                floor: segment.floor.clone(),
                record_status: segment.record_status,
            })
            .collect(),
        life: state.life,
        registration_open: definition.policy.registration_open,
        hands_allowed: definition.policy.hands_allowed,
        recording: definition.policy.recording,
        chatham_house_recorded: definition.policy.chatham_house_recorded,
    }
}

/// What a person is told about themselves; `None` for somebody unknown.
pub(crate) fn you(state: &EventState, id: &PersonId) -> Option<You> {
    let attendance = state.people.get(id)?;
    let place_in_queue = state.hands.iter().position(|hand| hand.person == *id);
    Some(You {
        person: person(&attendance.person),
        moderates: attendance.person.moderates(),
        speaks: attendance.person.speaks(),
        admission: attendance.admission,
        place: attendance.stage,
        microphone: attendance.microphone,
        camera: attendance.camera,
        screen: attendance.screen,
        has_floor: state.has_floor(id),
        may_answer: state.answering.contains(id),
        hand: place_in_queue.map(|index| count(index + 1)),
        may_publish: state.may_publish(id, Source::Camera),
        may_receive: state.may_receive(id),
    })
}

/// A person as everybody who may see them does.
pub(crate) fn person(person: &Person) -> PersonView {
    PersonView {
        id: person.id.clone(),
        name: person.name.clone(),
        honorific: person.honorific.clone(),
        office: person.office.clone(),
        affiliation: person.affiliation.clone(),
        country: person.country.clone(),
        party: person.party.clone(),
        roles: person.roles.clone(),
    }
}

fn life(state: &EventState) -> LifeSection {
    LifeSection {
        life: state.life,
        opened_at: state.opened_at,
        closed_at: state.closed_at,
        suspended_since: state.suspension.as_ref().map(|suspension| suspension.since),
        suspension_reason: state.suspension.as_ref().and_then(|s| s.reason.clone()),
        locked: state.locked,
    }
}

fn programme(state: &EventState) -> ProgrammeSection {
    let segments = &state.definition.segments;
    ProgrammeSection {
        current: state
            .programme
            .current
            .and_then(|index| segments.get(index))
            .map(|segment| segment.id.clone()),
        segments: segments
            .iter()
            .zip(&state.programme.segments)
            .map(|(segment, progress)| SegmentNow {
                id: segment.id.clone(),
                began_at: progress.began_at,
                ended_at: progress.ended_at,
                spent_before: progress.spent_before,
                running_since: progress.running_since,
                extended_by: progress.extended_by,
                record_status: progress.record_status,
            })
            .collect(),
        record_status: state.record_status(),
    }
}

fn floor(state: &EventState) -> FloorSection {
    FloorSection {
        holder: state.floor.as_ref().map(|grant| FloorGrant {
            person: grant.person.clone(),
            since: grant.since,
            limit: grant.limit,
        }),
        answering: state.answering.clone(),
    }
}

fn stage(state: &EventState) -> StageSection {
    let people = &state.definition.people;
    let place = |id: &PersonId| people.iter().position(|p| p.id == *id).unwrap_or(people.len());
    let mut on_stage: Vec<_> =
        state.stage.iter().filter_map(|id| state.people.get(id).map(|a| (id, a))).collect();
    on_stage.sort_by_key(|(id, attendance)| (attendance.stage == StagePlace::Guest, place(id)));
    StageSection {
        people: on_stage
            .into_iter()
            .map(|(_, attendance)| StagePerson {
                person: person(&attendance.person),
                place: attendance.stage,
                present: attendance.is_present(),
                microphone: attendance.microphone,
                camera: attendance.camera,
                screen: attendance.screen,
            })
            .collect(),
    }
}

fn audience(state: &EventState) -> AudienceSection {
    AudienceSection {
        watching: count(state.people.values().filter(|attendance| watches(attendance)).count()),
        hands: count(state.hands.len()),
    }
}

/// True for people of the audience who are there.
fn watches(attendance: &Attendance) -> bool {
    is_in(attendance) && attendance.stage == StagePlace::None
}

fn is_in(attendance: &Attendance) -> bool {
    attendance.admission == Admission::Admitted && attendance.is_present()
}

fn lines(state: &EventState, lines: &Lines) -> LinesSection {
    let mut audience = LineCounts::default();
    let mut rows = Vec::new();
    for (id, quality) in lines.marks() {
        let Some(attendance) = state.people.get(id).filter(|one| is_in(one)) else { continue };
        if watches(attendance) {
            *match quality {
                LineQuality::Good => &mut audience.good,
                LineQuality::Fair => &mut audience.fair,
                LineQuality::Poor => &mut audience.poor,
                LineQuality::Lost => &mut audience.lost,
            } += 1;
        }
        let below_stage = attendance.stage == StagePlace::None;
        if !below_stage || quality > LineQuality::Good {
            rows.push((below_stage, Reverse(quality), id));
        }
    }
    rows.sort_unstable();
    LinesSection {
        people: rows
            .into_iter()
            .take(LINE_ROWS_MAX)
            .map(|(_, Reverse(quality), id)| PersonLine { person: id.clone(), quality })
            .collect(),
        audience,
    }
}

fn hands(state: &EventState) -> HandsSection {
    let view = |hand: &proceedings::Hand| {
        let attendance = state.people.get(&hand.person)?;
        Some(HandView {
            person: person(&attendance.person),
            since: hand.since,
            present: attendance.is_present(),
        })
    };
    HandsSection { hands: state.hands.iter().filter_map(view).collect() }
}

fn lobby(state: &EventState) -> LobbySection {
    let waits = |attendance: &&Attendance| attendance.admission == Admission::Waiting;
    let mut waiting: Vec<_> = state.people.values().filter(waits).collect();
    waiting.sort_by_key(|attendance| attendance.waiting_since);
    LobbySection {
        count: count(waiting.len()),
        waiting: waiting
            .into_iter()
            .take(LOBBY_ROWS_MAX)
            .map(|attendance| WaitingView {
                person: person(&attendance.person),
                since: attendance.waiting_since.unwrap_or_default(),
                registered: attendance.registered,
            })
            .collect(),
    }
}

fn roster(state: &EventState) -> RosterSection {
    let named = &state.definition.people;
    let part = |attendance: &Attendance| !attendance.person.is_participant();
    let staff = named.iter().filter_map(|p| state.people.get(&p.id)).filter(|a| part(a));
    // People put out stay visible before those who never came: they are the ones to readmit.
    let out = |a: &Attendance| matches!(a.admission, Admission::Suspended | Admission::Removed);
    let others = || state.people.values().filter(|a| !part(a));
    let present = others().filter(|a| a.is_present());
    let put_out = others().filter(|a| !a.is_present() && out(a));
    let rest = others().filter(|a| !a.is_present() && !out(a));
    let rows = staff.chain(present).chain(put_out).chain(rest);
    RosterSection {
        count: count(state.people.len()),
        people: rows
            .take(ROSTER_ROWS_MAX)
            .map(|attendance| PersonRow {
                person: person(&attendance.person),
                admission: attendance.admission,
                present: attendance.is_present(),
                place: attendance.stage,
            })
            .collect(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
