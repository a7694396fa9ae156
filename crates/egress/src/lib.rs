//! Receive-only peers: the audience's transport.
//!
//! A viewer needs little of WebRTC: to answer ICE checks, to finish one DTLS handshake, and then to
//! be sent packets, a thousand viewers the same ones with other headers and keys. [`Peer`] does that
//! and no more, so that a packet costs its encryption and hardly anything else: keys are scheduled
//! once, packets are written and protected in place in the buffer from which they leave, and what
//! may have to be repaired is remembered as 40 bytes a packet.
//!
//! Nothing here has a socket, a thread or a clock. Feed [`Peer::handle_datagram`] and
//! [`Peer::handle_timeout`], then drain [`Peer::poll_transmit`] and [`Peer::poll_event`].

pub mod bandwidth;
pub mod history;
mod peer;
pub mod rtcp;
pub mod srtp;

pub use bandwidth::PROBE_PACKETS_MIN;
pub use history::Entry;
#[cfg(any(test, feature = "fuzzing"))]
pub use peer::fuzzing;
pub use peer::{Event, Line, Outgoing, Peer, PeerConfig, SLOTS_MAX, SlotConfig};
