//! Identifiers and units of the core.

/// A moment or a length of time in microseconds since an arbitrary origin that the driver keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// A length given in milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// The time that passed since `earlier`; zero when that lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// The moment `length` after this one.
    #[must_use]
    pub const fn plus(self, length: Self) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

/// Whoever owns tracks and receives: a person, numbered by the driver within one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u32);

/// One way to encode media that both sides must agree on (codec and profile), numbered by the
/// driver from 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format(pub u8);

/// A set of [`Format`]s, as a bit mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Formats(pub u64);

impl Formats {
    /// This set with `format` in it. Numbers above 63 cannot be held and change nothing.
    #[must_use]
    pub const fn with(self, format: Format) -> Self {
        if format.0 < 64 { Self(self.0 | 1 << format.0) } else { self }
    }

    /// Whether `format` is in the set.
    pub const fn contains(self, format: Format) -> bool {
        format.0 < 64 && self.0 & (1 << format.0) != 0
    }
}

/// One media stream of an owner. Carries a generation, so that a late packet of a removed track
/// can never be taken for one of the track that came into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    pub(crate) index: u16,
    pub(crate) generation: u32,
}

/// One receiving peer. Carries a generation, see [`TrackId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ReceiverId {
    /// The place of the receiver in a dense table; reused after its removal.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl TrackId {
    /// The place of the track in a dense table; reused after its removal.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}
