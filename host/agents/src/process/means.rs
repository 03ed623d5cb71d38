//! What shuts a program in on this machine: probed once, chosen purely.

use std::path::PathBuf;

use super::{
    groups::{Hierarchy, Use},
    orders::{Means, Rlimits},
};
use crate::sandbox::{Bounds, Spec, Unrunnable};

/// Computing time of one process, in seconds: a day. Deadlines end runs long before.
const CPU_SECONDS: u64 = 24 * 60 * 60;

/// What the machine was found to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) hierarchies: Vec<Hierarchy>,
    /// What it has not, and why.
    pub(super) lacks: Vec<(Means, String)>,
    /// Why there are no control groups for something.
    pub(super) reasons: Vec<String>,
    /// Whether programs run as root, whose processes the kernel does not count.
    pub(super) root: bool,
    /// Whether namespaces can be made as the root of one of users only.
    pub(super) own_users: bool,
}

/// What is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) hierarchies: Vec<Hierarchy>,
    pub(super) namespaces: bool,
    pub(super) pid_namespace: bool,
    pub(super) network_namespace: bool,
    pub(super) read_only: bool,
    /// Whether programs have folders of their own, and see none of the node's.
    pub(super) own_folders: bool,
    /// What is hidden then.
    hidden: Vec<PathBuf>,
    /// Whether the kernel counts the processes of the programs' user.
    counts_processes: bool,
    /// What is not there, and why, for people.
    pub(super) without: Vec<String>,
}

impl Taken {
    /// Everything that may be there: what a probe asks for.
    pub(super) fn all(
        hierarchies: Vec<Hierarchy>,
        (namespaces, read_only): (bool, bool),
        hidden: Vec<PathBuf>,
    ) -> Self {
        Self {
            hierarchies,
            namespaces,
            pid_namespace: namespaces,
            network_namespace: namespaces,
            read_only: namespaces && read_only,
            own_folders: namespaces,
            hidden,
            counts_processes: false,
            without: Vec::new(),
        }
    }

    /// What is left of it on this machine. A namespace of processes needs its own `/proc`, and that needs mounts. Who makes
    /// namespaces as the root of one of users has launchers in one of processes: then it is all or nothing.
    pub(super) fn choose(self, found: Found) -> Self {
        let lacks = |means: Means| found.lacks.iter().any(|(lacking, _)| *lacking == means);
        let apart = !lacks(Means::Mounts) && (!found.own_users || !lacks(Means::Processes));
        let namespaces = self.namespaces && apart;
        let pid_namespace = self.pid_namespace && namespaces && !lacks(Means::Processes);
        let lacking = found.lacks.iter().map(|(means, reason)| format!("{}: {reason}", name(*means)));
        Self {
            namespaces,
            pid_namespace,
            network_namespace: self.network_namespace && !lacks(Means::Network) && (namespaces || !found.own_users),
            read_only: self.read_only && namespaces && !lacks(Means::ReadOnly),
            // What is left of a program is found by where its folder is, if nothing else ends it.
            own_folders: self.own_folders && pid_namespace && !lacks(Means::Folders),
            hidden: self.hidden,
            counts_processes: !found.root,
            without: lacking.chain(found.reasons).collect(),
            hierarchies: found.hierarchies,
        }
    }

    fn group(&self, what: Use) -> Option<&'static str> {
        let hierarchy = self.hierarchies.iter().find(|hierarchy| hierarchy.uses.contains(&what))?;
        Some(if hierarchy.unified { "cgroup v2" } else { "cgroup v1" })
    }

    /// What enforces each bound.
    pub(super) fn enforces(&self) -> Vec<(&'static str, &'static str)> {
        let processes = self.group(Use::Processes).or_else(|| self.counts_processes.then_some("rlimit"));
        let all = [
            ("memory", Some(self.group(Use::Memory).unwrap_or("rlimit"))),
            ("cpu", self.group(Use::Cpu)),
            ("processes", processes),
            ("open-files", Some("rlimit")),
            ("file-size", Some("rlimit")),
            ("network", self.network_namespace.then_some("namespace")),
            ("read-only", self.read_only.then_some("namespace")),
            ("folders", self.own_folders.then_some("namespace")),
            ("end", Some(self.end())),
        ];
        all.into_iter().filter_map(|(what, by)| Some((what, by?))).collect()
    }

    /// What sees to it that no process outlives its cell.
    fn end(&self) -> &'static str {
        match (self.pid_namespace, self.group(Use::End)) {
            (true, _) => "namespace",
            (false, Some(group)) => group,
            (false, None) => "subreaper",
        }
    }

    /// Whether everything that `spec` asks for is enforced here.
    ///
    /// # Errors
    /// What is not.
    pub(super) fn covers(&self, spec: &Spec) -> Result<(), Unrunnable> {
        if !spec.network && !self.network_namespace {
            let what =
                "a process cannot be kept from the network on this node: grant it, or use another implementation";
            return Err(Unrunnable::new(format_args!("{what}{}", self.because())));
        }
        if spec.bounds.cpu.is_some() && self.group(Use::Cpu).is_none() {
            return Err(Unrunnable::new(format_args!(
                "nothing bounds a process's cores on this node{}",
                self.because()
            )));
        }
        Ok(())
    }

    /// What is not there, in brackets.
    pub(super) fn because(&self) -> String {
        if self.without.is_empty() { String::new() } else { format!(" ({})", self.without.join("; ")) }
    }

    /// What a starter is to hide.
    pub(super) fn hidden(&self) -> Option<Vec<PathBuf>> {
        self.own_folders.then(|| self.hidden.clone())
    }

    /// What the kernel bounds of each process; `others`: how many processes the user has that are not the program's.
    pub(super) fn rlimits(&self, bounds: &Bounds, others: u64) -> Rlimits {
        let counted = self.counts_processes && self.group(Use::Processes).is_none();
        Rlimits {
            cpu: CPU_SECONDS,
            files: bounds.open_files.into(),
            file_size: bounds.file_size,
            processes: counted.then(|| others.saturating_add(bounds.processes.into())),
            memory: self.group(Use::Memory).is_none().then_some(bounds.memory),
        }
    }

    /// Whether [`Self::rlimits`] has to know of others.
    pub(super) fn counts_others(&self) -> bool {
        self.counts_processes && self.group(Use::Processes).is_none()
    }
}

fn name(means: Means) -> &'static str {
    match means {
        Means::Processes => "no namespace of processes",
        Means::Mounts => "no namespace of mounts",
        Means::Network => "no namespace without network",
        Means::ReadOnly => "no file system for reading only",
        Means::Folders => "no folders of their own",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use spear_types::Cpu;

    use super::*;

    fn hierarchy(unified: bool, uses: &[Use]) -> Hierarchy {
        Hierarchy { own: "/x".into(), unified, uses: uses.to_vec() }
    }

    fn chosen(found: Found) -> Taken {
        Taken::all(Vec::new(), (true, true), Vec::new()).choose(found)
    }

    fn lacks(all: &[Means]) -> Found {
        Found { lacks: all.iter().map(|means| (*means, "not here".to_owned())).collect(), ..Found::default() }
    }

    pub(in crate::process) fn spec(cpu: Option<u32>, network: bool) -> Spec {
        let cpu = cpu.map(Cpu::from_millis);
        let bounds = Bounds { memory: 1, cpu, processes: 2, open_files: 3, file_size: 4 };
        let (name, folder) = ("a".to_owned(), "/f".into());
        Spec { name, command: vec![], image: None, env: vec![], files: None, folder, hostcalls: None, bounds, network }
    }

    #[test]
    fn all_that_is_there_is_taken() {
        let uses = [Use::Memory, Use::Cpu, Use::Processes, Use::End];
        let taken = chosen(Found { hierarchies: vec![hierarchy(true, &uses)], root: true, ..Found::default() });
        assert!(taken.pid_namespace && taken.network_namespace && taken.read_only && taken.own_folders);
        let enforces = taken.enforces();
        assert!(enforces.contains(&("memory", "cgroup v2")) && enforces.contains(&("network", "namespace")));
        assert_eq!(taken.covers(&spec(Some(1), false)), Ok(()));
        let rlimits = taken.rlimits(&spec(None, true).bounds, 9);
        assert_eq!((rlimits.memory, rlimits.processes), (None, None));
    }

    #[test]
    fn without_mounts_there_is_no_namespace_of_processes_and_nothing_for_reading_only() {
        let taken = chosen(lacks(&[Means::Mounts]));
        assert!(!taken.namespaces && !taken.pid_namespace && !taken.read_only && taken.network_namespace);
        assert!(taken.enforces().contains(&("end", "subreaper")));
    }

    #[test]
    fn who_is_not_root_takes_all_namespaces_or_none() {
        let user = |means: &[Means]| chosen(Found { own_users: true, ..lacks(means) });
        let taken = user(&[Means::Processes]);
        assert!(!taken.namespaces && !taken.network_namespace && !taken.pid_namespace);
        let taken = user(&[Means::ReadOnly]);
        assert!(taken.namespaces && taken.network_namespace && taken.pid_namespace);
    }

    #[test]
    fn what_is_not_enforced_is_refused_with_the_reason() {
        let taken = chosen(lacks(&[Means::Network]));
        let refused = taken.covers(&spec(None, false)).unwrap_err().reason;
        assert!(refused.contains("network") && refused.contains("not here"), "{refused}");
        assert!(taken.covers(&spec(Some(500), true)).unwrap_err().reason.contains("cores"));
        assert_eq!(taken.covers(&spec(None, true)), Ok(()));
    }

    #[test]
    fn roots_processes_are_counted_by_groups_only() {
        let root = chosen(Found { root: true, ..Found::default() });
        assert!(!root.enforces().iter().any(|(what, _)| *what == "processes"));
        assert_eq!(root.rlimits(&spec(None, true).bounds, 5).processes, None);
        let user = chosen(Found::default());
        assert!(user.enforces().contains(&("processes", "rlimit")));
        assert_eq!(user.rlimits(&spec(None, true).bounds, 5).processes, Some(7));
        assert_eq!(user.rlimits(&spec(None, true).bounds, 5).memory, Some(1));
    }
}
