//! Speech recognition on the server: a subscriber of the media engine (`forwarding::sink`) that
//! hears each person's own track, and writes down what is said.
//!
//! # What it hears
//! The microphones that the audience may hear while the proceedings say that it is kept, and never
//! a byte more: off the record the media engine opens no sink. Who spoke is whose track it is; under
//! the Chatham House Rule nobody tells whose.
//!
//! # What it writes
//! [`utterance`] cuts a track at its pauses, [`activity`] tells speech from a room, a [`Recogniser`]
//! turns one utterance into words, [`judgement`] leaves out what was not said, [`lines`] makes lines
//! of the transcript. All of them are pure; one utterance gives the same lines each time.
//!
//! # What it costs
//! It never makes the media engine wait: the queue of packets is bounded, and so is that of
//! utterances. It works on as many threads as it is allowed, at the lowest priority, for no more
//! than its share of the time. When that is not enough it drops whole utterances, and says so.

pub mod activity;
mod engine;
pub mod judgement;
pub mod lines;
mod queue;
mod recogniser;
mod track;
pub mod utterance;
mod whisper;
mod work;

pub use engine::{Config, Languages, News, Recognition, Spoken, StartError, Tallies};
pub use recogniser::{Care, Heard, Recogniser, Word, speed};
pub use whisper::{ModelError, Whisper};

/// Samples in a second, as recognisers want them.
pub const SAMPLE_HZ: usize = 16_000;
