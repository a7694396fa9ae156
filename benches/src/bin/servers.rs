//! Servers side by side under the same load: the floor of this machine, Plenary, and Debian's
//! Janus where it can be had. Each run has a fresh process; `plenary load` is the generator.
//!
//! The result is printed and, with `--write`, kept in a section of docs/PERFORMANCE.md.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;

/// What stands around the section that is written.
const BEGIN: &str = "<!-- written by `make bench`: begin -->";
const END: &str = "<!-- written by `make bench`: end -->";

/// A server that does not answer by then does not start at all.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Loss beyond which more viewers tell nothing new.
const LOSS_MAX: f64 = 0.01;

/// Where Debian keeps the modules of Janus.
const JANUS_MODULES: &str = "/usr/lib/x86_64-linux-gnu/janus";

#[derive(Debug, Parser)]
#[command(about = "The floor, Plenary and Janus under the same load")]
struct Arguments {
    /// The program to measure.
    #[arg(long, default_value = "target/release/plenary")]
    plenary: PathBuf,
    /// Viewers, step by step.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 200, 500, 1_000])]
    viewers: Vec<u32>,
    /// Seconds of each measurement.
    #[arg(long = "for", default_value_t = 8)]
    seconds: u32,
    /// Document whose section is written anew.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// How frames leave the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Bursts,
    Paced,
}

impl Manner {
    fn name(self) -> &'static str {
        match self {
            Self::Bursts => "bursts",
            Self::Paced => "paced",
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plenary = fs::canonicalize(&arguments.plenary)
        .with_context(|| format!("{} is not built", arguments.plenary.display()))?;
    note("The floor of this machine");
    let floor = Floor::measure()?;
    let mut rows = Vec::new();
    let mut remarks = Vec::new();
    let janus = Janus::find();
    if janus.is_none() {
        remarks.push(
            "Janus was skipped: it is not installed and `apt-get install janus` did not bring it."
                .to_owned(),
        );
    }
    for manner in [Manner::Bursts, Manner::Paced] {
        let step = |server: &dyn Server, name: &str, rows: &mut Vec<_>| -> Result<Option<String>> {
            for &viewers in &arguments.viewers {
                note(&format!("{name}, {}, {viewers} viewers", manner.name()));
                let report = run(server, &plenary, manner, viewers, arguments.seconds)?;
                let end = last(&report, viewers);
                rows.push(row(name, manner, &report, &floor));
                if let Some(why) = end {
                    return Ok(Some(format!(
                        "{name}, {}: no more than {viewers} viewers were tried, for {why}.",
                        manner.name()
                    )));
                }
            }
            Ok(None)
        };
        remarks.extend(step(&Plenary { program: &plenary }, "Plenary", &mut rows)?);
        if let Some(janus) = &janus {
            remarks.extend(step(janus, "Janus", &mut rows)?);
        }
    }
    let section = section(&floor, &rows, &remarks)?;
    print(&section);
    if let Some(document) = &arguments.write {
        let text = fs::read_to_string(document)?;
        fs::write(document, replaced(&text, &section)?)?;
    }
    Ok(())
}

fn print(text: &str) {
    use std::io::Write;
    // A closed pipe ends the output; there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "── {text}");
}

// The floor.

/// Microseconds for a packet, by cipher.
struct Floor {
    rows: Vec<Value>,
}

impl Floor {
    fn measure() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("floor");
        let output = Command::new(&program)
            .args(["--json", "--seconds", "2", "--viewers", "500"])
            .output()
            .with_context(|| format!("{} is not built", program.display()))?;
        ensure!(output.status.success(), "the floor failed");
        Ok(Self { rows: serde_json::from_slice(&output.stdout)? })
    }

    /// The picture that comes at once, or packet by packet, with the voices that go with it.
    fn us(&self, cipher: &str, manner: Manner) -> f64 {
        let at_once = manner == Manner::Bursts;
        self.rows
            .iter()
            .filter(|row| row["voices"] == true && row["cipher"] == cipher)
            .filter(|row| (row["burst"] != 1) == at_once)
            .filter_map(|row| row["us_per_packet"].as_f64())
            .fold(f64::INFINITY, f64::min)
    }
}

// The servers.

trait Server {
    /// Starts it; what lies in `folder` is thrown away afterwards.
    fn start(&self, folder: &Path, port: u16) -> Result<Child>;

    /// The arguments of `plenary load` by which it is reached.
    fn reached_by(&self, folder: &Path, port: u16) -> Vec<String>;
}

struct Plenary<'a> {
    program: &'a Path,
}

impl Server for Plenary<'_> {
    fn start(&self, folder: &Path, port: u16) -> Result<Child> {
        let log = File::create(folder.join("log"))?;
        let server = Command::new(self.program)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.join("data"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(server)
    }

    fn reached_by(&self, folder: &Path, port: u16) -> Vec<String> {
        let data = folder.join("data").to_string_lossy().into_owned();
        vec!["--url".to_owned(), format!("http://127.0.0.1:{port}"), "--data".to_owned(), data]
    }
}

struct Janus;

impl Janus {
    /// Debian's Janus, installed if it is missing and may be.
    fn find() -> Option<Self> {
        let there = || Path::new("/usr/bin/janus").exists();
        if !there() {
            note("Janus is installed from Debian");
            // Without rights or a network it stays missing, which the report says.
            let _ = Command::new("apt-get")
                .args(["install", "-y", "-q", "--no-install-recommends", "janus"])
                .stdout(Stdio::null())
                .status();
        }
        there().then_some(Self)
    }
}

impl Server for Janus {
    fn start(&self, folder: &Path, port: u16) -> Result<Child> {
        let only = |kind: &str, kept: &str| -> Result<String> {
            let mut names = Vec::new();
            for entry in fs::read_dir(format!("{JANUS_MODULES}/{kind}"))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".so") && name != kept {
                    names.push(name);
                }
            }
            Ok(names.join(","))
        };
        let config = format!(
            "general: {{\n  configs_folder = \"{folder}\"\n  \
             plugins_folder = \"{JANUS_MODULES}/plugins\"\n  \
             transports_folder = \"{JANUS_MODULES}/transports\"\n  debug_level = 2\n}}\n\
             media: {{ rtp_port_range = \"20000-29999\" }}\n\
             nat: {{ nice_debug = false }}\n\
             plugins: {{ disable = \"{}\" }}\ntransports: {{ disable = \"{}\" }}\n",
            only("plugins", "libjanus_videoroom.so")?,
            only("transports", "libjanus_websockets.so")?,
            folder = folder.display(),
        );
        fs::write(folder.join("janus.jcfg"), config)?;
        let socket = format!(
            "general: {{ json = \"compact\", ws = true, ws_port = {port}, \
             ws_ip = \"127.0.0.1\", wss = false }}\nadmin: {{ admin_ws = false }}\n"
        );
        fs::write(folder.join("janus.transport.websockets.jcfg"), socket)?;
        let log = File::create(folder.join("log"))?;
        let server = Command::new("/usr/bin/janus")
            .arg("-F")
            .arg(folder)
            .arg("-C")
            .arg(folder.join("janus.jcfg"))
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(server)
    }

    fn reached_by(&self, _: &Path, port: u16) -> Vec<String> {
        vec!["--janus".to_owned(), format!("ws://127.0.0.1:{port}")]
    }
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One measurement with a fresh server.
fn run(
    server: &dyn Server,
    plenary: &Path,
    manner: Manner,
    viewers: u32,
    seconds: u32,
) -> Result<Value> {
    let folder = TempDir::with_prefix("plenary-bench-")?;
    let port = free_port()?;
    let running = Running(server.start(folder.path(), port)?);
    wait_for(port)
        .with_context(|| fs::read_to_string(folder.path().join("log")).unwrap_or_default())?;
    let report = folder.path().join("report.json");
    let mut load = Command::new(plenary);
    load.arg("load").args(server.reached_by(folder.path(), port)).args([
        "--viewers",
        &viewers.to_string(),
        "--ramp",
        "100",
        "--for",
        &seconds.to_string(),
        "--server-pid",
        &running.0.id().to_string(),
    ]);
    if manner == Manner::Paced {
        load.arg("--paced");
    }
    load.arg("--report").arg(&report).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = load.output()?;
    let Ok(text) = fs::read_to_string(&report) else {
        bail!("no report: {}", String::from_utf8_lossy(&output.stderr));
    };
    Ok(serde_json::from_str(&text)?)
}

/// A port that nobody has, for TCP and UDP.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> Result<()> {
    let until = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(Instant::now() < until, "the server does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Why more viewers would tell nothing new.
fn last(report: &Value, viewers: u32) -> Option<&'static str> {
    if report["joined"].as_u64().unwrap_or(0) < u64::from(viewers) {
        Some("not everybody could join")
    } else if report["loss"].as_f64().unwrap_or(1.0) > LOSS_MAX {
        Some("more than 1 % was lost")
    } else if report["saturated"].as_bool().unwrap_or(true) {
        Some("the generator was the limit")
    } else {
        None
    }
}

// The report.

/// One row of the table. Counter mode with SHA-1, which has no floor of its own, is compared with
/// AES-128-GCM, which is cheaper.
fn row(name: &str, manner: Manner, report: &Value, floor: &Floor) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let cost = &report["cost"];
    let cipher = report["cipher"].as_str().unwrap_or_default();
    let (floor_cipher, cipher) = match cipher {
        "AEAD_AES_256_GCM" => ("AES-256-GCM", "AES-256-GCM"),
        "AEAD_AES_128_GCM" => ("AES-128-GCM", "AES-128-GCM"),
        _ => ("AES-128-GCM", "AES-128-CM, SHA-1"),
    };
    let us = number(&cost["us_per_packet"]);
    let (join, delay) = (&report["join"], &report["picture_delay"]);
    format!(
        "| {name} | {} | {} of {} | {cipher} | {us:.2} | {:.2} | {:.2} | {:.2} | {:.3} | {:.0} | {:.0} | {:.1} / {:.1} / {:.1} |",
        manner.name(),
        report["joined"],
        report["viewers"],
        us / floor.us(floor_cipher, manner),
        number(&cost["cores"]),
        number(&report["others_cores"]),
        number(&report["loss"]) * 100.0,
        number(&cost["kib_per_viewer"]),
        number(&join["p95_ms"]),
        number(&delay["p50_ms"]),
        number(&delay["p95_ms"]),
        number(&delay["p99_ms"]),
    )
}

fn section(floor: &Floor, rows: &[String], remarks: &[String]) -> Result<String> {
    let mut text = format!("{}\n\n", machine()?);
    for cipher in ["AES-128-GCM", "AES-256-GCM"] {
        writeln!(
            text,
            "The floor with {cipher}: {:.2} µs a packet in bursts of six and single voices, {:.2} µs \
             packet by packet.",
            floor.us(cipher, Manner::Bursts),
            floor.us(cipher, Manner::Paced),
        )?;
    }
    text.push_str(
        "\n| server | frames | joined | cipher | µs a packet | × floor | cores | others' cores | lost % | KiB a \
         viewer | join p95 ms | delay ms p50 / p95 / p99 |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        writeln!(text, "{row}")?;
    }
    if !remarks.is_empty() {
        writeln!(text)?;
    }
    for remark in remarks {
        writeln!(text, "- {remark}")?;
    }
    Ok(text)
}

/// Machine, load of others and date.
fn machine() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0_u64);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "{}: {} cores of {}, {} GB, Linux {}, load {} at the end.",
        jiff::Timestamp::now().strftime("%-d %B %Y"),
        std::thread::available_parallelism()?,
        model.trim_start_matches(['\t', ' ', ':']),
        kib / 1_000_000,
        system.trim(),
        load.split(' ').next().unwrap_or_default(),
    ))
}

/// The document with the section between its marks.
fn replaced(document: &str, section: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).context("the document has no place for it")?;
    let (_, after) = rest.split_once(END).context("the document's place for it has no end")?;
    Ok(format!("{before}{BEGIN}\n{section}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(
            replaced(&document, "new\n").expect("it has a place"),
            format!("a\n{BEGIN}\nnew\n{END}\nb\n")
        );
        assert!(replaced("nothing", "new").is_err());
        assert!(replaced(BEGIN, "new").is_err());
    }

    #[test]
    fn a_row_compares_with_the_floor_of_its_cipher_and_manner() {
        let rows = serde_json::json!([
            { "cipher": "AES-128-GCM", "burst": 6, "voices": false, "us_per_packet": 1.0 },
            { "cipher": "AES-128-GCM", "burst": 6, "voices": true, "us_per_packet": 2.0 },
            { "cipher": "AES-128-GCM", "burst": 1, "voices": true, "us_per_packet": 4.0 },
            { "cipher": "AES-256-GCM", "burst": 1, "voices": true, "us_per_packet": 5.0 },
        ]);
        let floor = Floor { rows: serde_json::from_value(rows).expect("rows") };
        let report = serde_json::json!({
            "joined": 50, "viewers": 50, "loss": 0.0, "saturated": false,
            "cipher": "AEAD_AES_128_GCM", "cost": { "us_per_packet": 6.0 },
        });
        for (manner, expected) in
            [(Manner::Bursts, "| 6.00 | 3.00 |"), (Manner::Paced, "| 6.00 | 1.50 |")]
        {
            let row = row("Plenary", manner, &report, &floor);
            assert!(row.contains(expected), "{row}");
        }
        assert_eq!(last(&report, 50), None);
        assert_eq!(last(&report, 51), Some("not everybody could join"));
    }
}
