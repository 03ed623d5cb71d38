//! What stands in the files of control groups. Pure.

use std::time::Duration;

use super::Use;
use crate::sandbox::Bounds;

/// Microseconds over which computing is bounded: the kernel's own default.
const PERIOD: u64 = 100_000;

/// The least computing in that time that the kernel takes.
const LEAST: u64 = 1_000;

/// One file, and what is written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Not every kernel has it, and where it is missing there is nothing to bound.
    pub(super) optional: bool,
}

/// What bounds one thing, in the order in which it is written.
pub(super) fn bounds(unified: bool, what: Use, bounds: &Bounds) -> Vec<Setting> {
    let always = |name, value: String| Setting { name, value, optional: false };
    let memory = bounds.memory.to_string();
    match (unified, what) {
        (true, Use::Memory) => vec![
            always("memory.max", memory),
            Setting { name: "memory.swap.max", value: "0".into(), optional: true },
            Setting { name: "memory.oom.group", value: "1".into(), optional: true },
        ],
        (false, Use::Memory) => vec![
            always("memory.limit_in_bytes", memory.clone()),
            Setting { name: "memory.memsw.limit_in_bytes", value: memory, optional: true },
        ],
        (unified, Use::Cpu) => quota(bounds).map(|quota| cpu(unified, quota)).unwrap_or_default(),
        (_, Use::Processes) => vec![always("pids.max", bounds.processes.to_string())],
        (_, Use::Time | Use::End) => Vec::new(),
    }
}

fn quota(bounds: &Bounds) -> Option<u64> {
    bounds.cpu.map(|cpu| (u64::from(cpu.as_millis()) * PERIOD / 1000).max(LEAST))
}

fn cpu(unified: bool, quota: u64) -> Vec<Setting> {
    let always = |name, value: String| Setting { name, value, optional: false };
    if unified {
        vec![always("cpu.max", format!("{quota} {PERIOD}"))]
    } else {
        vec![always("cpu.cfs_period_us", PERIOD.to_string()), always("cpu.cfs_quota_us", quota.to_string())]
    }
}

/// Computing time, of `cpu.stat` or `cpuacct.usage`.
pub(super) fn time(unified: bool, text: &str) -> Option<Duration> {
    if unified {
        field(text, "usage_usec").map(Duration::from_micros)
    } else {
        text.trim().parse().ok().map(Duration::from_nanos)
    }
}

/// How many processes were killed for memory, of `memory.events` or `memory.oom_control`.
pub(super) fn killed(text: &str) -> u64 {
    field(text, "oom_kill").unwrap_or(0)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use spear_types::Cpu;

    use super::*;

    fn some(cpu: Option<u32>) -> Bounds {
        Bounds { memory: 1 << 20, cpu: cpu.map(Cpu::from_millis), processes: 7, open_files: 8, file_size: 9 }
    }

    fn written(unified: bool, what: Use, cpu: Option<u32>) -> Vec<(&'static str, String)> {
        bounds(unified, what, &some(cpu)).into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    #[test]
    fn each_version_is_written_its_own_way() {
        assert_eq!(written(true, Use::Cpu, Some(1500)), [("cpu.max", "150000 100000".into())]);
        let version_1 = [("cpu.cfs_period_us", "100000".into()), ("cpu.cfs_quota_us", "50000".into())];
        assert_eq!(written(false, Use::Cpu, Some(500)), version_1);
        assert_eq!(written(true, Use::Processes, None), [("pids.max", "7".into())]);
        assert_eq!(written(false, Use::Memory, None)[0], ("memory.limit_in_bytes", "1048576".into()));
    }

    #[test]
    fn no_bound_of_cores_writes_none_and_the_smallest_is_one_the_kernel_takes() {
        assert_eq!(written(true, Use::Cpu, None), []);
        assert_eq!(written(true, Use::Cpu, Some(1)), [("cpu.max", "1000 100000".into())]);
    }

    #[test]
    fn counters_are_read_and_names_that_begin_alike_are_told_apart() {
        assert_eq!(killed("oom_kill_disable 1\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(killed("low 0\noom 1\noom_group_kill 2\n"), 0);
        assert_eq!(time(true, "usage_usec 1500\nuser_usec 3\n"), Some(Duration::from_micros(1500)));
        assert_eq!(time(false, "1500\n"), Some(Duration::from_nanos(1500)));
        assert_eq!(time(false, "x"), None);
    }
}
