//! The processes of the machine, as `/proc` has them.

use std::{
    collections::{HashMap, HashSet},
    fs,
};

use rustix::process::{Pid, getpid};

use crate::process::orders::Told;

/// A process, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::process) struct Process {
    pub(in crate::process) pid: i32,
    pub(in crate::process) parent: i32,
    /// Computing time of it, and of the children that it has waited for, in ticks.
    ticks: u64,
    waited: u64,
}

/// Reads `/proc/PID/stat`. The name stands in brackets and may have any byte, also brackets.
fn parse(stat: &str) -> Option<Process> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    let rest: Vec<_> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let number = |at: usize| rest.get(at).and_then(|field| field.parse::<u64>().ok());
    let parent = rest.get(1)?.parse().ok()?;
    Some(Process { pid, parent, ticks: number(11)? + number(12)?, waited: number(13)? + number(14)? })
}

/// All processes that can be seen.
pub(in crate::process) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let numbers = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// Those of `all` that `root` started, or that were left to it.
pub(in crate::process) fn descendants(all: &[Process], root: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(*process);
    }
    let (mut found, mut seen, mut next) = (Vec::new(), HashSet::from([root]), vec![root]);
    while let Some(parent) = next.pop() {
        for child in children.get(&parent).into_iter().flatten().filter(|child| seen.insert(child.pid)) {
            found.push(*child);
            next.push(child.pid);
        }
    }
    found
}

/// The processes that this one keeps: all others, where it is the first of a namespace.
pub(super) fn below(first: bool) -> Vec<Pid> {
    let (all, own) = (processes(), getpid().as_raw_nonzero().get());
    let below = if first { all.into_iter().filter(|one| one.pid != own).collect() } else { descendants(&all, own) };
    below.into_iter().filter_map(|process| Pid::from_raw(process.pid)).collect()
}

/// What they have used: those that live, and those that were waited for.
pub(super) fn used() -> Told {
    let (all, own) = (processes(), getpid().as_raw_nonzero().get());
    let waited = all.iter().find(|process| process.pid == own).map_or(0, |own| own.waited);
    let live = descendants(&all, own);
    let ticks = live.iter().fold(waited, |sum, process| sum.saturating_add(process.ticks + process.waited));
    Told::Used { ticks, memory: live.iter().filter_map(|process| peak(process.pid)).max().unwrap_or(0) }
}

/// The most memory that a process had, in bytes.
fn peak(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        Process { pid, parent, ticks: 0, waited: 0 }
    }

    #[test]
    fn a_name_cannot_pretend_to_be_other_fields() {
        let stat = "7 (a) R 1 (b) c) S 3 7 7 0 -1 4194560 1 0 0 0 10 20 3 4 20 0 1 0 5 6 7";
        assert_eq!(parse(stat), Some(Process { pid: 7, parent: 3, ticks: 30, waited: 7 }));
        assert_eq!(parse("7 (a"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_others_are_not() {
        let all = [process(2, 1), process(3, 2), process(4, 3), process(5, 1), process(6, 9), process(9, 6)];
        let mut found: Vec<_> = descendants(&all, 2).iter().map(|process| process.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4]);
        assert_eq!(descendants(&all, 6).len(), 1, "a circle, which a table that changes may show, ends");
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = getpid().as_raw_nonzero().get();
        assert!(processes().iter().any(|process| process.pid == own));
    }
}
