//! The forwarding core: it decides which packet goes to whom, in which slot, at which layer, and
//! rewrites the headers so that every slot of a receiver is one continuous RTP stream, whoever is
//! heard or seen in it.
//!
//! It knows tracks, layers, receivers, slots and plans, all as data, and nothing of events,
//! permissions, sockets or encryption. Time is an argument, nothing is drawn at random, and
//! nothing is allocated for a forwarded packet.
//!
//! # How to drive a [`Room`]
//! Make one change (`handle_*`, `set_*`, `add_*`, `remove_*`), then call [`Room::poll_output`]
//! until it says [`Output::Timeout`], and call [`Room::handle_timeout`] when that moment has come.
//! The payload of a packet never enters the room: [`Output::Forward`] tells what to write in front
//! of it, so a thousand receivers share one buffer.
//!
//! When several rooms serve one event, each on a thread of its own, one of them seats the voices
//! ([`Output::Seating`]) and the others do as it says ([`Room::follow`]), so that everybody hears
//! the same people.
//!
//! # What holds at all times
//! * A packet of a track reaches a receiver only while the plan of the receiver's class names its
//!   owner for that use, and never the owner itself. Taking a name out of the plan works before
//!   the next packet, not at the next key frame.
//! * Within a slot sequence numbers, timestamps and picture numbers go on without a jump across
//!   changes of source and layer.
//! * A picture changes only at the first packet of a key frame; until it comes the old picture
//!   runs on, if it is still permitted.

mod allocation;
mod codec;
mod dependency;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod meter;
mod plan;
mod rewrite;
mod room;
pub mod sink;
mod speaking;
mod track;
mod units;

pub use codec::{Codec, Description, Level, PictureFields, PictureId, Rise, Size, Sizes, describe};
pub use dependency::{DEPENDENCY_URI, DependencyReader, FrameMark};
pub use plan::{Class, Hearing, SLOTS, Seating, Seats, SlotKind};
pub use room::{Demand, Forward, Full, Output, Packet, ReceiverSpec, Room};
pub use track::TrackKind;
pub use units::{Format, Formats, Micros, Owner, ReceiverId, TrackId};
