//! Captions while they are written: who sits at which language's desk, whose turn it is, and what
//! they and the recogniser have put down of the next line. Nothing of it is part of the
//! proceedings, and nothing of it is kept: a partial line lives until it is committed, the record
//! status changes, its writer goes, or nothing is added to it for a while.

use std::time::Duration;

use api_types::{CaptionAct, CaptionSeat, CaptionSource, PartialCaption, PartialsSection};
use base::limits::LANGUAGES_MAX;
use base::{ConnectionId, Language, Millis, PersonId, Timestamp};
use proceedings::{Actor, Admission, Attendance, Event, EventState, RecordEvent, RecordStatus};
use tokio::time::Instant;

use crate::views;

/// Connections at the desks of all languages together: four captioners of each.
const SEATS_MAX: usize = 4 * LANGUAGES_MAX;

/// Partial lines at once: two writers of each language.
const PARTIALS_MAX: usize = 2 * LANGUAGES_MAX;

/// Letters shown of a partial line: what two lines under a picture hold, and some more. Partial
/// lines go to everybody again and again, so longer ones would take from the voice on a thin line.
const PARTIAL_CHARS_MAX: usize = 120;

/// How long a partial line is shown while nothing is added to it.
const PARTIAL_LIFETIME: Duration = Duration::from_secs(12);

/// How far back the audience must have heard a person for words to be shown as theirs: the longest
/// line, and the time that typing it takes.
const HEARD_WITHIN: Millis = Millis::from_secs(60);

/// Who puts a line down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Writer {
    /// A captioner, by one connection.
    Captioner(PersonId, ConnectionId),
    /// The server, from the track of this person.
    Recogniser(PersonId),
}

/// What an act changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Touched {
    /// Who sits where, or whose turn it is.
    pub(crate) seats: bool,
    /// The partial lines.
    pub(crate) partials: bool,
}

/// The desks of one event.
#[derive(Debug, Default)]
pub(crate) struct CaptionDesks {
    seats: Vec<CaptionSeat>,
    partials: Vec<Partial>,
    /// Under which record status the partial lines were written.
    status: Option<RecordStatus>,
}

#[derive(Debug)]
struct Partial {
    writer: Writer,
    language: Language,
    person: Option<PersonId>,
    text: String,
    changed: Instant,
}

impl CaptionDesks {
    /// A captioner does something. Who may not, or may not now, changes nothing.
    pub(crate) fn act(
        &mut self,
        state: &EventState,
        (now, at): (Timestamp, Instant),
        (person, connection): (&PersonId, ConnectionId),
        act: CaptionAct,
    ) -> Touched {
        let own = state.people.get(person);
        let may = |own: &&Attendance| own.admission == Admission::Admitted && own.person.captions();
        let Some(own) = own.filter(may) else { return Touched::default() };
        let seated = self.seats.iter().position(|seat| seat.connection == connection);
        match (act, seated) {
            (CaptionAct::Sit { language }, _) => {
                if !state.definition.languages.contains(&language) {
                    return Touched::default();
                }
                let person = views::person(&own.person);
                self.sit(CaptionSeat { language, person, connection, writes: false })
            }
            (CaptionAct::Leave {}, _) => self.leave(connection),
            (CaptionAct::TakeOver {}, Some(place)) => self.turn(place, false),
            (CaptionAct::WriteAlong {}, Some(place)) => self.turn(place, true),
            (CaptionAct::HandOver {}, Some(place)) => self.hand_over(place),
            (CaptionAct::Type { person: said_by, text }, Some(place)) => {
                let seat = &self.seats[place];
                if !seat.writes {
                    return Touched::default();
                }
                let language = seat.language.clone();
                let writer = Writer::Captioner(person.clone(), connection);
                self.put(state, (now, at), writer, language, said_by, &text)
            }
            (_, None) => Touched::default(),
        }
    }

    /// What somebody has put down so far of the next line of a language; an empty text takes it
    /// back. `now` is the event's clock, `at` the machine's.
    pub(crate) fn put(
        &mut self,
        state: &EventState,
        (now, at): (Timestamp, Instant),
        writer: Writer,
        language: Language,
        person: Option<PersonId>,
        text: &str,
    ) -> Touched {
        let found = self.partials.iter().position(|p| p.writer == writer && p.language == language);
        let status = writable(state);
        if status.is_none() || !state.definition.languages.contains(&language) {
            return Touched::default();
        }
        let text = shown(text);
        if text.is_empty() {
            let taken = found.map(|place| self.partials.remove(place));
            return Touched { partials: taken.is_some(), ..Touched::default() };
        }
        self.status = status;
        // Attributed like a line, or not at all: nobody is shown to say what the audience has not
        // heard them say.
        let heard = |person: &PersonId| {
            let since = Timestamp(now.0.saturating_sub_unsigned(HEARD_WITHIN.0));
            state.record.time.was_heard(person, since, now.plus(Millis(1)))
        };
        let named = status == Some(RecordStatus::OnTheRecord);
        let person = person.filter(|person| named && heard(person));
        match found {
            Some(place) => {
                let partial = &mut self.partials[place];
                partial.changed = at;
                let same = (&partial.text, &partial.person) == (&text, &person);
                (partial.text, partial.person) = (text, person);
                Touched { partials: !same, ..Touched::default() }
            }
            None if self.partials.len() < PARTIALS_MAX => {
                self.partials.push(Partial { writer, language, person, text, changed: at });
                Touched { partials: true, ..Touched::default() }
            }
            None => Touched::default(),
        }
    }

    /// A line was committed: what its writer had put down of it is part of the transcript now.
    pub(crate) fn committed(&mut self, actor: &Actor, event: &Event) -> bool {
        let Event::Record(RecordEvent::TranscriptLineCommitted { language, person, .. }) = event
        else {
            return false;
        };
        let before = self.partials.len();
        self.partials.retain(|partial| {
            let by = match (&partial.writer, actor) {
                (Writer::Captioner(writer, _), Actor::Person(actor)) => writer == actor,
                // Under the Chatham House Rule the line does not say whose track it came from.
                (Writer::Recogniser(track), Actor::Server) => {
                    person.as_ref().is_none_or(|person| person == track)
                }
                _ => false,
            };
            !(by && partial.language == *language)
        });
        self.partials.len() != before
    }

    /// Forgets all partial lines unless the record status is still the one under which they were
    /// written, and the event goes on.
    pub(crate) fn follow(&mut self, state: &EventState) -> bool {
        let status = writable(state);
        if status.is_some() && self.status == status {
            return false;
        }
        self.status = status;
        let some = !self.partials.is_empty();
        self.partials.clear();
        some
    }

    /// Forgets what nothing was added to for too long.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let before = self.partials.len();
        self.partials.retain(|partial| partial.changed + PARTIAL_LIFETIME > now);
        self.partials.len() != before
    }

    /// When the next partial line expires.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.partials.iter().map(|partial| partial.changed + PARTIAL_LIFETIME).min()
    }

    /// A connection is over or gets up; the next at the desk writes if it was its turn.
    pub(crate) fn leave(&mut self, connection: ConnectionId) -> Touched {
        let Some(place) = self.seats.iter().position(|seat| seat.connection == connection) else {
            return Touched::default();
        };
        let seat = self.seats.remove(place);
        let before = self.partials.len();
        self.partials.retain(|partial| !is_of(partial, connection));
        self.keep_a_writer(&seat.language);
        Touched { seats: true, partials: self.partials.len() != before }
    }

    /// Everybody at the desks.
    pub(crate) fn seats(&self) -> &[CaptionSeat] {
        &self.seats
    }

    /// The partial lines as everybody admitted may read them.
    pub(crate) fn view(&self, state: &EventState) -> PartialsSection {
        if writable(state).is_none_or(|status| self.status != Some(status)) {
            return PartialsSection::default();
        }
        let partial = |partial: &Partial| PartialCaption {
            language: partial.language.clone(),
            person: partial.person.clone(),
            source: match partial.writer {
                Writer::Captioner(..) => CaptionSource::Captioner,
                Writer::Recogniser(_) => CaptionSource::Recogniser,
            },
            text: partial.text.clone(),
        };
        PartialsSection { partials: self.partials.iter().map(partial).collect() }
    }

    fn sit(&mut self, mut seat: CaptionSeat) -> Touched {
        let same = |other: &CaptionSeat| {
            other.connection == seat.connection && other.language == seat.language
        };
        if self.seats.iter().any(same) {
            return Touched::default();
        }
        let mut touched = self.leave(seat.connection);
        if self.seats.len() >= SEATS_MAX {
            return touched;
        }
        let mut at_desk = self.seats.iter_mut().filter(|other| other.language == seat.language);
        // Who comes back after a drop takes the turn over from their own lost connection, which
        // nobody may have missed yet.
        match at_desk.find(|other| other.writes) {
            None => seat.writes = true,
            Some(other) if other.person.id == seat.person.id => {
                (other.writes, seat.writes) = (false, true);
            }
            Some(_) => {}
        }
        self.seats.push(seat);
        touched.seats = true;
        touched
    }

    fn turn(&mut self, place: usize, along: bool) -> Touched {
        let mine = &mut self.seats[place];
        mine.writes = true;
        let (language, connection) = (mine.language.clone(), mine.connection);
        let mut touched = Touched { seats: true, partials: false };
        if along {
            return touched;
        }
        for other in &mut self.seats {
            if other.language == language && other.connection != connection && other.writes {
                other.writes = false;
                let before = self.partials.len();
                self.partials.retain(|partial| !is_of(partial, other.connection));
                touched.partials |= self.partials.len() != before;
            }
        }
        touched
    }

    fn hand_over(&mut self, place: usize) -> Touched {
        let language = self.seats[place].language.clone();
        let after = self.seats.iter().enumerate().cycle().skip(place + 1);
        let next = after
            .take(self.seats.len() - 1)
            .find(|(_, seat)| seat.language == language)
            .map(|(next, _)| next);
        match next {
            Some(next) if self.seats[place].writes => self.turn(next, false),
            _ => Touched::default(),
        }
    }

    /// Somebody at each desk that is taken has the turn.
    fn keep_a_writer(&mut self, language: &Language) {
        let mut at_desk = self.seats.iter_mut().filter(|seat| seat.language == *language);
        let written = at_desk.any(|seat| seat.writes);
        if !written && let Some(next) = self.seats.iter_mut().find(|s| s.language == *language) {
            next.writes = true;
        }
    }
}

/// Under which status something may be put down now; `None` off the record and while the event is
/// not live.
fn writable(state: &EventState) -> Option<RecordStatus> {
    Some(state.record_status()).filter(|status| *status != RecordStatus::OffTheRecord)
}

fn is_of(partial: &Partial, connection: ConnectionId) -> bool {
    matches!(partial.writer, Writer::Captioner(_, by) if by == connection)
}

/// The words as they are shown: on one line, and of a long text the last ones.
fn shown(text: &str) -> String {
    let gap = |letter: char| letter.is_whitespace() || letter.is_control();
    let words: Vec<&str> = text.split(gap).filter(|word| !word.is_empty()).collect();
    let mut letters = 0;
    let fits = words.iter().rev().take_while(|word| {
        letters += word.chars().count() + 1;
        letters <= PARTIAL_CHARS_MAX
    });
    let from = words.len() - fits.count();
    match words.get(from..) {
        // One word that is too long by itself.
        Some([]) => words
            .last()
            .map(|word| word.chars().take(PARTIAL_CHARS_MAX).collect())
            .unwrap_or_default(),
        Some(last) => last.join(" "),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
