//! The options of the program: flag before environment before file before default.
//!
//! All options stand in one table, [`OPTIONS`]. The example file `docs/plenary.example.toml` is
//! made from it, and a key that it does not know is refused.

mod mail;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use base::Language;
use programme::{Gravity, Problem, nearest};
use server::Recognising;
use toml::de::{DeTable, DeValue};

use server::MailConfig;

use crate::output::{Exit, Failure};

pub(crate) use store::StoreSettings;

/// One option.
pub(crate) struct Opt {
    /// Key of the file; `tls.key` stands in the table `[tls]`.
    pub(crate) key: &'static str,
    /// Flag of the command line, if there is one.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the example file"))]
    pub(crate) flag: Option<&'static str>,
    /// Environment variable.
    pub(crate) env: &'static str,
    /// What it means, for the example file.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the example file"))]
    pub(crate) doc: &'static str,
    /// Its line in the example file: the default, or an example where there is none.
    pub(crate) line: &'static str,
}

/// All options.
pub(crate) static OPTIONS: &[Opt] = &[
    Opt {
        key: "data",
        flag: Some("--data"),
        env: "PLENARY_DATA",
        doc: "Data folder: proceedings, links, everything that must not be lost. A relative path \
              is taken from this file's folder.",
        line: r#"data = "data""#,
    },
    Opt {
        key: "listen",
        flag: Some("--listen"),
        env: "PLENARY_LISTEN",
        doc: "Address and port, for TCP (pages, live socket) and UDP (sound and pictures) alike. \
              [::] listens on IPv6 and IPv4.",
        line: r#"listen = "0.0.0.0:8080""#,
    },
    Opt {
        key: "public_url",
        flag: Some("--public-url"),
        env: "PLENARY_PUBLIC_URL",
        doc: "Address by which people reach the server; personal links begin with it. Browsers \
              give pages the microphone only over https or on localhost. Default: \
              http://localhost with the port of `listen`.",
        line: r#"public_url = "https://talks.example.org""#,
    },
    Opt {
        key: "announce",
        flag: Some("--announce"),
        env: "PLENARY_ANNOUNCE",
        doc: "IP addresses that browsers send sound and pictures to. Needed where the machine \
              does not know its public address, as behind a router that forwards the port. \
              Default: the addresses of this machine. In the variable they are separated by commas.",
        line: r#"announce = ["203.0.113.7"]"#,
    },
    Opt {
        key: "trusted_proxies",
        flag: None,
        env: "PLENARY_TRUSTED_PROXIES",
        doc: "IP addresses of reverse proxies in front of the server. Only from them it is \
              believed which client they speak for (X-Forwarded-For), so that limits for each \
              address fall on the right one. In the variable they are separated by commas.",
        line: r#"trusted_proxies = ["127.0.0.1", "::1"]"#,
    },
    Opt {
        key: "recordings",
        flag: None,
        env: "PLENARY_RECORDINGS",
        doc: "Folder for recordings, which may lie on another disk than the data; \
              whether an event is recorded stands in its programme file. Relative as `data` is. \
              Default: the folder `recordings` in the data folder.",
        line: r#"recordings = "data/recordings""#,
    },
    Opt {
        key: "media_workers",
        flag: None,
        env: "PLENARY_MEDIA_WORKERS",
        doc: "Threads that carry sound and pictures, 1 to 64. Default: one for each core, up to \
              eight.",
        line: "media_workers = 4",
    },
    Opt {
        key: "store.url",
        flag: None,
        env: "PLENARY_STORE_URL",
        doc: "Store for finished recordings: a bucket of an S3-compatible server, and what the \
              names in it begin with. When an event is closed its files are carried there, read \
              back and compared, and then removed from the folder of the recordings. Default: \
              they stay in that folder.",
        line: r#"url = "s3://bucket/prefix""#,
    },
    Opt {
        key: "store.endpoint",
        flag: None,
        env: "PLENARY_STORE_ENDPOINT",
        doc: "Address of the store's server. Default: the one of AWS in the region.",
        line: r#"endpoint = "https://s3.example.org:9000""#,
    },
    Opt {
        key: "store.region",
        flag: None,
        env: "PLENARY_STORE_REGION",
        doc: "Region of the bucket. Servers that know no regions take the default.",
        line: r#"region = "us-east-1""#,
    },
    Opt {
        key: "store.access_key",
        flag: None,
        env: "PLENARY_STORE_ACCESS_KEY",
        doc: "Name of the key with which the server may write, read and delete in the bucket.",
        line: r#"access_key = "plenary""#,
    },
    Opt {
        key: "store.secret_key",
        flag: None,
        env: "PLENARY_STORE_SECRET_KEY",
        doc: "The key itself. It is never logged or shown. Let nobody but the server read this \
              file, or use the variable.",
        line: r#"secret_key = "what-the-store-gave-you""#,
    },
    Opt {
        key: "store.keep_local",
        flag: None,
        env: "PLENARY_STORE_KEEP_LOCAL",
        doc: "Whether the files stay in the folder of the recordings as well: yes or no.",
        line: r#"keep_local = "no""#,
    },
    Opt {
        key: "recognition.model",
        flag: None,
        env: "PLENARY_RECOGNITION_MODEL",
        doc: "Weights with which speech is recognised and put into the captions and the \
              transcript: a ggml file of a Whisper model (docs/DEPLOYMENT.md says which). Nothing \
              is fetched from anywhere. Default: speech is not recognised.",
        line: r#"model = "ggml-base.bin""#,
    },
    Opt {
        key: "recognition.languages",
        flag: None,
        env: "PLENARY_RECOGNITION_LANGUAGES",
        doc: "Languages that are recognised. An English model (.en) is asked only in events whose \
              first language is English. In the variable they are separated by commas. Default: \
              those of each event.",
        line: r#"languages = ["en", "ru", "ur"]"#,
    },
    Opt {
        key: "recognition.threads",
        flag: None,
        env: "PLENARY_RECOGNITION_THREADS",
        doc: "Threads that recognise speech, 1 to 16, at the lowest priority.",
        line: "threads = 1",
    },
    Opt {
        key: "recognition.share_percent",
        flag: None,
        env: "PLENARY_RECOGNITION_SHARE_PERCENT",
        doc: "Share of the time in which these threads work at the most, 1 to 100. Where that is \
              not enough, whole utterances are left out, and those who moderate are told.",
        line: "share_percent = 50",
    },
    Opt {
        key: "mail.smtp",
        flag: None,
        env: "PLENARY_MAIL_SMTP",
        doc: "Mail server by which issued releases go to the press: smtps:// with TLS from the \
              first byte (port 465), smtp:// with STARTTLS (port 587), which may be missing only \
              on this machine. Default: nothing is mailed.",
        line: r#"smtp = "smtps://mail.example.org""#,
    },
    Opt {
        key: "mail.from",
        flag: None,
        env: "PLENARY_MAIL_FROM",
        doc: "Sender of the mails.",
        line: r#"from = "Council on Foreign Relations <press@example.org>""#,
    },
    Opt {
        key: "mail.user",
        flag: None,
        env: "PLENARY_MAIL_USER",
        doc: "Name by which the mail server knows us. Default: it wants none.",
        line: r#"user = "press@example.org""#,
    },
    Opt {
        key: "mail.password",
        flag: None,
        env: "PLENARY_MAIL_PASSWORD",
        doc: "Password of that name. It is never logged or shown.",
        line: r#"password = "what-the-mail-server-knows""#,
    },
    Opt {
        key: "mail.per_minute",
        flag: None,
        env: "PLENARY_MAIL_PER_MINUTE",
        doc: "Mails in a minute at most, 1 to 600: as many as the mail server allows.",
        line: "per_minute = 60",
    },
    Opt {
        key: "metrics.allow",
        flag: None,
        env: "PLENARY_METRICS_ALLOW",
        doc: "IP addresses that may read the metrics for Prometheus at /metrics (docs/METRICS.md); \
              for all others there is nothing at that address. In the variable they are separated \
              by commas.",
        line: r#"allow = ["127.0.0.1", "::1"]"#,
    },
    Opt {
        key: "metrics.token",
        flag: None,
        env: "PLENARY_METRICS_TOKEN",
        doc: "Whoever shows this as bearer token may read the metrics from any other address too. \
              At least 16 characters. Default: nobody may.",
        line: r#"token = "a-long-random-text-that-nobody-knows""#,
    },
    Opt {
        key: "tls.certificate",
        flag: None,
        env: "PLENARY_TLS_CERTIFICATE",
        doc: "Certificate chain, as PEM. Any authority will do, also your own. Without it the \
              server speaks plain http, for localhost or behind a proxy that speaks https.",
        line: r#"certificate = "certificate.pem""#,
    },
    Opt {
        key: "tls.key",
        flag: None,
        env: "PLENARY_TLS_KEY",
        doc: "Private key of the certificate, as PEM.",
        line: r#"key = "key.pem""#,
    },
    Opt {
        key: "log.level",
        flag: None,
        env: "PLENARY_LOG",
        doc: "What is logged: error, warn, info, debug or trace; or by part, as \
              \"info,sfu=debug\". Names, tokens and what was said are never logged.",
        line: r#"level = "info""#,
    },
    Opt {
        key: "log.format",
        flag: None,
        env: "PLENARY_LOG_FORMAT",
        doc: "How: text or json.",
        line: r#"format = "text""#,
    },
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment(&'static str),
    File,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => f.write_str(name),
            Self::File => f.write_str("configuration file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Certificate and key files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The address by which people reach the server: scheme, host, perhaps a port, nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// Without a slash at the end.
    text: String,
    pub(crate) https: bool,
    /// Name or address, an IPv6 address without brackets.
    pub(crate) host: String,
    /// The port in it, or that of the scheme.
    pub(crate) port: u16,
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PublicUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let hint = "write it as https://talks.example.org or http://localhost:8080";
        let uri: http::Uri =
            text.trim().parse().map_err(|_| format!("\"{text}\" is not an address; {hint}"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("\"{text}\" does not begin with https:// or http://; {hint}")),
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty())
        else {
            return Err(format!("\"{text}\" names no host; {hint}"));
        };
        if authority.as_str().contains('@') {
            return Err(format!("\"{text}\" holds a user name; {hint}"));
        }
        if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
            return Err(format!("\"{text}\" has a path; Plenary wants a host to itself: {hint}"));
        }
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let scheme = if https { "https" } else { "http" };
        let host = authority.host().trim_matches(['[', ']']).to_lowercase();
        Ok(Self { text: format!("{scheme}://{authority}"), https, host, port })
    }

    /// The address of this machine for itself.
    pub(crate) fn localhost(port: u16) -> Self {
        let text = format!("http://localhost:{port}");
        Self { text, https: false, host: "localhost".to_owned(), port }
    }

    /// True where browsers give pages the microphone and the camera: over https, and on the
    /// machine itself (W3C Secure Contexts, "potentially trustworthy").
    pub(crate) fn is_trustworthy(&self) -> bool {
        self.https
            || self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// All options with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) data: Set<PathBuf>,
    pub(crate) listen: Set<SocketAddr>,
    /// `None` is localhost with the port of `listen`.
    pub(crate) public_url: Option<Set<PublicUrl>>,
    /// Empty means the addresses of this machine.
    pub(crate) announce: Set<Vec<IpAddr>>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) recordings: PathBuf,
    /// Where finished recordings go; `None` leaves them in the folder.
    pub(crate) store: Option<StoreSettings>,
    /// By which server releases are mailed; `None` mails nothing.
    pub(crate) mail: Option<MailConfig>,
    /// `None` is one for each core, up to some number.
    pub(crate) media_workers: Option<usize>,
    /// `None` recognises no speech.
    pub(crate) recognition: Option<Recognising>,
    pub(crate) metrics_allow: Vec<IpAddr>,
    pub(crate) metrics_token: Option<MetricsToken>,
    pub(crate) tls: Option<Tls>,
    pub(crate) log_level: String,
    pub(crate) log_format: LogFormat,
}

/// The token with which the metrics can be read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MetricsToken(pub(crate) String);

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken(…)")
    }
}

impl Settings {
    /// The address by which people reach the server when it listens on `port`.
    pub(crate) fn public_url(&self, port: u16) -> PublicUrl {
        match &self.public_url {
            Some(url) => url.value.clone(),
            None if self.tls.is_some() => PublicUrl {
                text: format!("https://localhost:{port}"),
                https: true,
                ..PublicUrl::localhost(port)
            },
            None => PublicUrl::localhost(port),
        }
    }
}

/// The values of the command line, by key.
pub(crate) type Flags = BTreeMap<&'static str, String>;

/// A configuration file that has been read.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Bytes that a configuration file may have; the example with all its comments has a tenth.
const FILE_BYTES_MAX: u64 = 64 << 10;

impl File {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |why: String| {
            let message =
                format!("The configuration file {} cannot be read: {why}.", path.display());
            Failure::new(Exit::BadFile, message)
        };
        let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(fail(format!(
                "it has {length} bytes, and at most {FILE_BYTES_MAX} are read"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        Ok(Self { path: path.to_owned(), text })
    }
}

/// Puts the layers together.
///
/// # Errors
/// Everything that is wrong in the file at once, or the flag or variable that is wrong.
pub(crate) fn settle(
    flags: &Flags,
    environment: &BTreeMap<String, String>,
    file: Option<&File>,
    colour: bool,
) -> Result<Settings, Failure> {
    let text = file.map_or("", |file| file.text.as_str());
    let mut layers =
        Layers { flags, environment, text, file: BTreeMap::new(), problems: Vec::new() };
    layers.read();
    let folder = file.and_then(|file| file.path.parent()).unwrap_or(Path::new(""));
    let settings = layers.settings(folder)?;
    match file {
        Some(file) if !layers.problems.is_empty() => Err(bad_file(file, layers.problems, colour)),
        _ => Ok(settings),
    }
}

fn bad_file(file: &File, mut problems: Vec<Problem>, colour: bool) -> Failure {
    problems.sort_by_key(|problem| problem.span.start);
    let name = file.path.display().to_string();
    let rendered: Vec<_> = problems
        .iter()
        .map(|problem| problem.render(&name, &file.text, Gravity::Error, colour))
        .collect();
    let count = problems.len();
    let word = if count == 1 { "error" } else { "errors" };
    let mut failure = Failure::new(Exit::BadFile, format!("{name}: {count} {word}"));
    failure.report = rendered.join("\n") + "\n";
    failure.details.insert("file".to_owned(), serde_json::json!(name));
    failure.details.insert("errors".to_owned(), serde_json::json!(problems));
    failure
}

/// A value of one layer, as text, and where it stands in the file.
struct Raw {
    text: String,
    origin: Origin,
    span: Range<usize>,
}

struct Layers<'a> {
    flags: &'a Flags,
    environment: &'a BTreeMap<String, String>,
    /// The configuration file, empty when there is none.
    text: &'a str,
    file: BTreeMap<&'static str, Raw>,
    problems: Vec<Problem>,
}

impl Layers<'_> {
    /// Reads the values of the file.
    fn read(&mut self) {
        let (root, mistakes) = DeTable::parse_recoverable(self.text);
        for mistake in &mistakes {
            let span = mistake.span().unwrap_or(0..0);
            self.problems.push(Problem::new(self.text, span, "", mistake.message(), ""));
        }
        if mistakes.is_empty() {
            self.read_table(root.get_ref(), "");
        }
    }

    fn read_table(&mut self, table: &DeTable<'_>, path: &str) {
        for (name, value) in table.iter() {
            let full = if path.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{path}.{}", name.get_ref())
            };
            let prefix = format!("{full}.");
            let option = OPTIONS.iter().find(|option| option.key == full);
            let is_section = OPTIONS.iter().any(|option| option.key.starts_with(&prefix));
            let (span, what, remedy) = match (option, value.get_ref()) {
                (None, DeValue::Table(table)) if is_section => {
                    self.read_table(table, &full);
                    continue;
                }
                (None, _) if is_section => {
                    let keys = OPTIONS.iter().filter(|option| option.key.starts_with(&prefix));
                    let lines: Vec<_> = keys.map(|option| option.line).collect();
                    let remedy = format!("write [{full}] and below it {}", lines.join(" and "));
                    (value.span(), format!("`{full}` takes a table"), remedy)
                }
                (None, _) => {
                    let near = nearest(&full, OPTIONS.iter().map(|option| option.key));
                    let remedy = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            let keys: Vec<_> = OPTIONS.iter().map(|option| option.key).collect();
                            format!("the options are {}", keys.join(", "))
                        }
                    };
                    (name.span(), format!("there is no option `{full}`"), remedy)
                }
                (Some(option), value_of) => match as_text(value_of) {
                    Some(text) => {
                        let raw = Raw { text, origin: Origin::File, span: value.span() };
                        self.file.insert(option.key, raw);
                        continue;
                    }
                    None => (
                        value.span(),
                        format!("`{full}` does not take such a value"),
                        format!("for example `{}`", option.line),
                    ),
                },
            };
            self.problems.push(Problem::new(self.text, span, &full, what, remedy));
        }
    }

    /// The value of the first layer that has one.
    fn raw(&self, key: &'static str) -> Option<Raw> {
        if let Some(text) = self.flags.get(key) {
            return Some(Raw { text: text.clone(), origin: Origin::Flag, span: 0..0 });
        }
        let option = OPTIONS.iter().find(|option| option.key == key)?;
        if let Some(text) = self.environment.get(option.env).filter(|text| !text.is_empty()) {
            let origin = Origin::Environment(option.env);
            return Some(Raw { text: text.clone(), origin, span: 0..0 });
        }
        let raw = self.file.get(key)?;
        Some(Raw { text: raw.text.clone(), origin: Origin::File, span: raw.span.clone() })
    }

    /// The value of the first layer that has one, as what it means.
    fn pick<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Set<T>>, Failure> {
        let Some(Raw { text, origin, span }) = self.raw(key) else {
            return Ok(None);
        };
        let why = match parse(&text) {
            Ok(value) => return Ok(Some(Set { value, origin })),
            Err(why) => why,
        };
        let name = match origin {
            Origin::Environment(name) => name.to_owned(),
            Origin::Flag => format!("--{}", key.replace('_', "-")),
            Origin::File | Origin::Default => {
                self.problems.push(Problem::new(self.text, span, key, why, ""));
                return Ok(None);
            }
        };
        Err(Failure::new(Exit::Usage, format!("{name}: {why}.")))
    }

    /// How speech is recognised, if there are weights for it.
    fn recognition(
        &mut self,
        within: impl Fn(Set<PathBuf>) -> Set<PathBuf>,
    ) -> Result<Option<Recognising>, Failure> {
        let model = self.pick("recognition.model", path)?.map(within);
        let languages = self.pick("recognition.languages", languages)?;
        let threads =
            self.pick("recognition.threads", |text| up_to(text, RECOGNITION_THREADS_MAX))?;
        let share = self.pick("recognition.share_percent", |text| up_to(text, 100))?;
        let share = share.and_then(|share| u8::try_from(share.value).ok());
        Ok(model.map(|model| Recognising {
            model: model.value,
            languages: languages.map_or_else(Vec::new, |languages| languages.value),
            threads: threads.map_or(1, |threads| threads.value),
            share_percent: share.unwrap_or(RECOGNITION_SHARE_DEFAULT),
        }))
    }

    fn settings(&mut self, folder: &Path) -> Result<Settings, Failure> {
        let default = |value| Set { value, origin: Origin::Default };
        let within = |path: Set<PathBuf>| match path.origin {
            Origin::File => Set { value: folder.join(path.value), origin: Origin::File },
            _ => path,
        };
        let data = self.pick("data", path)?.map_or(default(PathBuf::from("data")), within);
        let listen = self.pick("listen", listen)?;
        let public_url = self.pick("public_url", PublicUrl::parse)?;
        let announce = self.pick("announce", addresses)?;
        let trusted_proxies = self.pick("trusted_proxies", addresses)?;
        let recordings = self.pick("recordings", path)?.map(within);
        let store = self.store()?;
        let mail = self.mail()?;
        let media_workers = self.pick("media_workers", media_workers)?;
        let recognition = self.recognition(within)?;
        let metrics_allow = self.pick("metrics.allow", addresses)?;
        let metrics_token = self.pick("metrics.token", metrics_token)?;
        let certificate = self.pick("tls.certificate", path)?.map(within);
        let key = self.pick("tls.key", path)?.map(within);
        let log_level = self.pick("log.level", log_level)?;
        let log_format = self.pick("log.format", log_format)?;
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some(Tls { certificate: certificate.value, key: key.value })
            }
            (None, None) => None,
            (one, _) => {
                let (there, missing) =
                    if one.is_some() { ("certificate", "key") } else { ("key", "certificate") };
                return Err(Failure::new(
                    Exit::BadFile,
                    format!("`tls.{there}` is set and `tls.{missing}` is not: both are needed."),
                ));
            }
        };
        Ok(Settings {
            recordings: recordings
                .map_or_else(|| data.value.join("recordings"), |folder| folder.value),
            store,
            mail,
            data,
            listen: listen.unwrap_or(Set { value: LISTEN_DEFAULT, origin: Origin::Default }),
            public_url,
            announce: announce.unwrap_or(Set { value: Vec::new(), origin: Origin::Default }),
            trusted_proxies: trusted_proxies
                .map_or_else(|| LOOPBACK.to_vec(), |proxies| proxies.value),
            media_workers: media_workers.map(|workers| workers.value),
            recognition,
            metrics_allow: metrics_allow.map_or_else(|| LOOPBACK.to_vec(), |allow| allow.value),
            metrics_token: metrics_token.map(|token| token.value),
            tls,
            log_level: log_level.map_or_else(|| "info".to_owned(), |level| level.value),
            log_format: log_format.map_or(LogFormat::Text, |format| format.value),
        })
    }
}

/// Share of the time in which speech is recognised, unless told otherwise.
const RECOGNITION_SHARE_DEFAULT: u8 = 50;

/// Where the server listens unless told otherwise.
const LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// The machine itself: a proxy on it, Prometheus on it.
const LOOPBACK: [IpAddr; 2] =
    [IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];

/// A value of the file as the text that the environment would carry: lists with commas.
fn as_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Array(array) => {
            let texts: Option<Vec<_>> =
                array.iter().map(|value| value.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path cannot be empty".to_owned()) } else { Ok(text.into()) }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "\"{text}\" is not an address with a port; write it as 0.0.0.0:8080, 127.0.0.1:8080 \
             or [::]:8080"
        )
    })
}

fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let addresses = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    let addresses: Result<Vec<IpAddr>, String> = addresses
        .map(|text| {
            text.parse().map_err(|_| {
                format!("\"{text}\" is not an IP address; write it as 203.0.113.7 or 2001:db8::7")
            })
        })
        .collect();
    let addresses = addresses?;
    if let Some(wild) = addresses.iter().find(|ip| ip.is_unspecified()) {
        return Err(format!("{wild} is no address that one can send to; name one"));
    }
    if addresses.len() > ADDRESSES_MAX {
        return Err(format!("at most {ADDRESSES_MAX} addresses can be listed"));
    }
    Ok(addresses)
}

/// Addresses in a list. Each announced one is a candidate that every browser probes.
const ADDRESSES_MAX: usize = 8;

fn media_workers(text: &str) -> Result<usize, String> {
    up_to(text, MEDIA_WORKERS_MAX)
}

/// A number from 1 to `max`.
fn up_to(text: &str, max: usize) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("\"{text}\" is not a number from 1 to {max}")),
    }
}

/// Further ones wait for each other.
const RECOGNITION_THREADS_MAX: usize = 16;

fn languages(text: &str) -> Result<Vec<Language>, String> {
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(|tag| tag.parse().map_err(|error| format!("\"{tag}\": {error}"))).collect()
}

/// As many as the media engine can have.
const MEDIA_WORKERS_MAX: usize = 64;

fn metrics_token(text: &str) -> Result<MetricsToken, String> {
    // The text itself is not repeated, for it may be a good one with a slip in it.
    if text.len() < METRICS_TOKEN_BYTES_MIN {
        return Err(format!(
            "it is too short to be a secret; write at least {METRICS_TOKEN_BYTES_MIN} characters"
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it may hold letters, digits and signs of ASCII, without spaces".to_owned());
    }
    Ok(MetricsToken(text.to_owned()))
}

/// Sixteen random letters and digits cannot be guessed over the network.
const METRICS_TOKEN_BYTES_MIN: usize = 16;

fn log_level(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!(
            "\"{text}\" is not a level; it is error, warn, info, debug or trace, or by part as \
             \"info,sfu=debug\""
        )),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("\"{text}\" is not a format; it is text or json")),
    }
}

/// Variables that are meant for this program and that it does not know, with the option that was
/// probably meant. Variables that resemble no option are somebody else's business.
pub(crate) fn misspelt(environment: &BTreeMap<String, String>) -> Vec<(String, &'static str)> {
    let known = || OPTIONS.iter().map(|option| option.env).chain(["PLENARY_CONFIG"]);
    environment
        .keys()
        .filter(|name| name.starts_with("PLENARY_") && !known().any(|known| known == *name))
        .filter_map(|name| {
            let rest = name.strip_prefix("PLENARY_")?;
            let near = nearest(rest, known().filter_map(|known| known.strip_prefix("PLENARY_")))?;
            known().find(|known| known.ends_with(near)).map(|known| (name.clone(), known))
        })
        .collect()
}

/// The example file with every option.
#[cfg(test)]
pub(crate) fn example_file() -> String {
    let mut out = String::from(
        "# Every option of `plenary serve`, with its default or an example.\n\
         # Use a copy: plenary serve --config FILE (or the variable PLENARY_CONFIG).\n\
         # A flag goes before an environment variable, that before this file, and this file before\n\
         # the default. Unknown keys are refused.\n\
         #\n\
         # Made from crates/plenary/src/settings.rs: UPDATE_GENERATED=1 cargo test -p plenary\n",
    );
    let mut section = "";
    for option in OPTIONS {
        if let Some((table, _)) = option.key.split_once('.')
            && table != section
        {
            section = table;
            out += &format!("\n# [{table}]\n");
        }
        out.push('\n');
        for line in wrapped(option.doc) {
            out += &format!("# {line}\n");
        }
        let flag = option.flag.map(|flag| format!("Flag {flag}. ")).unwrap_or_default();
        out += &format!("# {flag}Variable {}.\n", option.env);
        out += &format!("# {}\n", option.line);
    }
    out
}

#[cfg(test)]
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        if !last.is_empty() && last.len() + word.len() + 1 > 96 {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests;
