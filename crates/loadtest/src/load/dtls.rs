//! The DTLS handshake of a receiver, always as the client: browsers are it towards every server
//! that answers `setup:passive`.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};

use super::srtp::Keys;

/// The largest record that leaves in one datagram.
const RECORD_BYTES_MAX: usize = 2_048;

/// Most outputs taken after one input; a flight has five.
const OUTPUTS_MAX: usize = 64;

/// What all receivers of a test share.
#[derive(Clone)]
pub struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
    /// SHA-256 fingerprint of the certificate.
    pub fingerprint: [u8; 32],
}

impl Identity {
    /// Makes a certificate; `None` when the system has no randomness for it.
    pub fn new() -> Option<Self> {
        let crypto = str0m::crypto::from_feature_flags();
        let made = crypto.dtls_provider.generate_certificate()?;
        let certificate =
            DtlsCertificate { certificate: made.certificate, private_key: made.private_key };
        let mut fingerprint = [0; 32];
        let hash = digest::digest(&digest::SHA256, &certificate.certificate);
        fingerprint.copy_from_slice(hash.as_ref());
        Some(Self { config: Arc::new(Config::default()), certificate, fingerprint })
    }
}

/// How far the handshake is.
pub enum Progress {
    /// It goes on.
    Going,
    /// It is done.
    Done(Box<Keys>, SrtpProfile),
    /// It failed, or the other side closed.
    Failed(&'static str),
}

/// A handshake, later the connection that may be closed.
pub struct Handshake {
    dtls: Box<Dtls>,
    remote_fingerprint: [u8; 32],
    trusted: bool,
    timeout: Option<Instant>,
}

impl Handshake {
    /// Begins one with the owner of the certificate of this fingerprint.
    pub fn new(identity: &Identity, remote_fingerprint: [u8; 32], now: Instant) -> Self {
        let config = Arc::clone(&identity.config);
        let mut dtls = Box::new(Dtls::new_12(config, identity.certificate.clone(), now));
        dtls.set_active(true);
        Self { dtls, remote_fingerprint, trusted: false, timeout: Some(now) }
    }

    /// Takes a record.
    pub fn handle(&mut self, record: &[u8], send: impl FnMut(&[u8])) -> Progress {
        if self.dtls.handle_packet(record).is_err() {
            return Progress::Failed("the handshake failed");
        }
        self.drain(send)
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant, send: impl FnMut(&[u8])) -> Progress {
        if self.timeout.is_none_or(|at| at > now) {
            return Progress::Going;
        }
        self.timeout = None;
        if self.dtls.handle_timeout(now).is_err() {
            return Progress::Failed("the handshake took too long");
        }
        self.drain(send)
    }

    fn drain(&mut self, mut send: impl FnMut(&[u8])) -> Progress {
        let mut buffer = [0; RECORD_BYTES_MAX];
        let mut progress = Progress::Going;
        for _ in 0..OUTPUTS_MAX {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(record) => send(record),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    break;
                }
                Output::PeerCert(certificate) => {
                    let hash = digest::digest(&digest::SHA256, certificate);
                    self.trusted = hash.as_ref() == self.remote_fingerprint;
                }
                Output::KeyingMaterial(material, profile) => {
                    progress = match Keys::of_client(profile, &material) {
                        Ok(keys) if self.trusted => Progress::Done(Box::new(keys), profile),
                        Ok(_) => Progress::Failed("the certificate is not the one that was named"),
                        Err(_) => Progress::Failed("the keys cannot be used"),
                    };
                }
                Output::CloseNotify => return Progress::Failed("closed by the server"),
                Output::BufferTooSmall { .. } => return Progress::Failed("a record is too large"),
                _ => {}
            }
        }
        progress
    }
}
