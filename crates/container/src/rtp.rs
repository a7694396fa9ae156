//! From RTP packets to frames.

mod av1;
mod frames;
mod h264;
mod sequencer;
mod vp8;
mod vp9;

pub use frames::{Depacketiser, Frame, Packet};
pub use sequencer::Sequencer;

#[cfg(test)]
mod tests;
