//! The conversation with the operator's mail server.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};

/// Time for each step of the conversation.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Ports where none is given: mail submission with TLS from the first byte (RFC 8314), and with
/// STARTTLS (RFC 6409).
const TLS_PORT: u16 = 465;
const STARTTLS_PORT: u16 = 587;

/// The operator's mail server, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct MailConfig {
    host: String,
    port: u16,
    security: Security,
    from: Mailbox,
    credentials: Option<(String, String)>,
    per_minute: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, which the server must offer.
    StartTls,
    /// None, to this machine alone.
    None,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl MailConfig {
    /// A mail server by its address: `smtps://mail.example.org` with TLS from the first byte,
    /// `smtp://mail.example.org` with STARTTLS, which may be missing on this machine alone. `from`
    /// is an address, or `Name <address>`.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn new(
        smtp: &str,
        from: &str,
        credentials: Option<(String, String)>,
        per_minute: u32,
    ) -> Result<Self, String> {
        let hint = "write it as smtps://mail.example.org or smtp://mail.example.org:587";
        let (scheme, rest) = smtp
            .trim()
            .split_once("://")
            .ok_or_else(|| format!("\"{smtp}\" is no address of a mail server; {hint}"))?;
        let authority: axum::http::uri::Authority = rest
            .trim_end_matches('/')
            .parse()
            .map_err(|_| format!("\"{rest}\" is no host; {hint}"))?;
        if authority.as_str().contains('@') {
            return Err(
                "the address of the mail server holds a user name; it has an option of its \
                        own"
                .to_owned(),
            );
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let (security, port) = match scheme {
            "smtps" => (Security::Tls, TLS_PORT),
            "smtp" if is_here => (Security::None, STARTTLS_PORT),
            "smtp" => (Security::StartTls, STARTTLS_PORT),
            _ => return Err(format!("\"{scheme}\" is neither smtps nor smtp; {hint}")),
        };
        if host.is_empty() {
            return Err(format!("\"{smtp}\" names no host; {hint}"));
        }
        let from = from.trim().parse().map_err(|_| {
            format!("\"{from}\" is no sender; write it as Council <press@example.org>")
        })?;
        let port = authority.port_u16().unwrap_or(port);
        Ok(Self { host, port, security, from, credentials, per_minute: per_minute.max(1) })
    }

    /// Time between two mails.
    pub(crate) fn spacing(&self) -> Duration {
        Duration::from_secs(60) / self.per_minute
    }
}

/// A mail for one person.
#[derive(Debug, Clone)]
pub(crate) struct Letter<'a> {
    pub(crate) to: (&'a str, &'a str),
    pub(crate) language: &'a str,
    pub(crate) mail: &'a publication::output::mail::Mail,
    /// What stands before the `@` of its Message-ID; the same each time the mail is sent.
    pub(crate) id: &'a str,
    /// Milliseconds since 1970 UTC.
    pub(crate) at_ms: i64,
}

/// How the server answered a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handed {
    Taken,
    /// Not for good (RFC 5321, section 4.2.1: 4yz).
    Later(String),
    /// For good (5yz).
    Refused(String),
    /// The line broke off while it was handed over.
    Unclear(String),
}

/// An open conversation.
pub(crate) struct Post {
    connection: AsyncSmtpConnection,
    from: Mailbox,
}

impl Post {
    /// Connects, with TLS and a log-in as the settings want it.
    ///
    /// # Errors
    /// What the server or the way to it says.
    pub(crate) async fn open(config: &MailConfig) -> Result<Self, String> {
        let said = |error: lettre::transport::smtp::Error| words(&error);
        let tls = || TlsParameters::new(config.host.clone()).map_err(said);
        let hello = ClientId::Domain(config.from.email.domain().to_owned());
        let first = if config.security == Security::Tls { Some(tls()?) } else { None };
        let server = (config.host.as_str(), config.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(STEP_TIMEOUT), &hello, first, None)
                .await
                .map_err(said)?;
        if config.security == Security::StartTls {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(
                    "the mail server offers no STARTTLS; nothing is sent in clear".to_owned()
                );
            }
            connection.starttls(tls()?, &hello).await.map_err(said)?;
        }
        if let Some((user, password)) = &config.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, &credentials).await.map_err(said)?;
        }
        Ok(Self { connection, from: config.from.clone() })
    }

    /// Hands over one mail. After anything but [`Handed::Taken`] the conversation is over.
    pub(crate) async fn hand_over(&mut self, letter: &Letter<'_>) -> Handed {
        let (envelope, bytes) = match message(&self.from, letter) {
            Ok(made) => made,
            Err(why) => return Handed::Refused(why),
        };
        let sending = tokio::time::timeout(STEP_TIMEOUT, self.connection.send(&envelope, &bytes));
        match sending.await {
            Ok(Ok(_)) => Handed::Taken,
            Ok(Err(error)) if error.is_permanent() => Handed::Refused(words(&error)),
            Ok(Err(error)) if error.is_transient() => Handed::Later(words(&error)),
            Ok(Err(error)) => Handed::Unclear(words(&error)),
            Err(_) => Handed::Unclear("the mail server did not answer in time".to_owned()),
        }
    }

    /// Ends the conversation.
    pub(crate) async fn close(mut self) {
        // Everything is said; a server that does not answer has nothing to add.
        let _ = tokio::time::timeout(STEP_TIMEOUT, self.connection.quit()).await;
    }
}

/// True when mail can go to this address.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

fn words(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    let source = error.source().map(ToString::to_string);
    source.map_or_else(|| error.to_string(), |source| format!("{error} ({source})"))
}

/// The envelope, and the mail as it goes over the wire (RFC 5322, RFC 2045): one recipient, plain
/// text and HTML side by side.
fn message(from: &Mailbox, letter: &Letter<'_>) -> Result<(Envelope, Vec<u8>), String> {
    let (name, address) = letter.to;
    let address: Address = address.parse().map_err(|_| format!("{address} is no address"))?;
    let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    let domain = from.email.domain();
    let at_ms = u64::try_from(letter.at_ms).unwrap_or(0);
    let at = std::time::UNIX_EPOCH + Duration::from_millis(at_ms);
    let header = |name: &'static str, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
    };
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(letter.mail.subject.clone())
        .date(at)
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        .raw_header(header("Content-Language", letter.language))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .multipart(MultiPart::alternative_plain_html(
            letter.mail.text.clone(),
            letter.mail.html.clone(),
        ))
        .map_err(|error| error.to_string())?;
    Ok((message.envelope().clone(), message.formatted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_named_by_its_address() {
        let config = |smtp: &str| MailConfig::new(smtp, "Council <press@kcfr.example>", None, 60);
        let found = |smtp: &str| config(smtp).map(|config| (config.port, config.security));
        assert_eq!(found("smtps://mail.example.org"), Ok((465, Security::Tls)));
        assert_eq!(found("smtp://mail.example.org"), Ok((587, Security::StartTls)));
        assert_eq!(found("smtp://mail.example.org:2525/"), Ok((2525, Security::StartTls)));
        assert_eq!(found("smtp://127.0.0.1:25"), Ok((25, Security::None)));
        assert_eq!(found("smtp://[::1]:25"), Ok((25, Security::None)));
        for wrong in ["mail.example.org", "http://mail.example.org", "smtp://", "smtps://u@host"] {
            assert!(found(wrong).is_err(), "{wrong}");
        }
        let secret = Some(("council".to_owned(), "hush-hush".to_owned()));
        let config = MailConfig::new("smtps://m.example", "press@kcfr.example", secret, 60);
        assert!(!format!("{config:?}").contains("hush"));
        assert!(MailConfig::new("smtps://m.example", "nobody", None, 60).is_err());
    }
}
