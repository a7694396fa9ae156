//! What was to be heard and seen when, as the rehearsal commanded it, and the judgement of what a
//! receiver really received. Pure.
//!
//! The expectation is written from the rules that people were promised (docs/PROTOCOL.md), not
//! taken from the server, so that a mistake in the server's own rules is a finding too.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base::PersonId;

use crate::ledger::{Kind, Ledger};
use crate::pulse::Stalls;
use crate::reception::{Reception, Slot, Span};

/// Nothing said later than this after the floor was taken away may be heard, counted from the
/// command to the moment a packet was sent. The arrival is measured as a figure, not judged: on a
/// busy machine it blames the server for packets that were under way.
pub(super) const SILENCE_AFTER: Duration = Duration::from_millis(200);

/// A voice must be heard this long after the floor was given, counted from the acknowledgement.
pub(super) const VOICE_AFTER: Duration = Duration::from_millis(1_000);

/// A picture must be there, or gone, this long after a change: a key frame has to come first.
pub(super) const PICTURE_AFTER: Duration = Duration::from_millis(2_000);

/// Longest interruption of a voice that goes unmentioned.
pub(super) const INTERRUPTION_MAX: Duration = Duration::from_millis(300);

/// Shorter stretches are not judged for what must be heard: a change needs its time.
const STRETCH_MIN: Duration = Duration::from_millis(1_500);

/// What one class of receivers may and must get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Voices that may be heard.
    pub(super) allowed: BTreeSet<PersonId>,
    /// Voices that must be heard.
    pub(super) required: BTreeSet<PersonId>,
    /// The main picture, if there is to be one.
    pub(super) main: Option<PersonId>,
    /// The shared screen, if there is to be one.
    pub(super) screen: Option<PersonId>,
    /// Cameras that may be seen in small.
    pub(super) pictures: BTreeSet<PersonId>,
}

/// Whom a receiver belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Stage,
    Audience,
}

/// What holds from a moment on.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// What happened, for the report.
    pub(super) what: String,
    /// Just before the command was sent.
    pub(super) asked: Instant,
    /// When it was acknowledged.
    pub(super) done: Instant,
    pub(super) stage: Expected,
    pub(super) audience: Expected,
}

impl Moment {
    fn expected(&self, class: Class) -> &Expected {
        match class {
            Class::Stage => &self.stage,
            Class::Audience => &self.audience,
        }
    }
}

/// A receiver to be judged.
pub(super) struct Witness<'a> {
    /// When this machine stood still; such time is nobody's fault.
    pub(super) stalls: &'a Stalls,
    pub(super) person: &'a PersonId,
    pub(super) class: Class,
    /// Media could flow from then on.
    pub(super) connected: Instant,
    /// And no longer than this.
    pub(super) until: Instant,
    pub(super) pictures: bool,
    pub(super) reception: &'a Reception,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) receiver: PersonId,
    pub(super) what: String,
}

/// The judgement of one receiver.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    pub(super) voices_missing: Vec<Fault>,
    pub(super) voices_intruding: Vec<Fault>,
    pub(super) voices_late_to_stop: Vec<Fault>,
    pub(super) own_voice: Vec<Fault>,
    pub(super) pictures_missing: Vec<Fault>,
    pub(super) pictures_intruding: Vec<Fault>,
    /// Times from the command to the first packet of a voice that was not heard before.
    pub(super) voice_after: Vec<Duration>,
    /// Times from the command to the last packet of a voice.
    pub(super) silence_after: Vec<Duration>,
    /// Times from the command to the first packet of a main picture that was not there before.
    pub(super) picture_after: Vec<Duration>,
    /// Longest interruptions of required voices.
    pub(super) interruptions: Vec<Duration>,
    /// Required voices and pictures that were looked for.
    pub(super) looked_for: u64,
}

/// A stretch of time in which somebody is allowed, with the moment that ends it.
struct Allowed {
    from: Instant,
    /// `None` for as long as the rehearsal lasts.
    until: Option<Instant>,
}

/// Judges one receiver. The last moment of the timeline holds until the receiver leaves.
pub(super) fn judge(timeline: &[Moment], ledger: &Ledger, witness: &Witness<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    judge_voices_present(timeline, ledger, witness, &mut verdict);
    judge_voices_absent(timeline, ledger, witness, &mut verdict);
    if witness.pictures {
        judge_pictures(timeline, ledger, witness, &mut verdict);
    }
    verdict
}

fn judge_voices_present(
    timeline: &[Moment],
    ledger: &Ledger,
    witness: &Witness<'_>,
    verdict: &mut Verdict,
) {
    for Stretch { before, moment, from, to } in stretches(timeline, witness) {
        for person in &moment.expected(witness.class).required {
            if person == witness.person {
                continue;
            }
            verdict.looked_for += 1;
            let mut spans: Vec<&Span> = spans_of(ledger, witness.reception, person, Kind::Voice)
                .filter(|(slot, span)| slot.is_sound() && span.until > from && span.from < to)
                .map(|(_, span)| span)
                .collect();
            spans.sort_by_key(|span| span.from);
            let Some(first) = spans.first() else {
                verdict
                    .voices_missing
                    .push(witness.fault(format!("{person} was not heard: {}", moment.what)));
                continue;
            };
            let after = witness.time(from, first.from);
            let new = before.is_some_and(|m| !m.expected(witness.class).allowed.contains(person));
            if new && from == moment.done {
                verdict.voice_after.push(first.from.saturating_duration_since(moment.asked));
            }
            if after > VOICE_AFTER {
                let what =
                    format!("{person} was heard only after {}: {}", seconds(after), moment.what);
                verdict.voices_missing.push(witness.fault(what));
            }
            let mut heard_until = first.from.max(from);
            let mut longest = Duration::ZERO;
            for span in &spans {
                longest = longest.max(witness.time(heard_until, span.from));
                heard_until = heard_until.max(span.until);
            }
            longest = longest.max(witness.time(heard_until, to));
            verdict.interruptions.push(longest);
            if longest > INTERRUPTION_MAX {
                let what =
                    format!("{person} was interrupted for {}: {}", seconds(longest), moment.what);
                verdict.voices_missing.push(witness.fault(what));
            }
        }
    }
}

fn judge_voices_absent(
    timeline: &[Moment],
    ledger: &Ledger,
    witness: &Witness<'_>,
    verdict: &mut Verdict,
) {
    let start = timeline.first().map_or(witness.connected, |moment| moment.asked);
    for (_, span) in witness.reception.spans().filter(|(slot, _)| slot.is_sound()) {
        let track = ledger.track(span.track);
        if track.kind != Kind::Voice {
            continue;
        }
        let person = &track.person;
        if person == witness.person {
            let what = format!("heard themselves for {}", seconds(span.until - span.from));
            verdict.own_voice.push(witness.fault(what));
            continue;
        }
        let allowed =
            allowed(timeline, |moment| moment.expected(witness.class).allowed.contains(person));
        // What counts is when it was said: a packet that was long on its way is another fault.
        let Some(stretch) = covering(&allowed, span, witness, SILENCE_AFTER) else {
            let what = format!(
                "{person} was heard without the floor for {}, {} after the beginning",
                seconds(span.until - span.from),
                seconds(span.from.saturating_duration_since(start))
            );
            verdict.voices_intruding.push(witness.fault(what));
            continue;
        };
        let Some(end) = stretch.until else { continue };
        if span.until + SILENCE_AFTER < end {
            continue;
        }
        verdict.silence_after.push(span.until.saturating_duration_since(end));
        let after = witness.time(end, span.sent_until);
        if after > SILENCE_AFTER {
            let what = format!("{person} was heard for {} after losing the floor", seconds(after));
            verdict.voices_late_to_stop.push(witness.fault(what));
        }
    }
}

fn judge_pictures(
    timeline: &[Moment],
    ledger: &Ledger,
    witness: &Witness<'_>,
    verdict: &mut Verdict,
) {
    for Stretch { before, moment, from, to } in stretches(timeline, witness) {
        let expected = moment.expected(witness.class);
        let wanted = [
            (expected.main.as_ref(), Slot::Main, Kind::Camera),
            (expected.screen.as_ref(), Slot::Screen, Kind::Screen),
        ];
        for (person, slot, kind) in wanted {
            let Some(person) = person.filter(|person| *person != witness.person) else { continue };
            if to - from < PICTURE_AFTER {
                continue;
            }
            verdict.looked_for += 1;
            let first = spans_of(ledger, witness.reception, person, kind)
                .filter(|(at, span)| *at == slot && span.until > from && span.from < to)
                .filter(|(_, span)| span.frames > 0)
                .map(|(_, span)| span.from)
                .min();
            let name = if slot == Slot::Main { "main picture" } else { "screen" };
            match first.map(|first| witness.time(from, first)) {
                Some(after) if after <= PICTURE_AFTER => {
                    let same = |m: &Moment| m.expected(witness.class).main.as_ref() == Some(person);
                    let new = before.is_some_and(|before| !same(before));
                    if new && from == moment.done && slot == Slot::Main {
                        verdict.picture_after.push(after + (moment.done - moment.asked));
                    }
                }
                Some(after) => {
                    let what = format!(
                        "the {name} of {person} came only after {}: {}",
                        seconds(after),
                        moment.what
                    );
                    verdict.pictures_missing.push(witness.fault(what));
                }
                None => {
                    let what = format!("the {name} of {person} was not seen: {}", moment.what);
                    verdict.pictures_missing.push(witness.fault(what));
                }
            }
        }
    }
    for (slot, span) in witness.reception.spans().filter(|(slot, _)| !slot.is_sound()) {
        let track = ledger.track(span.track);
        let person = &track.person;
        if person == witness.person {
            let what = format!("saw themselves for {}", seconds(span.until - span.from));
            verdict.pictures_intruding.push(witness.fault(what));
            continue;
        }
        let allowed = allowed(timeline, |moment| {
            let expected = moment.expected(witness.class);
            match slot {
                Slot::Main => expected.main.as_ref() == Some(person),
                Slot::Screen => expected.screen.as_ref() == Some(person),
                _ => expected.pictures.contains(person),
            }
        });
        let over = covering(&allowed, span, witness, PICTURE_AFTER).map(|stretch| {
            stretch.until.map_or(Duration::ZERO, |end| witness.time(end, span.until))
        });
        if over.is_none_or(|over| over > PICTURE_AFTER) {
            let length = span.until - span.from;
            let what = format!(
                "{person} was seen in {slot:?} out of turn, for {} in all",
                seconds(length)
            );
            verdict.pictures_intruding.push(witness.fault(what));
        }
    }
}

/// A moment with the stretch in which a receiver can judge it.
struct Stretch<'a> {
    before: Option<&'a Moment>,
    moment: &'a Moment,
    from: Instant,
    to: Instant,
}

/// The moments that last long enough to be judged.
fn stretches<'a>(
    timeline: &'a [Moment],
    witness: &'a Witness<'_>,
) -> impl Iterator<Item = Stretch<'a>> {
    timeline.iter().enumerate().filter_map(|(at, moment)| {
        let from = moment.done.max(witness.connected);
        let next = timeline.get(at + 1).map_or(witness.until, |next| next.asked);
        let to = next.min(witness.until);
        let before = at.checked_sub(1).and_then(|at| timeline.get(at));
        let long = to.saturating_duration_since(from) >= STRETCH_MIN;
        long.then_some(Stretch { before, moment, from, to })
    })
}

/// The stretches in which something holds. Those with a break too short to be heard are joined.
fn allowed(timeline: &[Moment], holds: impl Fn(&Moment) -> bool) -> Vec<Allowed> {
    let mut stretches: Vec<Allowed> = Vec::new();
    let mut open = false;
    for moment in timeline {
        match (open, holds(moment)) {
            (false, true) => match stretches.last_mut() {
                Some(last) if last.until.is_some_and(|end| moment.asked < end + SILENCE_AFTER) => {
                    last.until = None;
                }
                _ => stretches.push(Allowed { from: moment.asked, until: None }),
            },
            (true, false) => {
                if let Some(stretch) = stretches.last_mut() {
                    stretch.until = Some(moment.asked);
                }
            }
            _ => {}
        }
        open = holds(moment);
    }
    stretches
}

/// The stretch in which a span lies: it arrived after the beginning and was sent before the end,
/// extended by `tolerance`.
fn covering<'a>(
    stretches: &'a [Allowed],
    span: &Span,
    witness: &Witness<'_>,
    tolerance: Duration,
) -> Option<&'a Allowed> {
    // The latest comes first: after a short break a span belongs to the new stretch.
    stretches.iter().rev().find(|stretch| {
        let in_time = |end| witness.time(end, span.sent_from) <= tolerance;
        stretch.from <= span.from && stretch.until.is_none_or(in_time)
    })
}

fn spans_of<'a>(
    ledger: &'a Ledger,
    reception: &'a Reception,
    person: &'a PersonId,
    kind: Kind,
) -> impl Iterator<Item = (Slot, &'a Span)> {
    reception.spans().filter(move |(_, span)| {
        let track = ledger.track(span.track);
        track.kind == kind && track.person == *person
    })
}

/// A length of time as the report writes it.
pub(super) fn seconds(length: Duration) -> String {
    format!("{:.2} s", length.as_secs_f64())
}

impl Witness<'_> {
    /// The time between two moments in which this machine did not stand still.
    fn time(&self, from: Instant, to: Instant) -> Duration {
        to.saturating_duration_since(from).saturating_sub(self.stalls.between(from, to))
    }

    fn fault(&self, what: String) -> Fault {
        Fault { receiver: self.person.clone(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::Sound;
    use crate::reception::{Received, SlotReception};

    const MS: Duration = Duration::from_millis(1);

    fn person(name: &str) -> PersonId {
        PersonId::new(name).expect("an id")
    }

    /// A rehearsal in which `a` has the floor for 3 s and then `b`.
    struct Story {
        start: Instant,
        ledger: Ledger,
        sounds: [Sound; 2],
        timeline: Vec<Moment>,
        reception: Reception,
        stalls: Stalls,
        sequence: u64,
    }

    impl Story {
        fn new() -> Self {
            let start = Instant::now();
            let mut ledger = Ledger::new(start);
            let silence = vec![0i16; 960 * 50];
            let sounds = [1, 2].map(|seed| Sound::encode(&silence, seed).expect("encodes"));
            for (name, sound) in ["a", "b"].into_iter().zip(&sounds) {
                ledger.enter_sound(&person(name), sound).expect("distinct");
            }
            let moment = |at: u32, who: &str| {
                let voices = BTreeSet::from([person(who)]);
                let expected =
                    Expected { allowed: voices.clone(), required: voices, ..Expected::default() };
                Moment {
                    what: format!("the floor of {who}"),
                    asked: start + MS * at,
                    done: start + MS * (at + 10),
                    stage: expected.clone(),
                    audience: expected,
                }
            };
            let timeline = vec![moment(0, "a"), moment(3_000, "b")];
            let slots = vec![(Slot::Voice(0), SlotReception::default())];
            let reception = Reception { slots, ..Reception::default() };
            let stalls = Stalls::default();
            Self { start, ledger, sounds, timeline, reception, stalls, sequence: 0 }
        }

        /// Person `who` is heard in slot 0 from one moment to another.
        fn hear(&mut self, who: usize, from_ms: u32, to_ms: u32) {
            for at in (from_ms..to_ms).step_by(20) {
                self.sequence += 1;
                let payload = &self.sounds[who].packets[(at / 20 % 50) as usize].payload;
                let sequence = self.sequence;
                let packet = Received { ssrc: 1, sequence, time: sequence * 960, payload };
                let now = self.start + MS * at;
                self.reception.slots[0].1.take(now, Slot::Voice(0), &self.ledger, packet);
            }
        }

        /// One packet is sent at one moment and heard at another.
        fn hear_late(&mut self, who: usize, sent_ms: u32, heard_ms: u32) {
            let payload = &self.sounds[who].packets[(heard_ms / 20 % 50) as usize].payload;
            self.ledger.sent(payload, self.start + MS * sent_ms);
            self.hear(who, heard_ms, heard_ms + 1);
        }

        fn verdict(&self, who: &str) -> Verdict {
            let witness = Witness {
                person: &person(who),
                class: Class::Audience,
                connected: self.start,
                until: self.start + MS * 6_000,
                pictures: false,
                reception: &self.reception,
                stalls: &self.stalls,
            };
            judge(&self.timeline, &self.ledger, &witness)
        }
    }

    fn faults(verdict: &Verdict) -> [usize; 4] {
        [
            verdict.voices_missing.len(),
            verdict.voices_intruding.len(),
            verdict.voices_late_to_stop.len(),
            verdict.own_voice.len(),
        ]
    }

    #[test]
    fn the_right_voices_at_the_right_time_are_no_fault() {
        let mut story = Story::new();
        story.hear(0, 40, 3_100);
        story.hear(1, 3_100, 6_000);
        let verdict = story.verdict("viewer");
        assert_eq!(faults(&verdict), [0; 4], "{verdict:?}");
        assert_eq!(verdict.voice_after, [MS * 100]);
        assert_eq!(verdict.silence_after, [MS * 80]);
        assert_eq!(verdict.looked_for, 2);
    }

    #[test]
    fn a_voice_that_does_not_stop_is_a_fault_after_200_ms() {
        for (until, late) in [(3_190, 0), (3_260, 1)] {
            let mut story = Story::new();
            story.hear(0, 20, until);
            story.hear(1, until, 6_000);
            assert_eq!(faults(&story.verdict("viewer")), [0, 0, late, 0], "{until}");
        }
    }

    #[test]
    fn a_voice_without_the_floor_is_a_fault() {
        let mut story = Story::new();
        story.hear(0, 20, 3_020);
        story.hear(1, 3_020, 5_000);
        story.hear(0, 5_000, 5_100);
        story.hear(1, 5_100, 6_000);
        assert_eq!(faults(&story.verdict("viewer")), [0, 1, 0, 0]);
    }

    #[test]
    fn a_voice_that_is_missing_late_or_interrupted_is_a_fault() {
        let mut story = Story::new();
        story.hear(0, 20, 3_020);
        assert_eq!(faults(&story.verdict("viewer")), [1, 0, 0, 0], "missing");
        story.hear(1, 4_500, 6_000);
        assert_eq!(faults(&story.verdict("viewer")), [1, 0, 0, 0], "late");
        let mut story = Story::new();
        story.hear(0, 20, 1_000);
        story.hear(0, 1_400, 3_000);
        story.hear(1, 3_020, 6_000);
        assert_eq!(faults(&story.verdict("viewer")), [1, 0, 0, 0], "interrupted");
    }

    #[test]
    fn what_happened_while_this_machine_stood_still_is_no_fault() {
        let mut story = Story::new();
        let at = |ms: u32| story.start + MS * ms;
        story.stalls = Stalls::of(vec![(at(1_000), at(1_350)), (at(3_050), at(3_250))]);
        story.hear(0, 20, 1_000);
        story.hear(0, 1_400, 3_260);
        story.hear(1, 3_260, 6_000);
        assert_eq!(faults(&story.verdict("viewer")), [0; 4]);
    }

    #[test]
    fn a_packet_under_way_while_the_floor_changed_is_no_fault() {
        let mut story = Story::new();
        // Sent just before the floor was given, and just before it was taken, and late both times.
        story.hear_late(1, 2_960, 3_040);
        story.hear_late(0, 2_980, 3_400);
        assert_eq!(story.verdict("viewer").voices_intruding, []);
        assert_eq!(story.verdict("viewer").voices_late_to_stop, []);
    }

    #[test]
    fn nobody_hears_themselves_or_needs_to() {
        let mut story = Story::new();
        story.hear(1, 3_020, 6_000);
        assert_eq!(faults(&story.verdict("a")), [0; 4]);
        story.hear(0, 6_000, 6_100);
        assert_eq!(faults(&story.verdict("a")), [0, 0, 0, 1]);
    }
}
