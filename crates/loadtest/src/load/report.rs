//! What a load test found, as a table and as JSON.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::crowd::Count;
use super::histogram::Histogram;
use super::process::Usage;
use super::viewer::Tally;
use super::{LoadPlan, Target, publisher, srtp};

/// Refusals that are named; the rest is counted.
const REFUSALS_NAMED_MAX: usize = 10;

/// Share of its time from which the viewers' thread is the limit and not the server.
const SATURATED: f64 = 0.9;

/// Everything that was measured.
pub(super) struct Findings {
    pub(super) joins: Histogram,
    pub(super) refusals: Vec<String>,
    pub(super) count: Count,
    pub(super) server: Option<ServerUsage>,
    pub(super) own_cpu: Duration,
    pub(super) machine_cpu: Duration,
    pub(super) sent: Sent,
}

/// What publishers have sent in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Frames.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Voice packets.
    pub voice: u64,
    /// Times when a publisher was too late to catch up.
    pub late: u64,
}

impl Sent {
    pub(super) fn add(&mut self, sent: &publisher::Sent) {
        self.frames += sent.frames.load(Ordering::Relaxed);
        self.key_frames += sent.key_frames.load(Ordering::Relaxed);
        self.voice += sent.voice.load(Ordering::Relaxed);
        self.late += sent.late.load(Ordering::Relaxed);
    }
}

/// What the server's process used in the window of measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerUsage {
    cpu: Duration,
    /// Resident memory before the viewers came, and with all of them.
    resident_bytes: (u64, u64),
    threads: Vec<(String, Duration)>,
}

impl ServerUsage {
    /// `empty` is the state with publishers and without viewers.
    pub(super) fn between(
        empty: Option<Usage>,
        from: Option<Usage>,
        to: Option<Usage>,
    ) -> Option<Self> {
        let (empty, from, to) = (empty?, from?, to?);
        let mut threads: Vec<(String, Duration)> = Vec::new();
        let mut add = |name: &str, time: Duration, sign: bool| {
            // Some servers name each thread after a connection; kinds of threads tell more.
            let name = match name.rsplit_once(' ') {
                Some((kind, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
                _ => name,
            };
            let at = threads.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
                threads.push((name.to_owned(), Duration::ZERO));
                threads.len() - 1
            });
            let total = &mut threads[at].1;
            *total = if sign { *total + time } else { total.saturating_sub(time) };
        };
        to.threads.iter().for_each(|(name, time)| add(name, *time, true));
        from.threads.iter().for_each(|(name, time)| add(name, *time, false));
        threads.retain(|(_, time)| !time.is_zero());
        threads.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        Some(Self {
            cpu: to.cpu.saturating_sub(from.cpu),
            resident_bytes: (empty.resident_bytes, to.resident_bytes),
            threads,
        })
    }
}

/// Milliseconds at the median, at 95, at 99 per cent, and the most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Times {
    /// Half of all took no longer.
    pub p50_ms: f64,
    /// 95 per cent.
    pub p95_ms: f64,
    /// 99 per cent.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Times {
    fn of(histogram: &Histogram) -> Self {
        let ms = |ns: u64| ratio(ns, 1_000_000);
        Self {
            p50_ms: ms(histogram.at(500)),
            p95_ms: ms(histogram.at(950)),
            p99_ms: ms(histogram.at(990)),
            max_ms: ms(histogram.max_ns()),
        }
    }
}

/// What the server cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerFigures {
    /// Processor time for each delivered packet, in microseconds.
    pub us_per_packet: f64,
    /// Seconds of processor time for each gigabit delivered.
    pub s_per_gbit: f64,
    /// Processors kept busy, 1.0 for one.
    pub cores: f64,
    /// Memory for each viewer, in KiB.
    pub kib_per_viewer: f64,
    /// Resident memory with all viewers, in MiB.
    pub resident_mib: f64,
    /// Threads with the processors that each kept busy, the busiest first.
    pub threads: Vec<(String, f64)>,
}

/// What a load test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// Which server.
    pub server: String,
    /// How many published.
    pub publishers: usize,
    /// How many were to watch.
    pub viewers: usize,
    /// How many had a picture.
    pub joined: usize,
    /// Why others had none.
    pub refusals: Vec<String>,
    /// Three layers instead of one.
    pub simulcast: bool,
    /// Frames spread over 13 ms instead of bursts.
    pub paced: bool,
    /// Cipher of the viewers' media.
    pub cipher: &'static str,
    /// Length of the window of measurement in seconds.
    pub seconds: f64,
    /// What publishers sent from their beginning to their end.
    pub sent: Sent,
    /// Packets delivered, repairs included.
    pub packets: u64,
    /// Megabits delivered each second.
    pub mbit_per_s: f64,
    /// Packets expected by their numbers.
    pub expected: u64,
    /// Of these, received.
    pub received: u64,
    /// Share lost.
    pub loss: f64,
    /// Received in repair only.
    pub repaired: u64,
    /// Packets in repair streams, probes of the line included.
    pub repair_packets: u64,
    /// Packets that could not be decrypted.
    pub forged: u64,
    /// Viewers who decrypted everything; what follows is theirs.
    pub thorough: u64,
    /// Frames sent to them.
    pub frames: u64,
    /// Of these, whole.
    pub frames_complete: u64,
    /// Voice packets sent to them.
    pub voice: u64,
    /// Of these, received.
    pub voice_received: u64,
    /// The longest silence in milliseconds.
    pub voice_gap_max_ms: u32,
    /// Key frames that viewers asked for in the window.
    pub key_frames_asked: u64,
    /// From the POST of the offer to the first whole key frame.
    pub join: Times,
    /// From the publisher's socket to the viewer's.
    pub picture_delay: Times,
    /// The same for the voice.
    pub voice_delay: Times,
    /// The server, if its process is known.
    pub cost: Option<ServerFigures>,
    /// Processors that the generator kept busy.
    pub generator_cores: f64,
    /// Processors that everything else on this machine kept busy, if the server's process is known.
    /// Where it is much, times are those of a machine that had no time.
    pub others_cores: Option<f64>,
    /// Share of its time that the viewers' thread was busy.
    pub viewers_thread: f64,
    /// The generator was the limit.
    pub saturated: bool,
}

/// Length of a voice packet.
const VOICE_MS: u32 = 20;

pub(super) fn make(plan: &LoadPlan, found: &Findings) -> LoadReport {
    let Findings { joins, refusals, count, server, own_cpu, machine_cpu, sent } = found;
    let mut all = Tally::default();
    let mut active = 0;
    for tally in &count.tallies {
        active += usize::from(tally.packets > 0);
        all.packets += tally.packets;
        all.bytes += tally.bytes;
        all.expected += tally.expected;
        all.received += tally.received;
        all.repaired += tally.repaired;
        all.repair_packets += tally.repair_packets;
        all.forged += tally.forged;
        all.frames += tally.frames;
        all.frames_complete += tally.frames_complete;
        all.voice += tally.voice;
        all.voice_received += tally.voice_received;
        all.voice_gap_max = all.voice_gap_max.max(tally.voice_gap_max);
        all.key_frames_asked += tally.key_frames_asked;
        all.thorough += tally.thorough;
    }
    let seconds = count.length.as_secs_f64();
    let mbit = ratio(all.bytes * 8, 1_000_000);
    let viewers_thread = share(count.thread_cpu, count.length);
    let mut named: Vec<_> = refusals.iter().take(REFUSALS_NAMED_MAX).cloned().collect();
    if refusals.len() > REFUSALS_NAMED_MAX {
        named.push(format!("and {} more", refusals.len() - REFUSALS_NAMED_MAX));
    }
    let cost = server.as_ref().map(|server| {
        let (empty, full) = server.resident_bytes;
        ServerFigures {
            us_per_packet: micros(server.cpu) / count_of(all.packets),
            s_per_gbit: server.cpu.as_secs_f64() / (mbit / 1_000.0).max(f64::MIN_POSITIVE),
            cores: share(server.cpu, count.length),
            kib_per_viewer: ratio(full.saturating_sub(empty), 1 << 10) / count_of(joins.total()),
            resident_mib: ratio(full, 1 << 20),
            threads: server
                .threads
                .iter()
                .map(|(name, time)| (name.clone(), share(*time, count.length)))
                .collect(),
        }
    });
    LoadReport {
        server: match &plan.target {
            Target::Plenary { url, .. } => format!("Plenary at {url}"),
            Target::Plain { whep, .. } => whep.clone(),
            Target::Janus { url } => format!("Janus at {url}"),
        },
        publishers: plan.publishers,
        viewers: plan.viewers,
        joined: usize::try_from(joins.total()).unwrap_or(active),
        refusals: named,
        simulcast: plan.manner.simulcast,
        paced: plan.manner.paced,
        cipher: count.profile.map_or("none", srtp::name),
        seconds,
        sent: *sent,
        packets: all.packets,
        mbit_per_s: mbit / seconds.max(f64::MIN_POSITIVE),
        expected: all.expected,
        received: all.received,
        loss: ratio(all.expected.saturating_sub(all.received), all.expected),
        repaired: all.repaired,
        repair_packets: all.repair_packets,
        forged: all.forged,
        thorough: all.thorough,
        frames: all.frames,
        frames_complete: all.frames_complete,
        voice: all.voice,
        voice_received: all.voice_received,
        voice_gap_max_ms: all.voice_gap_max * VOICE_MS,
        key_frames_asked: all.key_frames_asked,
        join: Times::of(joins),
        picture_delay: Times::of(&count.delays.picture),
        voice_delay: Times::of(&count.delays.voice),
        cost,
        generator_cores: share(*own_cpu, count.length),
        others_cores: server.as_ref().map(|server| {
            share(machine_cpu.saturating_sub(*own_cpu).saturating_sub(server.cpu), count.length)
        }),
        viewers_thread,
        saturated: viewers_thread > SATURATED,
    }
}

/// A count as a divisor: never zero.
#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn count_of(count: u64) -> f64 {
    count.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn share(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl LoadReport {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut rows: Vec<(&str, String)> = Vec::new();
        let manner = match (self.simulcast, self.paced) {
            (false, false) => "bursts",
            (false, true) => "paced",
            (true, false) => "bursts, three layers",
            (true, true) => "paced, three layers",
        };
        rows.push((
            "load",
            format!("{} publishing ({manner}), {} watching", self.publishers, self.viewers),
        ));
        rows.push(("joined", format!("{} of {}", self.joined, self.viewers)));
        rows.push(("join", in_words(&self.join)));
        rows.push((
            "delivered",
            format!(
                "{} packets in {:.1} s, {:.1} Mbit/s, {}",
                self.packets, self.seconds, self.mbit_per_s, self.cipher
            ),
        ));
        rows.push((
            "lost",
            format!(
                "{} of {} ({:.3} %), {} repaired",
                self.expected.saturating_sub(self.received),
                self.expected,
                self.loss * 100.0,
                self.repaired
            ),
        ));
        rows.push((
            "frames",
            format!(
                "{} of {} whole, at {} viewers who decrypt",
                self.frames_complete, self.frames, self.thorough
            ),
        ));
        rows.push((
            "voice",
            format!(
                "{} of {} packets, longest gap {} ms",
                self.voice_received, self.voice, self.voice_gap_max_ms
            ),
        ));
        rows.push(("picture delay", in_words(&self.picture_delay)));
        rows.push(("voice delay", in_words(&self.voice_delay)));
        match &self.cost {
            Some(cost) => {
                rows.push((
                    "server",
                    format!(
                        "{:.2} µs a packet, {:.2} s a Gbit, {:.2} cores",
                        cost.us_per_packet, cost.s_per_gbit, cost.cores
                    ),
                ));
                rows.push((
                    "memory",
                    format!(
                        "{:.0} KiB a viewer, {:.0} MiB in all",
                        cost.kib_per_viewer, cost.resident_mib
                    ),
                ));
                let threads = cost.threads.iter().take(4);
                let threads: Vec<_> =
                    threads.map(|(name, share)| format!("{name} {:.0} %", share * 100.0)).collect();
                rows.push(("threads", threads.join(", ")));
            }
            None => rows.push(("server", "not watched (no --server-pid)".to_owned())),
        }
        rows.push((
            "generator",
            format!(
                "{:.2} cores, its viewers' thread {:.0} % busy",
                self.generator_cores,
                self.viewers_thread * 100.0
            ),
        ));
        if let Some(cores) = self.others_cores {
            rows.push(("others", format!("{cores:.2} cores kept busy by the rest of the machine")));
        }
        let mut text = format!("{}\n", self.server);
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<14} {value}");
        }
        for refusal in &self.refusals {
            let _ = writeln!(text, "  not joined     {refusal}");
        }
        if self.saturated {
            text += "The generator was the limit: these figures say little about the server.\n";
        }
        text
    }
}

fn in_words(times: &Times) -> String {
    format!(
        "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms
    )
}
