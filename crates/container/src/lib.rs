//! Media packets in, playable files out: the container of recordings, Matroska (RFC 9559) and its
//! subset WebM, and the way from RTP packets to the frames that go into it.
//!
//! # Files that a crash cannot spoil
//! [`Writer`] yields bytes to append and, rarely, a few bytes to write in place; whoever does so in
//! order has at every moment a file that plays to its end. A cluster is written with unknown size
//! and gets its size when the next one begins; length, index and chapters are added by
//! [`Writer::finish`] in room that was reserved at the front. What a crash left behind is read by
//! [`recover`], which gives the place to cut at and a writer that goes on from there.
//!
//! No crate found on crates.io writes unknown sizes, leaves room for an index and can take up an
//! unfinished file; the part of Matroska needed here is small.
//!
//! # From packets to frames
//! [`rtp::Sequencer`] puts packets in order, [`rtp::Depacketiser`] joins them. A frame that lost a
//! packet is dropped, and so is everything that builds on it, until the next key frame.

mod bits;
mod ebml;
mod header;
mod ids;
pub mod opus;
mod reader;
mod recovery;
pub mod rtp;
mod writer;

pub use header::{Chapter, Codec, Header, PictureSize, Track};
pub use reader::{Block, Contents, Item, ReadError, Reader};
pub use recovery::{Recovered, recover};
pub use writer::{Change, FrameError, Writer};
