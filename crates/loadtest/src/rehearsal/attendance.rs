//! What the proceedings tell: that they are whole, who had the floor, who attended.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::{ConnectionId, Language, Millis, PersonId, Sequence, Timestamp};
use proceedings::{Event, Hash, Line, Person, Role};
use serde::Serialize;

/// Reads proceedings as JSON lines.
pub(super) fn read(text: &str) -> Result<Vec<Line>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .zip(1u64..)
        .map(|(line, number)| {
            serde_json::from_str(line).map_err(|error| {
                format!("line {number} of the proceedings cannot be read: {error}")
            })
        })
        .collect()
}

/// What is wrong with the numbers, the chain or the end; nothing if they are whole.
pub(super) fn verify(lines: &[Line]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut previous = Hash::default();
    for (line, number) in lines.iter().zip(1u64..) {
        if line.sequence != Sequence(number) {
            faults.push(format!("line {number} has the number {}", line.sequence.0));
            break;
        }
        let hash = proceedings::chain(&previous, line.sequence, line.at, &line.actor, &line.event);
        if line.previous != previous || line.hash != hash {
            faults.push(format!("line {number} does not fit to the one before"));
            break;
        }
        previous = line.hash;
    }
    if !lines.iter().any(|line| line.event == Event::EventClosed) {
        faults.push("the event was not closed".to_owned());
    }
    faults
}

/// Who had the floor, in order.
pub(super) fn holders(lines: &[Line]) -> Vec<PersonId> {
    lines
        .iter()
        .filter_map(|line| match &line.event {
            Event::FloorGiven { person, .. } => Some(person.clone()),
            _ => None,
        })
        .collect()
}

/// One person's attendance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Attendance {
    pub(super) person: PersonId,
    pub(super) name: String,
    pub(super) roles: Vec<Role>,
    /// First arrival, RFC 3339 in UTC; none for those who stayed away.
    pub(super) arrived: Option<String>,
    /// Last departure, or the end of the event.
    pub(super) left: Option<String>,
    /// Time connected, overlapping connections counted once.
    pub(super) present_ms: u64,
    /// How many times they connected.
    pub(super) connections: u64,
    /// How many times they had the floor.
    pub(super) floors: u64,
}

#[derive(Default)]
struct Tally {
    open: Vec<ConnectionId>,
    since: Option<Timestamp>,
    arrived: Option<Timestamp>,
    left: Option<Timestamp>,
    present_ms: u64,
    connections: u64,
    floors: u64,
}

impl Tally {
    fn end(&mut self, at: Timestamp) {
        if let Some(since) = self.since.take() {
            let Millis(ms) = at.since(since);
            self.present_ms += ms;
            self.left = Some(at);
        }
    }
}

impl Attendance {
    /// Everybody whom the proceedings name, in the order of the programme file, then of
    /// registration.
    pub(super) fn of(lines: &[Line]) -> Vec<Self> {
        let mut people: Vec<Person> = Vec::new();
        let mut languages = Vec::new();
        let mut tallies: BTreeMap<PersonId, Tally> = BTreeMap::new();
        let mut last = Timestamp::default();
        for line in lines {
            last = line.at;
            match &line.event {
                Event::EventCreated { definition } => {
                    people.clone_from(&definition.people);
                    languages.clone_from(&definition.languages);
                }
                Event::PersonRegistered { person } => people.push((**person).clone()),
                Event::PersonArrived { person, connection } => {
                    let tally = tallies.entry(person.clone()).or_default();
                    tally.open.push(*connection);
                    tally.connections += 1;
                    tally.arrived.get_or_insert(line.at);
                    tally.since.get_or_insert(line.at);
                }
                Event::PersonDeparted { person, connection } => {
                    let tally = tallies.entry(person.clone()).or_default();
                    tally.open.retain(|open| open != connection);
                    if tally.open.is_empty() {
                        tally.end(line.at);
                    }
                }
                Event::ServerRestarted => {
                    for tally in tallies.values_mut() {
                        tally.open.clear();
                        tally.end(line.at);
                    }
                }
                Event::EventClosed => tallies.values_mut().for_each(|tally| tally.end(line.at)),
                Event::FloorGiven { person, .. } => {
                    tallies.entry(person.clone()).or_default().floors += 1;
                }
                _ => {}
            }
        }
        tallies.values_mut().for_each(|tally| tally.end(last));
        people.into_iter().map(|person| Self::row(person, &mut tallies, &languages)).collect()
    }

    fn row(
        person: Person,
        tallies: &mut BTreeMap<PersonId, Tally>,
        languages: &[Language],
    ) -> Self {
        let tally = tallies.remove(&person.id).unwrap_or_default();
        let name = languages.first().and_then(|language| person.name.best(language, languages));
        Self {
            name: name.unwrap_or_default().to_owned(),
            person: person.id,
            roles: person.roles,
            arrived: tally.arrived.map(written),
            left: tally.left.map(written),
            present_ms: tally.present_ms,
            connections: tally.connections,
            floors: tally.floors,
        }
    }

    /// The rows as CSV (RFC 4180), with a header.
    pub(super) fn csv(rows: &[Self]) -> String {
        let mut text =
            "person,name,roles,arrived,left,present_seconds,connections,floors\r\n".to_owned();
        for row in rows {
            let roles: Vec<_> = row.roles.iter().filter_map(|role| word(*role)).collect();
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "{},{},{},{},{},{},{},{}\r\n",
                row.person,
                field(&row.name),
                field(&roles.join(" ")),
                row.arrived.as_deref().unwrap_or_default(),
                row.left.as_deref().unwrap_or_default(),
                row.present_ms / 1_000,
                row.connections,
                row.floors,
            );
        }
        text
    }
}

/// A role as it is written in files.
fn word(role: Role) -> Option<String> {
    serde_json::to_value(role).ok()?.as_str().map(str::to_owned)
}

fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|at| at.to_string()).unwrap_or_default()
}

/// Quotes a field where it needs it. A spreadsheet would run a text that begins like a formula, so
/// such a text gets an apostrophe before it.
fn field(text: &str) -> String {
    let safe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if safe.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proceedings::{Actor, testing};

    fn lines(events: Vec<(i64, Event)>) -> Vec<Line> {
        let mut previous = Hash::default();
        let mut lines = Vec::new();
        for ((at, event), number) in events.into_iter().zip(1..) {
            let (sequence, at, actor) = (Sequence(number), Timestamp(at), Actor::Server);
            let hash = proceedings::chain(&previous, sequence, at, &actor, &event);
            lines.push(Line { sequence, at, actor, event, previous, hash });
            previous = hash;
        }
        lines
    }

    fn story() -> Vec<Line> {
        let kazi = || testing::parsed::<PersonId>("kazi");
        let definition = Box::new(testing::reference_event());
        lines(vec![
            (0, Event::EventCreated { definition }),
            (1_000, Event::PersonArrived { person: kazi(), connection: ConnectionId(1) }),
            (2_000, Event::PersonArrived { person: kazi(), connection: ConnectionId(2) }),
            (4_000, Event::PersonDeparted { person: kazi(), connection: ConnectionId(1) }),
            (6_000, Event::PersonDeparted { person: kazi(), connection: ConnectionId(2) }),
            (9_000, Event::PersonArrived { person: kazi(), connection: ConnectionId(3) }),
            (9_500, Event::FloorGiven { person: kazi(), limit: None }),
            (10_000, Event::EventClosed),
        ])
    }

    #[test]
    fn overlapping_connections_count_once() {
        let rows = Attendance::of(&story());
        let kazi = &rows[0];
        assert_eq!((kazi.present_ms, kazi.connections, kazi.floors), (6_000, 3, 1));
        assert_eq!(kazi.arrived.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(kazi.left.as_deref(), Some("1970-01-01T00:00:10Z"));
        assert_eq!((rows[1].arrived.clone(), rows[1].present_ms), (None, 0));
        assert!(Attendance::csv(&rows).contains(
            "\r\nkazi,Mustafa Kamal Kazi,moderator,1970-01-01T00:00:01Z,1970-01-01T00:00:10Z,6,3,1\r\n"
        ));
    }

    #[test]
    fn whole_proceedings_pass_and_changed_ones_do_not() {
        let whole = story();
        assert_eq!(verify(&whole), Vec::<String>::new());
        let text: String =
            whole.iter().map(|line| serde_json::to_string(line).expect("JSON") + "\n").collect();
        assert_eq!(read(&text).expect("lines"), whole);
        assert_eq!(holders(&whole), [testing::parsed::<PersonId>("kazi")]);

        let mut changed = whole.clone();
        changed[6].event = Event::FloorGiven { person: testing::parsed("ganich"), limit: None };
        assert_eq!(verify(&changed), ["line 7 does not fit to the one before"]);
        let mut missing = whole.clone();
        missing.remove(3);
        assert_eq!(verify(&missing), ["line 4 has the number 5"]);
        assert_eq!(verify(&whole[..7]), ["the event was not closed"]);
        assert!(read("{}").expect_err("no line").starts_with("line 1 of the proceedings"));
    }

    #[test]
    fn fields_are_quoted_and_no_formula_is_run() {
        for (text, expected) in
            [("Kazi", "Kazi"), ("a, b", "\"a, b\""), ("\"x\"", "\"\"\"x\"\"\""), ("=1+1", "'=1+1")]
        {
            assert_eq!(field(text), expected);
        }
    }
}
