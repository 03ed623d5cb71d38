//! Control groups of a cell: version 2, version 1, or both, as the machine has them.

mod files;
mod find;
mod probe;
pub(super) mod remove;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) use find::{Hierarchy, Use};
pub(super) use probe::probe;

use crate::{
    process::mounts,
    sandbox::{Bounds, Used},
};

/// One group in each hierarchy.
#[derive(Debug, Clone)]
pub(crate) struct Groups {
    name: String,
    hierarchies: Vec<Hierarchy>,
    /// What its starter had used before there was a program.
    before: Duration,
}

impl Groups {
    /// Makes them; what was made is removed when one of them cannot be.
    ///
    /// # Errors
    /// Which could not.
    pub(super) fn make(name: &str, hierarchies: &[Hierarchy]) -> io::Result<Self> {
        let groups = Self { name: name.to_owned(), hierarchies: hierarchies.to_vec(), before: Duration::ZERO };
        for folder in groups.folders() {
            if let Err(error) = fs::create_dir(&folder) {
                remove::groups(&groups.folders());
                return Err(io::Error::new(error.kind(), format!("control group {}: {error}", folder.display())));
            }
        }
        Ok(groups)
    }

    /// Those that a process is in, which somebody else made and `owner` names; none where they are not so, or do not count
    /// all that there is to count. Blocks.
    pub(crate) fn of_process(pid: i64, owner: &str) -> Option<Self> {
        let read = |path: &str| fs::read_to_string(format!("/proc/{path}")).ok();
        let (cgroup, mounts) = (read(&format!("{pid}/cgroup"))?, read("self/mountinfo")?);
        let mut hierarchies = find::hierarchies(&cgroup, &mounts::parse(&mounts));
        hierarchies.retain(|hierarchy| hierarchy.own.to_string_lossy().contains(owner));
        for hierarchy in &mut hierarchies {
            let has = |what: &Use| hierarchy.own.join(find::needs(hierarchy.unified, *what)).exists();
            hierarchy.uses = [Use::Time, Use::Memory].into_iter().filter(has).collect();
        }
        let hierarchies = find::choose(hierarchies);
        let counts = Self::count_all_in(&hierarchies);
        counts.then(|| Self { name: String::new(), hierarchies, before: Duration::ZERO })
    }

    /// Where they are.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.hierarchies.iter().map(|hierarchy| hierarchy.own.join(&self.name)).collect()
    }

    /// What a process joins them by.
    pub(super) fn doors(&self) -> Vec<PathBuf> {
        self.folders().into_iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    fn of(&self, what: Use) -> Option<(PathBuf, bool)> {
        let hierarchy = self.hierarchies.iter().find(|hierarchy| hierarchy.uses.contains(&what))?;
        Some((hierarchy.own.join(&self.name), hierarchy.unified))
    }

    /// Bounds what is in them.
    ///
    /// # Errors
    /// When the kernel does not take a bound, as one of memory that is taken already.
    pub(super) fn bound(&mut self, bounds: &Bounds) -> io::Result<()> {
        for what in [Use::Memory, Use::Cpu, Use::Processes] {
            let Some((folder, unified)) = self.of(what) else { continue };
            for file in files::bounds(unified, what, bounds) {
                write(&folder, &file)?;
            }
        }
        self.before = self.time().unwrap_or_default();
        Ok(())
    }

    fn time(&self) -> Option<Duration> {
        let (folder, unified) = self.of(Use::Time)?;
        files::time(unified, &fs::read_to_string(folder.join(if unified { "cpu.stat" } else { "cpuacct.usage" })).ok()?)
    }

    fn peak(&self) -> Option<u64> {
        let (folder, unified) = self.of(Use::Memory)?;
        let file = folder.join(if unified { "memory.peak" } else { "memory.max_usage_in_bytes" });
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// What was used, as far as they count it; `otherwise` says the rest.
    pub(crate) fn used(&self, otherwise: Used) -> Used {
        Used {
            cpu: self.time().map_or(otherwise.cpu, |time| time.saturating_sub(self.before)),
            peak_memory: self.peak().unwrap_or(otherwise.peak_memory),
        }
    }

    /// Whether they count all that there is to count.
    pub(super) fn count_all(&self) -> bool {
        Self::count_all_in(&self.hierarchies)
    }

    /// As [`Self::count_all`], of groups that are not made.
    pub(super) fn count_all_in(hierarchies: &[Hierarchy]) -> bool {
        [Use::Time, Use::Memory].iter().all(|what| hierarchies.iter().any(|one| one.uses.contains(what)))
    }

    /// Whether something in them was killed because it needed more memory than it may have.
    pub(super) fn out_of_memory(&self) -> bool {
        let Some((folder, unified)) = self.of(Use::Memory) else { return false };
        let file = folder.join(if unified { "memory.events" } else { "memory.oom_control" });
        fs::read_to_string(file).is_ok_and(|text| files::killed(&text) > 0)
    }
}

fn write(folder: &Path, file: &files::Setting) -> io::Result<()> {
    let path = folder.join(file.name);
    match fs::write(&path, &file.value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.optional => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{} = {}: {error}", path.display(), file.value))),
        Ok(()) => Ok(()),
    }
}
