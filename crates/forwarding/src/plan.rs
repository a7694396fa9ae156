//! Plans: what a class of receivers may hear and see, and which slot carries whom.

use base::limits::{FLOOR_VOICES_MAX, STAGE_MAX, THUMBNAILS_MAX};

use crate::units::Owner;

/// Voice slots of a receiver.
pub(crate) const VOICES: usize = FLOOR_VOICES_MAX;

/// Slots of a receiver: the voices, the language channel, the main picture, the screen and the
/// thumbnails.
pub const SLOTS: usize = VOICES + 1 + 2 + THUMBNAILS_MAX;

/// The fixed slots of every receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotKind {
    /// A voice of the floor, counted from 0.
    Voice(u8),
    /// The chosen language channel.
    Language,
    /// The main picture.
    Main,
    /// The shared screen.
    Screen,
    /// A small picture, counted from 0.
    Thumbnail(u8),
}

impl SlotKind {
    /// All kinds in the order of their [index](Self::index).
    pub const ALL: [Self; SLOTS] = [
        Self::Voice(0),
        Self::Voice(1),
        Self::Voice(2),
        Self::Language,
        Self::Main,
        Self::Screen,
        Self::Thumbnail(0),
        Self::Thumbnail(1),
        Self::Thumbnail(2),
        Self::Thumbnail(3),
    ];

    /// The place of the slot among the [`SLOTS`] of a receiver.
    pub const fn index(self) -> usize {
        match self {
            Self::Voice(n) => n as usize,
            Self::Language => VOICES,
            Self::Main => VOICES + 1,
            Self::Screen => VOICES + 2,
            Self::Thumbnail(n) => VOICES + 3 + n as usize,
        }
    }

    /// Whether the slot carries sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Voice(_) | Self::Language)
    }
}

/// The classes of receivers, each with a hearing of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Those who watch and listen.
    Audience,
    /// Those on stage and in the green room.
    Stage,
}

impl Class {
    /// Both classes.
    pub const ALL: [Self; 2] = [Self::Audience, Self::Stage];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Audience => 0,
            Self::Stage => 1,
        }
    }
}

/// What one class of receivers may hear and see. Anything not named here is not forwarded to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// Whose microphones may be heard. When there are more than the voice slots hold, the loudest
    /// get them.
    pub voices: Vec<Owner>,
    /// Whose camera is the main picture.
    pub main: Option<Owner>,
    /// Whose screen is shown. Its sound takes a voice slot that is free.
    pub screen: Option<Owner>,
    /// Whose cameras are the small pictures; those beyond [`THUMBNAILS_MAX`] are left out.
    pub thumbnails: Vec<Owner>,
}

impl Hearing {
    /// Cuts the lists to what a room can hold; a plan longer than the stage is a mistake of the
    /// caller that must not cost memory here.
    pub(crate) fn bounded(mut self) -> Self {
        self.voices.truncate(STAGE_MAX);
        self.thumbnails.truncate(THUMBNAILS_MAX);
        self
    }
}

/// Who sits in those slots of a class in which people keep their seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seating {
    /// The voices.
    pub voices: [Option<Owner>; FLOOR_VOICES_MAX],
    /// The small pictures.
    pub thumbnails: [Option<Owner>; THUMBNAILS_MAX],
}

/// Who is carried in which slot.
pub type Seats = [Option<Owner>; SLOTS];

/// Seats `candidates`: who sits stays seated, so that nothing moves that need not; newcomers take
/// free seats in order.
pub(crate) fn seat<T: Copy + PartialEq>(seats: &mut [Option<T>], candidates: &[T]) {
    for seat in seats.iter_mut() {
        *seat = seat.filter(|seated| candidates.contains(seated));
    }
    for &candidate in candidates {
        if !seats.contains(&Some(candidate))
            && let Some(free) = seats.iter_mut().find(|seat| seat.is_none())
        {
            *free = Some(candidate);
        }
    }
}

/// Seats voices; when there are not seats enough, a speaker takes the seat of the quietest who is
/// not speaking. `voice` tells whether a candidate speaks and how loud it is.
pub(crate) fn seat_voices<T: Copy + PartialEq>(
    seats: &mut [Option<T>; VOICES],
    candidates: &[T],
    voice: impl Fn(T) -> (bool, u16),
) {
    seat(seats, candidates);
    for &candidate in candidates {
        if seats.contains(&Some(candidate)) || !voice(candidate).0 {
            continue;
        }
        let quietest = seats
            .iter_mut()
            .filter(|seat| seat.is_some_and(|seated| !voice(seated).0))
            .min_by_key(|seat| seat.map(|seated| voice(seated).1));
        if let Some(seat) = quietest {
            *seat = Some(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_numbered_in_order() {
        for (index, kind) in SlotKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), index);
        }
    }

    #[test]
    fn voices_keep_their_seats() {
        let quiet = |_| (false, 0);
        let mut seats = [None; VOICES];
        seat_voices(&mut seats, &['a', 'b'], quiet);
        assert_eq!(seats, [Some('a'), Some('b'), None]);
        seat_voices(&mut seats, &['b', 'c'], quiet);
        assert_eq!(seats, [Some('c'), Some('b'), None]);
        seat_voices(&mut seats, &['d', 'c', 'b', 'e'], quiet);
        assert_eq!(seats, [Some('c'), Some('b'), Some('d')], "silence takes no seat");
        seat_voices(&mut seats, &['d', 'c', 'b', 'e'], |who| (who == 'e' || who == 'c', 5));
        assert_eq!(seats, [Some('c'), Some('e'), Some('d')], "a speaker takes a quiet one's");
        seat_voices(&mut seats, &['d', 'c', 'b', 'e'], |_| (true, 5));
        assert_eq!(seats, [Some('c'), Some('e'), Some('d')], "but never a speaker's");
        seat_voices(&mut seats, &[], quiet);
        assert_eq!(seats, [None; VOICES]);
    }
}
