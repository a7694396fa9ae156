//! How good everybody's line is, as the media engine last judged each of their sessions. Nothing
//! of it is part of the proceedings.

use std::collections::BTreeMap;

use api_types::LineQuality;
use base::PersonId;
use base::limits::CONNECTIONS_PER_PERSON_MAX;
use sfu::{Kind, Quality, SessionId};

/// Sessions of one person that are judged: as many as they may have, which are their receivers, the
/// camera and the screen.
const SESSIONS_MAX: usize = CONNECTIONS_PER_PERSON_MAX + 2;

/// The lines of the people of one event. Bounded by the people that the event knows.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    people: BTreeMap<PersonId, Vec<Judged>>,
}

/// A session whose line was judged.
#[derive(Debug)]
struct Judged {
    session: SessionId,
    kind: Kind,
    quality: LineQuality,
}

impl Lines {
    /// Takes up how good a session's line is. True when the person's mark changed by it.
    pub(crate) fn judged(
        &mut self,
        person: &PersonId,
        session: SessionId,
        kind: Kind,
        quality: Quality,
    ) -> bool {
        let before = self.mark(person);
        let sessions = self.people.entry(person.clone()).or_default();
        let quality = step(quality);
        match sessions.iter_mut().find(|known| known.session == session) {
            Some(known) => known.quality = quality,
            None => {
                if sessions.len() == SESSIONS_MAX {
                    sessions.remove(0);
                }
                sessions.push(Judged { session, kind, quality });
            }
        }
        self.mark(person) != before
    }

    /// Forgets a session. True when the person's mark changed by it.
    pub(crate) fn over(&mut self, person: &PersonId, session: &SessionId) -> bool {
        let before = self.mark(person);
        let Some(sessions) = self.people.get_mut(person) else { return false };
        sessions.retain(|known| known.session != *session);
        if sessions.is_empty() {
            self.people.remove(person);
        }
        self.mark(person) != before
    }

    /// How good a person's line is; `None` while it has not been judged.
    pub(crate) fn mark(&self, person: &PersonId) -> Option<LineQuality> {
        self.people.get(person).and_then(|sessions| worst(sessions))
    }

    /// The marks of all people who have one.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (&PersonId, LineQuality)> {
        self.people.iter().filter_map(|(person, sessions)| Some((person, worst(sessions)?)))
    }
}

/// The worst of a person's sessions. One that is lost does not count beside a later one of its
/// kind: a page that was loaded anew leaves such a session behind, until it is found to be silent.
fn worst(sessions: &[Judged]) -> Option<LineQuality> {
    let followed = |at: usize| {
        let lost = &sessions[at];
        lost.quality == LineQuality::Lost
            && sessions[at + 1..].iter().any(|later| alike(later.kind, lost.kind))
    };
    (0..sessions.len()).filter(|at| !followed(*at)).map(|at| sessions[at].quality).max()
}

/// True for two sessions that receive, or that send the same.
fn alike(one: Kind, other: Kind) -> bool {
    match (one, other) {
        (Kind::Receiving(_), Kind::Receiving(_)) => true,
        (Kind::Publishing(one), Kind::Publishing(other)) => one == other,
        _ => false,
    }
}

fn step(quality: Quality) -> LineQuality {
    match quality {
        Quality::Good => LineQuality::Good,
        Quality::Fair => LineQuality::Fair,
        Quality::Poor => LineQuality::Poor,
        Quality::Lost => LineQuality::Lost,
    }
}

#[cfg(test)]
mod tests {
    use proceedings::testing::parsed;
    use sfu::{ReceiverClass, Source};

    use super::*;

    const RECEIVING: Kind = Kind::Receiving(ReceiverClass::Stage);
    const SENDING: Kind = Kind::Publishing(Source::Camera);

    fn session(number: u8) -> SessionId {
        parsed(&format!("{number:032x}"))
    }

    #[test]
    fn the_worse_of_the_ways_in_and_out_counts() {
        let ganich: PersonId = parsed("ganich");
        let mut lines = Lines::default();
        assert_eq!(lines.mark(&ganich), None);
        for (number, kind, quality, changed, mark) in [
            (1, RECEIVING, Quality::Good, true, LineQuality::Good),
            (2, SENDING, Quality::Good, false, LineQuality::Good),
            (2, SENDING, Quality::Poor, true, LineQuality::Poor),
            (1, RECEIVING, Quality::Fair, false, LineQuality::Poor),
            (2, SENDING, Quality::Lost, true, LineQuality::Lost),
            (2, SENDING, Quality::Good, true, LineQuality::Fair),
        ] {
            let news = lines.judged(&ganich, session(number), kind, quality);
            assert_eq!((news, lines.mark(&ganich)), (changed, Some(mark)), "{number} {quality:?}");
        }
        assert!(lines.over(&ganich, &session(1)), "what is left is good");
        assert_eq!(lines.marks().collect::<Vec<_>>(), [(&ganich, LineQuality::Good)]);
        assert!(lines.over(&ganich, &session(2)));
        assert!(!lines.over(&ganich, &session(2)));
        assert_eq!(lines.marks().count(), 0);
    }

    #[test]
    fn a_session_left_behind_does_not_count() {
        let anwar: PersonId = parsed("anwar");
        let mut lines = Lines::default();
        lines.judged(&anwar, session(1), RECEIVING, Quality::Good);
        // The page is loaded anew; the old session ends some seconds after it fell silent.
        let audience = Kind::Receiving(ReceiverClass::Audience);
        lines.judged(&anwar, session(2), audience, Quality::Good);
        assert!(!lines.judged(&anwar, session(1), RECEIVING, Quality::Lost));
        assert!(!lines.over(&anwar, &session(1)));
        assert!(lines.judged(&anwar, session(2), audience, Quality::Lost), "nothing follows it");
        // What is sent does not stand in for what is received.
        assert!(!lines.judged(&anwar, session(3), SENDING, Quality::Good));
        assert_eq!(lines.mark(&anwar), Some(LineQuality::Lost));
    }

    #[test]
    fn sessions_of_one_person_are_bounded() {
        let anwar: PersonId = parsed("anwar");
        let mut lines = Lines::default();
        for number in 0..100 {
            lines.judged(&anwar, session(number), RECEIVING, Quality::Good);
        }
        assert_eq!(lines.people[&anwar].len(), SESSIONS_MAX);
    }
}
