//! Which control groups a machine has, and what each is for. Pure.

use std::path::{Path, PathBuf};

use crate::process::mounts::Mount;

/// What a control group does for a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::process) enum Use {
    /// Bounds memory, and says its peak.
    Memory,
    /// Bounds computing.
    Cpu,
    /// Bounds processes.
    Processes,
    /// Says the computing time.
    Time,
    /// Ends all of a cell at once.
    End,
}

/// A hierarchy, with this program's own group in it, below which cells have theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::process) struct Hierarchy {
    /// The own group.
    pub(in crate::process) own: PathBuf,
    /// Version 2, else 1.
    pub(in crate::process) unified: bool,
    /// What it could do, then what it is taken for.
    pub(in crate::process) uses: Vec<Use>,
}

/// The hierarchies, by what `/proc/self/cgroup` and the mounts say.
pub(super) fn hierarchies(cgroup: &str, mounts: &[Mount]) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let controllers: Vec<_> = controllers.split(',').filter(|controller| !controller.is_empty()).collect();
        let Some(mount) = mounts.iter().find(|mount| holds(mount, &controllers)) else { continue };
        let one = Hierarchy { own: own(mount, path), unified: controllers.is_empty(), uses: uses(&controllers) };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Whether a mount is of the hierarchy with these controllers; without any it is that of version 2.
fn holds(mount: &Mount, controllers: &[&str]) -> bool {
    match controllers {
        [] => mount.kind == "cgroup2",
        some => mount.kind == "cgroup" && some.iter().all(|one| mount.options.iter().any(|option| option == one)),
    }
}

/// Where the own group is. A path outside of what is mounted is of another namespace: then the mount is all there is.
fn own(mount: &Mount, path: &str) -> PathBuf {
    match Path::new(path).strip_prefix(&mount.root) {
        Ok(below) if !path.contains("/..") => mount.point.join(below),
        _ => mount.point.clone(),
    }
}

fn uses(controllers: &[&str]) -> Vec<Use> {
    let one = |controller: &&str| match *controller {
        "memory" => Some(Use::Memory),
        "cpu" => Some(Use::Cpu),
        "pids" => Some(Use::Processes),
        "cpuacct" => Some(Use::Time),
        "freezer" => Some(Use::End),
        _ => None,
    };
    controllers.iter().filter_map(one).collect()
}

/// Takes each use from one hierarchy, version 2 first, and leaves out what is then good for nothing: joining a group costs a
/// cell milliseconds.
pub(super) fn choose(mut found: Vec<Hierarchy>) -> Vec<Hierarchy> {
    found.sort_by_key(|hierarchy| !hierarchy.unified);
    let mut taken = Vec::new();
    for hierarchy in &mut found {
        hierarchy.uses.retain(|one| !taken.contains(one));
        taken.extend(hierarchy.uses.iter().copied());
    }
    found.retain(|hierarchy| !hierarchy.uses.is_empty());
    found
}

/// The file without which a use is not there.
pub(super) fn needs(unified: bool, what: Use) -> &'static str {
    match (unified, what) {
        (true, Use::Memory) => "memory.max",
        (true, Use::Cpu) => "cpu.max",
        (_, Use::Processes) => "pids.max",
        (true, Use::Time) => "cpu.stat",
        (true, Use::End) => "cgroup.kill",
        (false, Use::Memory) => "memory.limit_in_bytes",
        (false, Use::Cpu) => "cpu.cfs_quota_us",
        (false, Use::Time) => "cpuacct.usage",
        (false, Use::End) => "freezer.state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::mounts;

    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 /outer /cg/memory rw - cgroup cgroup rw,memory\n\
        41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";

    fn found(cgroup: &str) -> Vec<Hierarchy> {
        hierarchies(cgroup, &mounts::parse(HYBRID))
    }

    #[test]
    fn the_own_group_is_found_in_each_hierarchy() {
        let found = found("4:memory:/outer/mine\n3:cpu,cpuacct:/\n2:pids:/nowhere\n1:name=systemd:/\n0::/a/b\n");
        let own: Vec<_> = found.iter().map(|one| (one.own.as_path(), one.unified)).collect();
        let expected = [("/cg/memory/mine", false), ("/cg/cpu,cpuacct", false), ("/cg/unified/a/b", true)];
        assert_eq!(own, expected.map(|(path, unified)| (Path::new(path), unified)));
        assert_eq!(found[1].uses, [Use::Cpu, Use::Time]);
    }

    #[test]
    fn a_path_of_another_namespace_leaves_the_mount() {
        assert_eq!(found("0::/../../other")[0].own, Path::new("/cg/unified"));
        assert_eq!(found("broken\n4\n"), []);
    }

    #[test]
    fn each_use_is_taken_once_and_version_2_goes_first() {
        let hierarchy =
            |name: &str, unified, uses: &[Use]| Hierarchy { own: name.into(), unified, uses: uses.to_vec() };
        let chosen = choose(vec![
            hierarchy("freezer", false, &[Use::End]),
            hierarchy("cpu", false, &[Use::Cpu, Use::Time]),
            hierarchy("unified", true, &[Use::Time, Use::End]),
        ]);
        assert_eq!(chosen, [hierarchy("unified", true, &[Use::Time, Use::End]), hierarchy("cpu", false, &[Use::Cpu])]);
    }
}
