//! Synthetic people: real WebRTC clients that publish over WHIP and receive over WHEP, with real
//! speech and moving pictures, for `plenary rehearse`, the benchmarks and the tests.
//!
//! Nothing is decoded to learn who was heard: a forwarding server passes payloads on unchanged, so
//! the [`ledger`] recognises each by its bytes and tells whose it is and how long it took.
//!
//! The crate stands beside the server, not below it. It knows `base`, and for the rehearsal the
//! messages of `api-types` and the vocabulary of `proceedings`.

pub mod bundle;
pub mod clip;
pub mod connection;
pub mod http;
pub mod ledger;
pub mod live;
pub mod load;
pub mod peer;
pub mod pulse;
pub mod reception;
pub mod rehearsal;
pub mod session;
pub mod speech;
pub mod vp8;
pub mod whep;
pub mod whip;

/// Random bits for identifiers that need not be secret, such as the first sequence number.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    /// A future of a synthetic person lies on the stack of whoever waits for it.
    #[test]
    fn futures_are_small() {
        let server = crate::http::Server::new("http://127.0.0.1:9").expect("an address");
        let ledger = std::sync::Arc::new(crate::ledger::Ledger::new(std::time::Instant::now()));
        let media = crate::whip::Media::default();
        let publish = crate::whip::Publisher::join(&server, "/", "t", media, ledger.clone());
        let wants = crate::whep::Wants::Sound;
        let receive = crate::whep::Receiver::join(&server, "/", "t", wants, ledger);
        let sizes = (size_of_val(&publish), size_of_val(&receive));
        assert!(sizes.0 < 8_192 && sizes.1 < 8_192, "{sizes:?}");
    }
}
