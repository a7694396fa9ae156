//! What the system knows of a process: processor time and memory (proc(5)).

use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` each second: the kernel's USER_HZ, 100 on every machine that
/// this runs on.
const TICKS_PER_SECOND: u32 = 100;

/// A process that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

/// Processor time and memory at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all threads, also of those that have ended.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Of each thread that lives: name and time.
    pub threads: Vec<(String, Duration)>,
}

impl Process {
    /// The process of this id.
    pub fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This process.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn usage(self) -> std::io::Result<Usage> {
        let folder = format!("/proc/{}", self.0);
        let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
        let status = std::fs::read_to_string(format!("{folder}/status"))?;
        let mut threads = Vec::new();
        for task in std::fs::read_dir(format!("{folder}/task"))?.flatten() {
            // A thread that ended meanwhile has nothing to say.
            let stat = std::fs::read_to_string(task.path().join("stat"));
            threads.extend(stat.ok().as_deref().and_then(times));
        }
        let (_, cpu) = times(&stat).ok_or_else(|| std::io::Error::other("no times in stat"))?;
        Ok(Usage { cpu, resident_bytes: resident(&status).unwrap_or(0), threads })
    }
}

/// Processor time that the whole machine has used so far, by whomever: everything but idling and
/// waiting for disks, over all its processors.
///
/// # Errors
/// When the system does not tell.
pub fn machine() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    busy(&stat).ok_or_else(|| std::io::Error::other("no times in /proc/stat"))
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; what
/// follows is counted in the first two already.
fn busy(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).take(8).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let busy = ticks.iter().sum::<u64>().saturating_sub(idle);
    Some(Duration::from_millis(busy * 1_000 / u64::from(TICKS_PER_SECOND)))
}

/// The name and the times of a `stat` file. The name may hold spaces and parentheses.
fn times(stat: &str) -> Option<(String, Duration)> {
    let (before, after) = stat.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    // The state is field 3; user and system time are fields 14 and 15.
    let mut fields = after.split(' ').skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((name.to_owned(), Duration::from_secs(1) * (user + system) / TICKS_PER_SECOND))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let line = "12 (a) (b) c) S 1 1 1 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 5 0 100 1 1";
        assert_eq!(times(line), Some(("a) (b) c".to_owned(), Duration::from_secs(2))));
        assert_eq!(times("12 (a) S 1"), None);
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t    1024 kB\n"), Some(1 << 20));
    }

    #[test]
    fn idling_is_not_counted() {
        let stat = "cpu  100 20 30 9000 500 5 6 39 7 8\ncpu0 1 2 3\n";
        assert_eq!(busy(stat), Some(Duration::from_secs(2)));
        assert_eq!(busy("cpu 1 2 3"), None);
        assert!(machine().expect("it tells") > Duration::ZERO);
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = Process::own().usage().expect("it runs");
        assert!(usage.resident_bytes > 1 << 20 && !usage.threads.is_empty());
        assert!(Process::new(u32::MAX).usage().is_err());
    }
}
