//! The machine: data folder, disk, limits, memory, clock.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::settings::Settings;

/// Free room below which an event may not be kept, in MiB.
const DISK_MIB_WRONG: u64 = 200;

/// Free room below which it should be looked at, in MiB.
const DISK_MIB_WARNING: u64 = 2_048;

/// Bytes written to measure the disk: enough to be more than one write, not enough to wear it.
const WRITTEN_BYTES: usize = 16 << 20;

/// Speed below which a disk is too slow, in MiB a second: twelve publishers need a tenth of it.
const MIB_A_SECOND_WARNING: f64 = 20.0;

/// Times that a small write is made durable, to find how long it usually takes.
const SYNCS: usize = 21;

/// Every command of the event waits for one durable write; above this people notice.
const SYNC_WARNING: Duration = Duration::from_millis(20);

/// Open files that a thousand participants need: a live socket each, pages beside it, reserve.
const FILES_WARNING: u64 = 4_096;

/// Open files below which not even a small event works.
const FILES_WRONG: u64 = 256;

/// Buffer of the UDP socket, in bytes: one frame to a thousand viewers leaves at once.
const UDP_BUFFER_WARNING: u64 = 2 << 20;

/// Memory that should be free, in KiB: 40 MiB for the server, 100 KiB for each of a thousand
/// viewers, and the system's own needs.
const MEMORY_KIB_WARNING: u64 = 512 << 10;

/// No machine that runs this program shows an earlier time: 2026-01-01.
const EARLIEST_SECS: u64 = 1_767_225_600;

/// How long the clock is watched.
const CLOCK_WATCHED: Duration = Duration::from_millis(200);

/// How far the clock may move against the machine's own count meanwhile.
const CLOCK_DRIFT_MAX: Duration = Duration::from_millis(20);

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = data_folder(&settings.data.value);
    findings.push(open_files());
    findings.extend(udp_buffers(Path::new("/proc/sys/net/core")));
    findings.extend(memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()));
    findings.extend(clock());
    findings
}

/// Rights, room and speed of the data folder, or of the folder in which it will be made.
fn data_folder(data: &Path) -> Vec<Finding> {
    const TOPIC: &str = "data folder";
    let mut findings = Vec::new();
    let folder = match fs::metadata(data) {
        Ok(metadata) if metadata.is_dir() => {
            findings.extend(private(data, &metadata));
            data.to_owned()
        }
        Ok(_) => {
            return vec![Finding::wrong(
                TOPIC,
                format!("{} is a file", data.display()),
                "name a folder in `data`",
            )];
        }
        Err(_) => existing_parent(data),
    };
    let probe = match tempfile::Builder::new().prefix(".plenary-doctor-").tempfile_in(&folder) {
        Ok(probe) => probe,
        Err(error) => {
            findings.push(Finding::wrong(
                TOPIC,
                format!("nothing can be written in {}: {error}", folder.display()),
                format!("give it to the user of the server: chown USER {}", folder.display()),
            ));
            return findings;
        }
    };
    findings.push(Finding::ok(
        TOPIC,
        if folder == data {
            format!("{} can be written", data.display())
        } else {
            format!("{} can be made in {}", data.display(), folder.display())
        },
    ));
    let free_mib = statvfs(&folder).map(|disk| (disk.f_bavail * disk.f_frsize) >> 20);
    match free_mib {
        Ok(free) => findings.push(room(free)),
        Err(error) => findings.push(Finding::warning(
            "disk room",
            format!("cannot be found: {error}"),
            "look at it with: df -h",
        )),
    }
    findings.push(speed(probe.as_file()));
    findings
}

/// The nearest folder above that exists.
fn existing_parent(data: &Path) -> PathBuf {
    let above = data.ancestors().skip(1).find(|folder| folder.is_dir());
    match above {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn private(data: &Path, metadata: &fs::Metadata) -> Option<Finding> {
    let open = metadata.permissions().mode() & 0o077 != 0;
    open.then(|| {
        Finding::warning(
            "data folder",
            format!("{} is open to other users of this machine", data.display()),
            format!("run: chmod 700 {}", data.display()),
        )
    })
}

fn room(free_mib: u64) -> Finding {
    const TOPIC: &str = "disk room";
    let what = format!("{free_mib} MiB are free");
    let remedy = "make room, or put `data` on another disk";
    if free_mib < DISK_MIB_WRONG {
        Finding::wrong(TOPIC, what, remedy)
    } else if free_mib < DISK_MIB_WARNING {
        Finding::warning(TOPIC, what, remedy)
    } else {
        Finding::ok(TOPIC, what)
    }
}

/// How fast the disk writes, and how long a durable write takes.
fn speed(mut file: &fs::File) -> Finding {
    const TOPIC: &str = "disk speed";
    let mut measure = || -> std::io::Result<(f64, Duration)> {
        let block = vec![0x5A; 1 << 20];
        let start = Instant::now();
        for _ in 0..WRITTEN_BYTES / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        let speed = WRITTEN_BYTES as f64 / (1 << 20) as f64 / start.elapsed().as_secs_f64();
        let mut syncs = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let start = Instant::now();
            file.write_all(&block[..4_096])?;
            file.sync_data()?;
            syncs.push(start.elapsed());
        }
        syncs.sort();
        Ok((speed, syncs[SYNCS / 2]))
    };
    match measure() {
        Ok((speed, sync)) => {
            let what = format!(
                "writes {speed:.0} MiB a second; a durable write takes {:.1} ms",
                sync.as_secs_f64() * 1_000.0
            );
            if speed < MIB_A_SECOND_WARNING || sync > SYNC_WARNING {
                let remedy = "put `data` on a local disk; every command waits for a durable write";
                Finding::warning(TOPIC, what, remedy)
            } else {
                Finding::ok(TOPIC, what)
            }
        }
        Err(error) => Finding::wrong(
            TOPIC,
            format!("{} MiB cannot be written: {error}", WRITTEN_BYTES >> 20),
            "make room, or put `data` on another disk",
        ),
    }
}

fn open_files() -> Finding {
    // The server raises its own limit as far as it may.
    limit(getrlimit(Resource::Nofile).maximum)
}

fn limit(maximum: Option<u64>) -> Finding {
    const TOPIC: &str = "open files";
    let Some(maximum) = maximum else {
        return Finding::ok(TOPIC, "no limit");
    };
    let what = format!("at most {maximum}");
    let remedy = "set LimitNOFILE=65536 in the service, or run: ulimit -Hn 65536";
    if maximum < FILES_WRONG {
        Finding::wrong(TOPIC, what, remedy)
    } else if maximum < FILES_WARNING {
        Finding::warning(TOPIC, what, remedy)
    } else {
        Finding::ok(TOPIC, what)
    }
}

fn udp_buffers(folder: &Path) -> Option<Finding> {
    const TOPIC: &str = "UDP buffers";
    let read = |name: &str| -> Option<u64> {
        fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
    };
    // Other systems have no such files, and their own ways.
    let (receive, send) = (read("rmem_max")?, read("wmem_max")?);
    let what = format!("at most {} KiB in and {} KiB out", receive >> 10, send >> 10);
    Some(if receive.min(send) < UDP_BUFFER_WARNING {
        Finding::warning(
            TOPIC,
            what,
            "for more than some hundred viewers run: \
             sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304",
        )
    } else {
        Finding::ok(TOPIC, what)
    })
}

fn memory(meminfo: &str) -> Option<Finding> {
    const TOPIC: &str = "memory";
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let available_kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    let what = format!("{} MiB are free", available_kib >> 10);
    Some(if available_kib < MEMORY_KIB_WARNING {
        Finding::warning(TOPIC, what, "end other programs, or use a larger machine")
    } else {
        Finding::ok(TOPIC, what)
    })
}

fn clock() -> Vec<Finding> {
    const TOPIC: &str = "clock";
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (start, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(CLOCK_WATCHED);
    let (counted, shown) = (start.elapsed(), since_1970(SystemTime::now()));
    let moved = shown.saturating_sub(since_1970(wall));
    let mut findings = Vec::new();
    if shown.as_secs() < EARLIEST_SECS {
        findings.push(Finding::wrong(
            TOPIC,
            "shows a time that has passed long ago",
            "set it: timedatectl set-time \"YEAR-MONTH-DAY HOUR:MINUTE\"",
        ));
    } else if moved.abs_diff(counted) > CLOCK_DRIFT_MAX {
        findings.push(Finding::warning(
            TOPIC,
            "jumped while it was watched",
            "wait until the time service has set it, and look why it was wrong",
        ));
    } else {
        findings.push(kept());
    }
    findings
}

/// Whether something keeps the clock right. On a machine without any network nothing does.
fn kept() -> Finding {
    const TOPIC: &str = "clock";
    let marks = [
        ("/run/systemd/timesync/synchronized", "systemd-timesyncd"),
        ("/run/chrony", "chrony"),
        ("/run/ntpd.pid", "ntpd"),
        ("/var/run/ntpd.pid", "ntpd"),
    ];
    match marks.iter().find(|(path, _)| Path::new(path).exists()) {
        Some((_, keeper)) => Finding::ok(TOPIC, format!("runs evenly, kept by {keeper}")),
        None => Finding::warning(
            TOPIC,
            "runs evenly, but no time service keeps it",
            "run: timedatectl set-ntp true; without a network compare it by hand before the event",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn thresholds() {
        for (free, verdict) in
            [(10, Verdict::Wrong), (1_000, Verdict::Warning), (9_000, Verdict::Ok)]
        {
            assert_eq!(room(free).verdict, verdict);
        }
        for (files, verdict) in
            [(Some(64), Verdict::Wrong), (Some(1_024), Verdict::Warning), (None, Verdict::Ok)]
        {
            assert_eq!(limit(files).verdict, verdict);
        }
        let meminfo = "MemTotal: 9 kB\nMemAvailable:     100000 kB\n";
        assert_eq!(memory(meminfo).map(|finding| finding.verdict), Some(Verdict::Warning));
        assert!(memory("").is_none());
    }

    #[test]
    fn small_buffers_are_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(udp_buffers(folder.path()).is_none());
        for (size, verdict) in [("212992\n", Verdict::Warning), ("4194304\n", Verdict::Ok)] {
            fs::write(folder.path().join("rmem_max"), size).expect("written");
            fs::write(folder.path().join("wmem_max"), "4194304").expect("written");
            let finding = udp_buffers(folder.path()).expect("a finding");
            assert_eq!(finding.verdict, verdict);
        }
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_wrong_and_one_to_be_made_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!(data_folder(&file)[0].verdict, Verdict::Wrong);
        let new = folder.path().join("a/b");
        assert!(data_folder(&new).iter().all(|finding| finding.verdict != Verdict::Wrong));
        assert!(!new.exists(), "the doctor makes nothing");
    }
}
