//! Ends what is in control groups, and removes them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    event::{Timespec, poll},
    process::{Pid, Signal, kill_process},
};

/// How long to wait before what was killed is looked at again.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// [`groups`], again and again for at most `within`; blocks.
pub(in crate::process) fn until_gone(folders: &[PathBuf], within: Duration) -> bool {
    let begun = Instant::now();
    while !groups(folders) {
        if begun.elapsed() > within {
            return false;
        }
        let _ = poll(&mut [], Some(&AGAIN));
    }
    true
}

/// Kills what is in these groups and removes them; whether nothing of them is there any more. What was killed is in its group
/// for a moment longer: ask again.
pub(in crate::process) fn groups(folders: &[PathBuf]) -> bool {
    // Nothing in any of them may fork while another is looked at, and a freezer holds it still.
    let there: Vec<_> = folders.iter().filter(|folder| !gone(fs::remove_dir(folder))).collect();
    let freezers = there.iter().filter(|folder| folder.join("freezer.state").exists());
    let freezers: Vec<_> = freezers.map(|folder| folder.join("freezer.state")).collect();
    freezers.iter().for_each(|state| ask(state, "FROZEN"));
    there.iter().for_each(|folder| end(folder));
    freezers.iter().for_each(|state| ask(state, "THAWED"));
    there.into_iter().filter(|folder| !remove(folder)).count() == 0
}

/// Writes a wish; that it came true shows in what is left.
fn ask(file: &Path, wish: &str) {
    if let Err(error) = fs::write(file, wish) {
        tracing::debug!("{} = {wish}: {error}", file.display());
    }
}

fn end(folder: &Path) {
    let all = folder.join("cgroup.kill");
    if all.exists() {
        return ask(&all, "1");
    }
    below(folder).iter().for_each(|group| end(group));
    let inside = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in inside.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok().filter(|pid| *pid > 1)?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// A program that was root may have made groups of its own below.
fn remove(folder: &Path) -> bool {
    below(folder).iter().for_each(|group| {
        remove(group);
    });
    gone(fs::remove_dir(folder))
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn gone(removed: io::Result<()>) -> bool {
    removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}
