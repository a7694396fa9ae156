//! `/metrics` on a listening server with the real media engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use server::{Config, MetricsAccess, Server};
use tokio::net::UdpSocket;

use crate::paths::{Session, http};
use crate::serve::{loopback, parts};
use crate::support::token;

const LEFT: &str = "plenary_live_sockets_ended_total{reason=\"left\"}";

/// What is exposed: the type of each metric, and the value of each sample by name and labels.
#[derive(Debug, Default)]
struct Exposition {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Exposition {
    async fn of(address: SocketAddr) -> Self {
        let answer = get(address, "").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        Self::parse(body)
    }

    /// Reads the text exposition format 0.0.4 and refuses what it does not allow, or what no
    /// scraper would take kindly.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line must end");
        let mut parsed = Self::default();
        let mut helped: Option<String> = None;
        let mut family: Option<(String, String)> = None;
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a name and a text");
                assert!(help.ends_with('.'), "{help} is a sentence");
                helped = Some(name.to_owned());
                continue;
            }
            if let Some(of) = line.strip_prefix("# TYPE ") {
                let (name, of) = of.split_once(' ').expect("a name and a type");
                assert_eq!(helped.take().as_deref(), Some(name), "help stands before the type");
                assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
                assert_eq!(name.ends_with("_total"), of == "counter", "{name}");
                let before = parsed.types.insert(name.to_owned(), of.to_owned());
                assert_eq!(before, None, "{name} is declared twice");
                family = Some((name.to_owned(), of.to_owned()));
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(value.is_finite() && value >= 0.0, "{line}");
            let (name, labels) = match series.split_once('{') {
                Some((name, rest)) => (name, rest.strip_suffix('}').expect("a closing brace")),
                None => (series, ""),
            };
            let named = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(!name.is_empty() && name.chars().all(named), "{name}");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (key, value) = label.split_once("=\"").expect("a label");
                assert!(key.chars().all(named), "{label}");
                let value = value.strip_suffix('"').expect("a quoted value");
                assert!(!value.contains(['"', '\\', '\n']), "{label}");
            }
            let (of, kind) = family.as_ref().expect("a type before the first sample");
            let belongs = if kind == "histogram" {
                ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{of}{end}"))
            } else {
                name == of
            };
            assert!(belongs, "{name} stands under {of}");
            assert_eq!(parsed.samples.insert(series.to_owned(), value), None, "{series} twice");
        }
        parsed.check_histograms();
        parsed
    }

    fn check_histograms(&self) {
        let histograms = self.types.iter().filter(|(_, of)| *of == "histogram");
        for (name, _) in histograms {
            let prefix = format!("{name}_bucket{{le=\"");
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter_map(|(series, count)| {
                    let bound = series.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                    Some((bound.parse().expect("a bound"), *count))
                })
                .collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, other| one.1 <= other.1), "{name} {buckets:?}");
            let last = buckets.last().copied();
            let count = self.get(&format!("{name}_count"));
            assert_eq!(last, Some((f64::INFINITY, count)), "{name}");
        }
    }

    fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("{series} in {self:?}"))
    }
}

async fn get(address: SocketAddr, headers: &str) -> String {
    let request =
        format!("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    http(address, &request).await
}

async fn serve(config: Config) -> SocketAddr {
    let server = Server::bind(config, parts().await).unwrap();
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

#[tokio::test]
async fn what_happens_is_counted() {
    let session = Session::begin().await;
    let before = Exposition::of(session.address).await;
    assert_eq!(before.get("plenary_media_sessions{kind=\"receiving\"}"), 1.0);
    assert_eq!(before.get("plenary_media_sessions{kind=\"publishing\"}"), 0.0);
    assert_eq!(before.get("plenary_events_open"), 1.0);
    assert!(before.get("plenary_storage_append_seconds_count") >= 2.0, "arrived, opened");
    assert!(before.get("process_open_fds") > 0.0);

    let noise = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    noise.send_to(&[0x80; 100], session.address).await.unwrap();
    let mut after = Exposition::of(session.address).await;
    for _ in 0..100 {
        if after.get("plenary_media_datagrams_ignored_total") > 0.0 && after.get(LEFT) > 0.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        after = Exposition::of(session.address).await;
    }
    let grown = |series: &str| after.get(series) - before.get(series);
    assert_eq!(after.get(LEFT), 1.0, "the moderator's socket");
    assert_eq!(grown("plenary_media_datagrams_ignored_total"), 1.0);
    assert_eq!(grown("plenary_media_datagrams_total{direction=\"in\"}"), 1.0);
    assert_eq!(grown("plenary_media_bytes_total{direction=\"in\"}"), 100.0);
    assert!(grown("plenary_media_worker_turns_total{worker=\"0\"}") > 0.0);
    assert!(grown("plenary_media_worker_busy_seconds_total{worker=\"0\"}") > 0.0);
    assert!(grown("process_cpu_seconds_total") > 0.0);
}

#[tokio::test]
async fn no_label_names_anybody() {
    let session = Session::begin().await;
    let exposed = Exposition::of(session.address).await;
    let private =
        [token("kazi"), "kazi".to_owned(), "127.0.0.1".to_owned(), "diplomats".to_owned()];
    for series in exposed.samples.keys() {
        assert!(!private.iter().any(|word| series.contains(word.as_str())), "{series}");
    }
}

#[tokio::test]
async fn only_the_operator_finds_the_metrics() {
    let token = "0123456789abcdef".to_owned();
    let elsewhere = vec![Ipv4Addr::new(192, 0, 2, 7).into()];
    let config = |allow, token| Config { metrics: MetricsAccess { allow, token }, ..loopback() };

    let closed = serve(config(elsewhere.clone(), None)).await;
    let with_token = serve(config(elsewhere, Some(token.clone()))).await;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    for (address, headers, found) in [
        (closed, String::new(), false),
        (closed, bearer(""), false),
        (closed, bearer(&token), false),
        (with_token, String::new(), false),
        (with_token, bearer("0123456789abcdeg"), false),
        (with_token, bearer(&crate::support::token("kazi")), false),
        (with_token, bearer(&token), true),
        // A proxy on this machine says for whom it speaks.
        (with_token, "x-forwarded-for: 192.0.2.7\r\n".to_owned(), true),
        (with_token, "x-forwarded-for: 192.0.2.8\r\n".to_owned(), false),
    ] {
        let answer = get(address, &headers).await;
        let status = if found { "HTTP/1.1 200" } else { "HTTP/1.1 404" };
        assert!(answer.starts_with(status), "{headers:?}: {answer}");
        assert_eq!(answer.contains("plenary_"), found, "{answer}");
    }
    let open = serve(loopback()).await;
    assert!(get(open, "").await.starts_with("HTTP/1.1 200"), "the default is this machine");
    let behind = get(open, "x-forwarded-for: 198.51.100.1\r\n").await;
    assert!(behind.starts_with("HTTP/1.1 404"), "the world behind a proxy is not: {behind}");
}

#[tokio::test]
async fn docs_metrics_lists_what_is_exposed() {
    let exposed = Exposition::of(serve(loopback()).await).await;
    let exposed: BTreeSet<_> = exposed.types.into_iter().collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let listed: BTreeSet<_> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()?.to_owned()))
        })
        .collect();
    let missing: Vec<_> = exposed.difference(&listed).collect();
    let surplus: Vec<_> = listed.difference(&exposed).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:?}, surplus {surplus:?}");
}
