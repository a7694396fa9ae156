//! `GET /metrics`: counters for Prometheus, for the operator alone. docs/METRICS.md lists them.
//!
//! No label names a person, an event, an address or a token. Whoever may not read them finds
//! nothing here, as at any other address that there is not.

mod process;
mod tallies;
mod text;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use recognition::judgement::Doubt;
use sfu::{
    BANDWIDTH_BOUNDS_BPS, Ended, LOSS_BOUNDS, Overview, ROUND_TRIP_BOUNDS_S, Statistics, WorkerLoad,
};
use sha2::{Digest, Sha256};

use crate::app::{App, SOCKETS_MAX, bearer};
use crate::error::ApiError;
use crate::extract::Address;

use process::Process;
use tallies::APPEND_BOUNDS_S;
pub(crate) use tallies::{Tallies, Timed};
use text::{CONTENT_TYPE, Text, Type};

/// Who may read the metrics.
#[derive(Debug, Clone)]
pub struct MetricsAccess {
    /// From these addresses anybody may.
    pub allow: Vec<IpAddr>,
    /// From everywhere whoever shows this as bearer token; `None` is nobody.
    pub token: Option<String>,
}

impl Default for MetricsAccess {
    fn default() -> Self {
        Self { allow: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], token: None }
    }
}

impl MetricsAccess {
    fn allows(&self, address: IpAddr, token: Option<&str>) -> bool {
        let shown = |wanted: &String| {
            // Hashes are compared, so that the time tells nothing of the token.
            token.is_some_and(|token| Sha256::digest(token) == Sha256::digest(wanted))
        };
        self.allow.contains(&address) || self.token.as_ref().is_some_and(shown)
    }
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let token = bearer(&headers);
    if token.is_some() && !app.bad_tokens.has_one(address) {
        return Err(ApiError::TooMany);
    }
    if !app.metrics.allows(address, token) {
        if token.is_some() {
            app.bad_tokens.take(address);
        }
        return Err(ApiError::NoSuchPath);
    }
    let overview = app.events.engine().overview().await;
    let process = tokio::task::spawn_blocking(Process::read).await.unwrap_or_default();
    let mut text = Text::default();
    server(&mut text, &app);
    sessions(&mut text, &overview.total);
    packets(&mut text, &overview.total);
    lines(&mut text, &overview.total);
    workers(&mut text, &overview);
    let heard = app.recognition.as_ref().map(|recognition| recognition.tallies());
    speech(&mut text, &heard.unwrap_or_default());
    of_process(&mut text, &app, &process);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text.finish()).into_response())
}

fn server(text: &mut Text, app: &App) {
    let version = [([("version", env!("CARGO_PKG_VERSION"))], 1)];
    text.family(Type::Gauge, "plenary_build_info", "The version of the program.", version);
    let open = app.events.count();
    text.single(Type::Gauge, "plenary_events_open", "Events that this process runs.", open);
    let sockets = SOCKETS_MAX - app.sockets.available_permits();
    text.single(Type::Gauge, "plenary_live_sockets", "Live and listening sockets now.", sockets);
    text.family(
        Type::Counter,
        "plenary_live_sockets_ended_total",
        "Live and listening sockets that are over, by reason.",
        app.tallies.ends().into_iter().map(|(reason, count)| ([("reason", reason)], count)),
    );
    let (appends, failed) = app.tallies.appends();
    text.histogram(
        "plenary_storage_append_seconds",
        "Time until lines of the proceedings were durable.",
        &APPEND_BOUNDS_S,
        &appends,
    );
    text.single(
        Type::Counter,
        "plenary_storage_append_failures_total",
        "Appends to the proceedings that failed.",
        failed,
    );
}

fn speech(text: &mut Text, tallies: &recognition::Tallies) {
    let doubts = Doubt::ALL.iter().map(|doubt| doubt.name()).zip(tallies.doubted);
    let ends = [
        ("recognised", tallies.recognised),
        ("dropped", tallies.dropped),
        ("failed", tallies.failed),
    ];
    text.family(
        Type::Counter,
        "plenary_speech_utterances_total",
        "Utterances by what became of them.",
        ends.into_iter().chain(doubts).map(|(end, count)| ([("end", end)], count)),
    );
    text.single(
        Type::Counter,
        "plenary_speech_sound_seconds_total",
        "Sound that was recognised.",
        tallies.sound_ms as f64 / 1e3,
    );
    text.single(
        Type::Counter,
        "plenary_speech_cpu_seconds_total",
        "Processor time of the recogniser.",
        tallies.worked_us as f64 / 1e6,
    );
    text.single(
        Type::Gauge,
        "plenary_speech_waiting_seconds",
        "Sound that waits to be recognised.",
        tallies.waiting_ms as f64 / 1e3,
    );
    text.single(
        Type::Counter,
        "plenary_speech_packets_dropped_total",
        "Packets of voices that came faster than they could be listened to.",
        tallies.packets_dropped,
    );
}

fn sessions(text: &mut Text, total: &Statistics) {
    text.family(
        Type::Gauge,
        "plenary_media_sessions",
        "Media sessions now, by kind.",
        [([("kind", "publishing")], total.publishers), ([("kind", "receiving")], total.receivers)],
    );
    let cause = |ended: &Ended| match ended {
        Ended::Asked => "asked",
        Ended::Closed => "closed",
        Ended::Silent => "silent",
        Ended::NeverConnected => "never-connected",
        Ended::Failed => "failed",
        Ended::Panicked => "panicked",
    };
    text.family(
        Type::Counter,
        "plenary_media_sessions_ended_total",
        "Media sessions that are over, by cause.",
        Ended::ALL.iter().zip(total.ended).map(|(ended, count)| ([("cause", cause(ended))], count)),
    );
    text.single(
        Type::Counter,
        "plenary_media_handshake_failures_total",
        "Media sessions whose DTLS handshake failed.",
        total.handshakes_failed,
    );
    text.single(
        Type::Gauge,
        "plenary_media_tunnels",
        "Connections now that carry media by TCP or through the relay.",
        total.tunnels,
    );
    text.family(
        Type::Gauge,
        "plenary_media_viewers",
        "Viewers now by the layer of the main picture that they get, from the smallest.",
        ["none", "0", "1", "2"]
            .into_iter()
            .zip(total.main_picture)
            .map(|(layer, count)| ([("main_layer", layer)], count)),
    );
}

fn packets(text: &mut Text, total: &Statistics) {
    let both = |[incoming, outgoing]: [u64; 2]| {
        [([("direction", "in")], incoming), ([("direction", "out")], outgoing)]
    };
    text.family(
        Type::Counter,
        "plenary_media_datagrams_total",
        "Datagrams of media sessions.",
        both([total.datagrams_in, total.datagrams_out]),
    );
    text.family(
        Type::Counter,
        "plenary_media_bytes_total",
        "Bytes of these datagrams.",
        both([total.bytes_in, total.bytes_out]),
    );
    text.family(
        Type::Counter,
        "plenary_media_packets_total",
        "Packets of sound and pictures (RTP), in from publishers and out to viewers.",
        both([total.packets_in, total.packets_forwarded]),
    );
    text.single(
        Type::Counter,
        "plenary_media_datagrams_ignored_total",
        "Datagrams that belonged to no session or made no sense.",
        total.datagrams_ignored,
    );
    text.family(
        Type::Counter,
        "plenary_media_repairs_asked_total",
        "Requests to send packets again: in from viewers for a packet each, out to publishers.",
        both([total.repairs_asked, total.nacks_sent]),
    );
    text.single(
        Type::Counter,
        "plenary_media_repairs_sent_total",
        "Packets sent to viewers again.",
        total.repairs_sent,
    );
    text.single(
        Type::Counter,
        "plenary_media_key_frame_requests_total",
        "Key frames asked of publishers.",
        total.key_frame_requests,
    );
    text.single(
        Type::Counter,
        "plenary_media_codec_mismatches_total",
        "Times a viewer could not decode what a publisher sent.",
        total.codec_mismatches,
    );
    text.family(
        Type::Counter,
        "plenary_queue_drops_total",
        "What bounded queues could not take, by queue.",
        [
            ([("queue", "udp-send")], total.datagrams_unsent),
            ([("queue", "tunnels")], total.tunnel_datagrams_lost),
            ([("queue", "between-workers")], total.passings_lost),
            ([("queue", "media-events")], total.events_lost),
        ],
    );
}

fn lines(text: &mut Text, total: &Statistics) {
    text.histogram(
        "plenary_media_viewer_round_trip_seconds",
        "Round-trip times of viewers, a sample each every two seconds.",
        &ROUND_TRIP_BOUNDS_S,
        &total.round_trips,
    );
    text.histogram(
        "plenary_media_viewer_bandwidth_bits_per_second",
        "Estimated bandwidths of viewers, sampled likewise.",
        &BANDWIDTH_BOUNDS_BPS,
        &total.bandwidths,
    );
    text.histogram(
        "plenary_media_viewer_loss_ratio",
        "Shares of the packets to viewers that were lost, sampled likewise.",
        &LOSS_BOUNDS,
        &total.losses_out,
    );
    text.histogram(
        "plenary_media_publisher_loss_ratio",
        "Shares of the packets from publishers that were lost, sampled likewise.",
        &LOSS_BOUNDS,
        &total.losses_in,
    );
}

fn workers(text: &mut Text, overview: &Overview) {
    let names: Vec<String> = (0..overview.workers.len()).map(|worker| worker.to_string()).collect();
    let mut each = |of, name, help, value: fn(&WorkerLoad) -> f64| {
        let named = names.iter().zip(&overview.workers);
        let values = named.map(|(name, load)| ([("worker", name.as_str())], value(load)));
        text.family(of, name, help, values);
    };
    each(
        Type::Counter,
        "plenary_media_worker_cpu_seconds_total",
        "Processor time of each media worker.",
        |load| seconds(load.cpu_ns),
    );
    each(
        Type::Counter,
        "plenary_media_worker_busy_seconds_total",
        "Time in which each media worker was at work; its rate is the busy share.",
        |load| seconds(load.busy_ns),
    );
    each(
        Type::Counter,
        "plenary_media_worker_turns_total",
        "Turns of each media worker.",
        #[expect(clippy::cast_precision_loss, reason = "exact for ages")]
        |load| load.turns as f64,
    );
    each(
        Type::Gauge,
        "plenary_media_worker_sessions",
        "Media sessions that live on each worker.",
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        |load| load.peers as f64,
    );
}

fn of_process(text: &mut Text, app: &App, process: &Process) {
    text.single(
        Type::Counter,
        "process_cpu_seconds_total",
        "Processor time of the process.",
        process.cpu_s,
    );
    text.single(
        Type::Gauge,
        "process_resident_memory_bytes",
        "Memory of the process.",
        process.resident_bytes,
    );
    text.single(Type::Gauge, "process_threads", "Threads of the process.", process.threads);
    text.single(Type::Gauge, "process_open_fds", "Open files and sockets.", process.open_files);
    text.single(
        Type::Gauge,
        "process_max_fds",
        "Open files and sockets that the system allows.",
        process.open_files_max,
    );
    text.single(
        Type::Gauge,
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        app.started.0 / 1_000,
    );
}

#[expect(clippy::cast_precision_loss, reason = "microseconds are enough")]
fn seconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read() {
        let here: IpAddr = Ipv4Addr::LOCALHOST.into();
        let there: IpAddr = Ipv4Addr::new(192, 0, 2, 7).into();
        let closed = MetricsAccess::default();
        let token = Some("a token of the operator".to_owned());
        let open = MetricsAccess { token, ..MetricsAccess::default() };
        for (access, address, token, expected) in [
            (&closed, here, None, true),
            (&closed, there, None, false),
            (&closed, there, Some(""), false),
            (&open, there, None, false),
            (&open, there, Some("a token of the operato"), false),
            (&open, there, Some("a token of the operator"), true),
            (&open, here, Some("wrong"), true),
        ] {
            assert_eq!(access.allows(address, token), expected, "{address} {token:?}");
        }
    }
}
