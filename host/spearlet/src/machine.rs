//! The machine: what it has, and what it is busy with. `/proc` and `/sys` are memory: reading them waits for no disk.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use spear_types::{Capacity, Cpu};
use tokio::time::Instant;

use crate::Config;

/// What is kept of memory for everything that is no run: the system, this program, its buffers. The larger of both, but
/// never more than half.
const RESERVE: u64 = 512 << 20;
const RESERVE_PART: u64 = 10;

/// How far back the busy cores are looked at.
const WINDOW: Duration = Duration::from_secs(60);

/// Looks at how busy the machine is.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// The oldest is the last that is older than the window.
    samples: VecDeque<(Instant, Processors)>,
}

/// What all processors did since the machine started, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Processors {
    count: u64,
    busy: u64,
    all: u64,
}

/// A machine's memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Memory {
    total: u64,
    available: u64,
}

/// What a node has: as configured, else as found.
pub(crate) fn capacity(config: &Config) -> Capacity {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let cpu = config.cpu.unwrap_or_else(|| Cpu::from_millis(u32::try_from(cores() * 1_000).unwrap_or(u32::MAX)));
    // To the MiB: nobody reads bytes.
    let memory = config.memory.unwrap_or_else(|| without_reserve(found_memory()) >> 20 << 20);
    Capacity { slots: config.slots, cpu, memory }
}

fn without_reserve(memory: u64) -> u64 {
    memory - RESERVE.max(memory / RESERVE_PART).min(memory / 2)
}

fn found_memory() -> u64 {
    let total = Memory::read().total;
    group_limit(Path::new("/sys/fs/cgroup"), &read("/proc/self/cgroup")).map_or(total, |limit| limit.min(total))
}

/// The tightest memory limit of a process's control group and those around it, as version 2 has them. `of_process` is
/// its `/proc/self/cgroup`.
fn group_limit(root: &Path, of_process: &str) -> Option<u64> {
    let group = of_process.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder: PathBuf = root.join(group);
    let around = folder.ancestors().take_while(|folder| folder.starts_with(root));
    around.filter_map(|folder| read(folder.join("memory.max")).trim().parse().ok()).min()
}

impl Machine {
    /// The cores that were busy over the last minute, or since the first look; and the memory in use.
    pub(crate) fn busy(&mut self, now: Instant) -> (Cpu, u64) {
        let Memory { total, available } = Memory::read();
        (self.busy_cores(Processors::parse(&read("/proc/stat")), now), total.saturating_sub(available))
    }

    fn busy_cores(&mut self, latest: Processors, now: Instant) -> Cpu {
        self.samples.push_back((now, latest));
        while self.samples.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            self.samples.pop_front();
        }
        let first = self.samples.front().map_or(latest, |(_, first)| *first);
        let (busy, all) = (latest.busy.saturating_sub(first.busy), latest.all.saturating_sub(first.all));
        let millis = (busy * latest.count * 1_000).checked_div(all).unwrap_or(0);
        Cpu::from_millis(u32::try_from(millis).unwrap_or(u32::MAX))
    }
}

impl Processors {
    /// Of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; what follows is in user and nice already.
    fn parse(text: &str) -> Self {
        const COUNTED: usize = 8;
        const IDLE: [usize; 2] = [3, 4];
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("cpu"));
        let all = lines.next().unwrap_or_default();
        let ticks: Vec<u64> = all.split_whitespace().take(COUNTED).map_while(|ticks| ticks.parse().ok()).collect();
        let idle: u64 = IDLE.iter().filter_map(|index| ticks.get(*index)).sum();
        let all = ticks.iter().sum();
        Self { count: lines.count() as u64, busy: all - idle, all }
    }
}

impl Memory {
    fn read() -> Self {
        Self::parse(&read("/proc/meminfo"))
    }

    /// Of `/proc/meminfo`, which counts in KiB.
    fn parse(text: &str) -> Self {
        let of = |name: &str| -> u64 {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
        };
        Self { total: of("MemTotal") << 10, available: of("MemAvailable") << 10 }
    }
}

/// The file's text; none where the system has no such file.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_and_memory() {
        let capacity = capacity(&Config::default());
        assert!(capacity.cpu >= Cpu::from_millis(1_000), "{capacity:?}");
        assert!((1 << 28..1 << 50).contains(&capacity.memory), "{capacity:?}");
    }

    #[test]
    fn what_is_configured_is_what_there_is() {
        let config = Config { cpu: Some(Cpu::from_millis(3_500)), memory: Some(7), slots: 3, ..Config::default() };
        assert_eq!(capacity(&config), Capacity { slots: 3, cpu: Cpu::from_millis(3_500), memory: 7 });
    }

    #[test]
    fn the_reserve_is_a_tenth_or_512_mib_and_never_more_than_half() {
        let gib = 1 << 30;
        assert_eq!(without_reserve(100 * gib), 90 * gib);
        assert_eq!(without_reserve(2 * gib), gib + gib / 2);
        assert_eq!(without_reserve(gib / 2), gib / 4);
        assert_eq!(without_reserve(0), 0);
    }

    #[test]
    fn the_tightest_control_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let limit = || group_limit(root.path(), "12:cpu:/x\n0::/a/b\n");
        assert_eq!(limit(), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(), None);
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        assert_eq!(limit(), Some(1_000));
        fs::write(inner.join("memory.max"), "2000\n").unwrap();
        assert_eq!(limit(), Some(1_000));
        assert_eq!(group_limit(root.path(), "12:cpu:/x\n"), None);
    }

    #[test]
    fn the_systems_files_are_read_as_they_are_written() {
        let stat = "cpu  10 1 5 80 4 1 2 3 9 9\ncpu0 1 1\ncpu1 1 1\nintr 7\n";
        assert_eq!(Processors::parse(stat), Processors { count: 2, busy: 22, all: 106 });
        assert_eq!(Processors::parse(""), Processors::default());
        let memory = "MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:    4 kB\n";
        assert_eq!(Memory::parse(memory), Memory { total: 16 << 10, available: 4 << 10 });
        assert_eq!(Memory::parse("MemTotal: many kB"), Memory::default());
    }

    #[test]
    fn busy_cores_are_those_of_the_last_minute() {
        let (mut machine, start) = (Machine::default(), Instant::now());
        let mut look = |second: u64, busy: u64| {
            let processors = Processors { count: 4, busy, all: second * 400 };
            machine.busy_cores(processors, start + Duration::from_secs(second)).as_millis()
        };
        assert_eq!(look(0, 0), 0, "nothing is known yet");
        assert_eq!(look(30, 6_000), 2_000, "half of them");
        assert_eq!(look(60, 18_000), 3_000);
        assert_eq!(look(90, 18_000), 2_000, "the first half minute is forgotten");
        assert_eq!(look(200, 18_000), 0);
    }
}
