//! What an earlier run of the node's program left.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, geteuid, kill_process, pidfd_open},
};

use super::{
    Config,
    groups::remove,
    launch::{ARGUMENTS, STAGES, descendants, processes},
    mounts,
};

/// How long killed processes may take to die.
const DIES: Duration = Duration::from_secs(10);

/// How deep control groups are looked through.
const DEPTH: usize = 8;

/// Ends and removes what begins with the prefix and not with `own`; how many sandboxes there were. Blocks.
pub(super) fn remove(config: &Config, own: &str) -> usize {
    let ours = Ours { prefix: format!("{}-", config.prefix), own };
    let begun = Instant::now();
    let launchers = launchers(&ours);
    // A mother goes first, or she would remove what is removed here; she has no sandbox of her own.
    for stage in STAGES {
        let all: Vec<_> = launchers.iter().filter(|one| one.stage == stage).map(|one| one.pid).collect();
        end(&all, begun);
    }
    end(&marked(&config.folders, &ours), begun);
    let groups = groups(&ours);
    if !remove::until_gone(&groups, DIES) {
        tracing::warn!("control groups of processes are left that cannot be removed");
    }
    let named = groups.iter().filter_map(|folder| folder.file_name()?.to_str());
    let kept = launchers.iter().filter(|one| one.stage != STAGES[0]).map(|one| one.label.as_str());
    let cells: BTreeSet<_> = named.filter(|name| !name.ends_with("-node")).chain(kept).collect();
    cells.len().max(folders(&config.folders, &ours))
}

/// What names are an earlier run's.
struct Ours<'a> {
    prefix: String,
    own: &'a str,
}

impl Ours<'_> {
    fn has(&self, name: &str) -> bool {
        name.starts_with(&self.prefix) && !name.starts_with(self.own)
    }
}

struct Launcher {
    pid: i32,
    stage: String,
    label: String,
}

/// Launchers, by their arguments.
fn launchers(ours: &Ours<'_>) -> Vec<Launcher> {
    let launcher = |pid: i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let arguments: Vec<_> = line.trim_end_matches('\0').split('\0').collect();
        // The last one, the note, is mostly empty and then cut off with what ends the line.
        let at = arguments.iter().rposition(|argument| STAGES.contains(argument))?;
        let label = arguments.get(at + 1).filter(|label| ours.has(label))?;
        let near = arguments.len() - at <= ARGUMENTS;
        near.then(|| Launcher { pid, stage: arguments[at].to_owned(), label: (*label).to_owned() })
    };
    processes().into_iter().filter_map(|process| launcher(process.pid)).collect()
}

/// Kills processes with all that they started, and waits for their ends.
fn end(roots: &[i32], begun: Instant) {
    let all = processes();
    let below = roots.iter().flat_map(|root| descendants(&all, *root)).map(|process| process.pid);
    let all: BTreeSet<_> = roots.iter().copied().chain(below).collect();
    let pids = all.into_iter().filter_map(Pid::from_raw);
    let mut waiting = Vec::new();
    for pid in pids {
        if let Ok(ended) = pidfd_open(pid, PidfdFlags::empty()) {
            let _ = kill_process(pid, Signal::KILL);
            waiting.push(ended);
        }
    }
    for ended in &waiting {
        let left = DIES.saturating_sub(begun.elapsed());
        let left = Timespec { tv_sec: left.as_secs().try_into().unwrap_or(0), tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(ended, PollFlags::IN)], Some(&left));
    }
}

/// Processes whose home is the folder of a sandbox: what escaped where there are neither control groups nor namespaces.
fn marked(folders: &Path, ours: &Ours<'_>) -> Vec<i32> {
    let home = |pid: i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let home = environ.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"HOME="))?;
        let name = Path::new(str::from_utf8(home).ok()?).strip_prefix(folders).ok()?;
        name.components().next()?.as_os_str().to_str().map(|name| ours.has(name))
    };
    processes().into_iter().map(|process| process.pid).filter(|pid| home(*pid).unwrap_or(false)).collect()
}

/// Control groups, wherever in their hierarchies the earlier run was.
fn groups(ours: &Ours<'_>) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mounts::parse(&text).into_iter().filter(|mount| mount.kind == "cgroup" || mount.kind == "cgroup2");
    let mut found = Vec::new();
    mounts.for_each(|mount| search(&mount.point, ours, DEPTH, &mut found));
    found
}

fn search(folder: &Path, ours: &Ours<'_>, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_str().is_some_and(|name| ours.has(name)) {
            found.push(entry.path());
        } else if depth > 0 {
            search(&entry.path(), ours, depth - 1, found);
        }
    }
}

/// Removes folders; how many.
fn folders(all: &Path, ours: &Ours<'_>) -> usize {
    let entries = fs::read_dir(all).into_iter().flatten().flatten();
    let left = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| ours.has(name)));
    let removed = left.filter(|entry| match fs::remove_dir_all(entry.path()) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("{} is left and cannot be removed: {error}", entry.path().display());
            false
        }
    });
    removed.count()
}

/// How many processes and threads a user has; of the node's own user if none is said.
pub(super) fn processes_of(user: Option<u32>) -> u64 {
    let user = user.unwrap_or_else(|| geteuid().as_raw());
    let threads = |pid: i32| {
        let mine = fs::metadata(format!("/proc/{pid}")).ok()?.uid() == user;
        mine.then(|| fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count() as u64))
    };
    processes().into_iter().filter_map(|process| threads(process.pid)).sum()
}
