//! The relay (TURN, RFC 8656): a way for browsers whose network lets them reach nothing but one TCP
//! port, and that perhaps only by TLS. Without sockets, threads or a clock.
//!
//! It relays to this server's own media addresses and to nothing else, whatever a client asks for
//! and however well it authenticates: an open relay is impossible by construction, because there
//! is no socket towards anybody else. An allocation's relayed address is a name; its packets reach
//! the media workers through a tunnel.
//!
//! Why not a library: `turn-server-proto` was looked at (0.7). It has no way to refuse a peer
//! when a permission is asked for, keeps user names for ever, bounds neither permissions nor
//! channels, and looks through all clients for each packet.

mod allocations;
mod credentials;
pub mod stun;

pub use allocations::{
    AllocationId, Client, Effect, NotAFrame, Outcome, Relay, Transport, frame_bytes,
};
pub use credentials::{Credentials, Holder, REALM, Secret, long_term_key};
