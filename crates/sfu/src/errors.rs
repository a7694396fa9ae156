//! What can go wrong, in sentences that a person who set up a client understands.

use base::limits::SDP_BYTES_MAX;

/// Why an offer was not answered.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// Longer than [`SDP_BYTES_MAX`].
    #[error("the session description has {bytes} bytes; at most {SDP_BYTES_MAX} are accepted")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a session description at all (RFC 8866).
    #[error("this is not a session description: {0}")]
    Malformed(String),
    /// A session description, but not one that can be answered here.
    #[error("the session description cannot be answered: {0}")]
    Unusable(String),
    /// Nothing in a section that both sides can do.
    #[error(
        "media section {section} offers no codec that is supported here; \
         offer Opus for sound and VP8, VP9, H.264 or AV1 for pictures"
    )]
    NoCodec {
        /// The section, counted from 1.
        section: usize,
    },
    /// The worker holds as many peers as it can.
    #[error("the server holds as many media sessions as it can; try again later")]
    Full,
    /// The media engine has stopped.
    #[error("the media engine has stopped")]
    Stopped,
}

/// Why a fragment was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not a fragment as RFC 8840 describes it.
    #[error("this is not an ICE fragment: {0}")]
    Malformed(&'static str),
    /// No such session, or no longer.
    #[error("there is no such media session")]
    NoSession,
    /// The media engine has stopped.
    #[error("the media engine has stopped")]
    Stopped,
}

/// Why the media engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No worker was asked for, or too many.
    #[error("{0} media workers were asked for; at least one is needed, and at most 64 can be had")]
    Workers(usize),
    /// Nothing that peers could be told.
    #[error("no address to announce to browsers; name at least one that they can reach")]
    NoAddress,
    /// A wildcard cannot be reached.
    #[error("{0} cannot be announced to browsers: it is not the address of an interface")]
    Wildcard(std::net::SocketAddr),
    /// The certificate for DTLS could not be made.
    #[error("the certificate for media encryption could not be made")]
    Certificate,
    /// The socket could not be set up.
    #[error("the UDP socket for media could not be set up: {0}")]
    Socket(#[source] std::io::Error),
    /// The thread could not be started.
    #[error("the media worker could not be started: {0}")]
    Thread(#[source] std::io::Error),
}
