//! The certificate: does it belong to the key, is it valid now, and for this host?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ServerConfig, crypto};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Finding;
use crate::settings::{Settings, Tls};

const TOPIC: &str = "certificate";

/// Days before its end at which a certificate is worth a warning.
const DAYS_LEFT_WARNING: i64 = 21;

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let url = settings.public_url(settings.listen.value.port());
    match &settings.tls {
        None => Vec::new(),
        Some(tls) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            check(tls, &url.host, now)
        }
    }
}

/// The findings about a certificate for `host` at `now`, in seconds since 1970.
fn check(tls: &Tls, host: &str, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let file = tls.certificate.display();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(|certificates| certificates.collect());
    let chain = match chain {
        Ok(chain) if !chain.is_empty() => chain,
        Ok(_) => {
            return vec![Finding::wrong(
                TOPIC,
                format!("{file} holds no certificate"),
                "it must be PEM, with -----BEGIN CERTIFICATE-----",
            )];
        }
        Err(error) => {
            return vec![Finding::wrong(
                TOPIC,
                format!("{file} cannot be read: {error}"),
                "check `tls.certificate` and the rights of the file",
            )];
        }
    };
    findings.extend(key(tls, &chain));
    let leaf = &chain[0];
    match X509Certificate::from_der(leaf) {
        Ok((_, parsed)) => findings.push(validity(&parsed, now)),
        Err(error) => findings.push(Finding::wrong(
            TOPIC,
            format!("{file} cannot be understood: {error}"),
            "ask the authority for the certificate again, as PEM",
        )),
    }
    findings.push(name(leaf, host));
    findings
}

/// The key fits the certificate, and nobody else can read it.
fn key(tls: &Tls, chain: &[CertificateDer<'static>]) -> Vec<Finding> {
    const TOPIC: &str = "key";
    let file = tls.key.display();
    let key = match PrivateKeyDer::from_pem_file(&tls.key) {
        Ok(key) => key,
        Err(error) => {
            return vec![Finding::wrong(
                TOPIC,
                format!("{file} cannot be read: {error}"),
                "it must be PEM, without a password, and readable by the user of the server",
            )];
        }
    };
    let mut findings = Vec::new();
    let provider = crypto::aws_lc_rs::default_provider();
    let fits = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.to_vec(), key));
    findings.push(match fits {
        Ok(_) => Finding::ok(TOPIC, "belongs to the certificate"),
        Err(error) => Finding::wrong(
            TOPIC,
            format!("{file} and the certificate do not go together: {error}"),
            "use the key with which the certificate was requested",
        ),
    });
    if let Ok(metadata) = fs::metadata(&tls.key)
        && metadata.permissions().mode() & 0o007 != 0
    {
        findings.push(Finding::warning(
            TOPIC,
            format!("{file} can be read by every user of this machine"),
            format!("run: chmod o= {file}"),
        ));
    }
    findings
}

fn validity(certificate: &X509Certificate<'_>, now: i64) -> Finding {
    let (from, until) = (
        certificate.validity().not_before.timestamp(),
        certificate.validity().not_after.timestamp(),
    );
    let days = (until - now).div_euclid(24 * 60 * 60);
    if now < from {
        Finding::wrong(
            TOPIC,
            format!("is valid only from {}", certificate.validity().not_before),
            "check the clock of this machine; it may be wrong",
        )
    } else if now > until {
        Finding::wrong(
            TOPIC,
            format!("ended on {}", certificate.validity().not_after),
            "renew it; browsers refuse it",
        )
    } else if days < DAYS_LEFT_WARNING {
        Finding::warning(
            TOPIC,
            format!("ends in {days} days, on {}", certificate.validity().not_after),
            "renew it before the event",
        )
    } else {
        Finding::ok(TOPIC, format!("valid until {}", certificate.validity().not_after))
    }
}

fn name(leaf: &CertificateDer<'_>, host: &str) -> Finding {
    let valid = ServerName::try_from(host.to_owned()).ok().and_then(|name| {
        let entity = webpki::EndEntityCert::try_from(leaf).ok()?;
        entity.verify_is_valid_for_subject_name(&name).ok()
    });
    match valid {
        Some(()) => Finding::ok(TOPIC, format!("stands for {host}")),
        None => Finding::wrong(
            TOPIC,
            format!("does not stand for {host}"),
            "request one whose subject alternative names include the host of `public_url`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    /// A certificate of its own for `host`, as a small office makes it.
    fn written(folder: &std::path::Path, host: &str) -> Tls {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
        let tls = Tls { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
        fs::write(&tls.certificate, made.cert.pem()).expect("written");
        fs::write(&tls.key, made.signing_key.serialize_pem()).expect("written");
        tls
    }

    fn worst(findings: &[Finding]) -> Verdict {
        findings
            .iter()
            .filter(|finding| !finding.what.contains("every user"))
            .map(|finding| finding.verdict)
            .max()
            .expect("findings")
    }

    #[test]
    fn a_certificate_is_judged_by_host_time_and_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let tls = written(folder.path(), "talks.example.org");
        // Within, before and after its time (made certificates are valid from 1975 to 4096).
        let now = 1_800_000_000;
        assert_eq!(worst(&check(&tls, "talks.example.org", now)), Verdict::Ok);
        assert_eq!(worst(&check(&tls, "other.example.org", now)), Verdict::Wrong);
        assert_eq!(worst(&check(&tls, "talks.example.org", 0)), Verdict::Wrong);
        assert_eq!(worst(&check(&tls, "talks.example.org", 1 << 40)), Verdict::Wrong);

        let other = tempfile::tempdir().expect("a folder");
        let other = written(other.path(), "talks.example.org");
        let mixed = Tls { key: other.key, ..tls.clone() };
        assert_eq!(worst(&check(&mixed, "talks.example.org", now)), Verdict::Wrong);

        fs::write(&tls.certificate, "no certificate").expect("written");
        assert_eq!(worst(&check(&tls, "talks.example.org", now)), Verdict::Wrong);
        fs::remove_file(&tls.certificate).expect("removed");
        assert_eq!(worst(&check(&tls, "talks.example.org", now)), Verdict::Wrong);
    }
}
