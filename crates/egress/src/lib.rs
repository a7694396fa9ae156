//! Receive-only peers: the audience's transport.

pub mod bandwidth;
pub mod rtcp;
pub mod srtp;
