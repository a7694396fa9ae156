//! What this process uses, as the system tells it.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What this process uses. Zero where the system does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) cpu_s: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
    pub(crate) open_files_max: u64,
}

impl Process {
    /// Asks the system. May take milliseconds with many open files.
    pub(crate) fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            number.and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let time = clock_gettime(ClockId::ProcessCPUTime);
        #[expect(clippy::cast_precision_loss, reason = "seconds of one process")]
        let cpu_s = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            cpu_s,
            resident_bytes: 1_024 * field("VmRSS:"),
            threads: field("Threads:"),
            // The folder that is being read is one of them.
            open_files: (open as u64).saturating_sub(1),
            open_files_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells() {
        let process = Process::read();
        assert!(process.cpu_s > 0.0 && process.resident_bytes > 1 << 20, "{process:?}");
        assert!(process.threads >= 1 && process.open_files >= 3, "{process:?}");
        assert!(process.open_files_max >= process.open_files, "{process:?}");
    }
}
