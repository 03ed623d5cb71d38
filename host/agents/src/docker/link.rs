//! One engine that answered, and what it can do.

use bollard::{
    Docker,
    models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion},
};

use crate::sandbox::{Bounds, Unrunnable};

/// An engine that answered.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) docker: Docker,
    pub(super) facts: Facts,
}

/// What an engine says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// Root in a container is an ordinary user outside: the engine's own.
    pub(super) rootless: bool,
    /// Users in a container are others outside.
    pub(super) remapped: bool,
    /// It is Podman, which takes fewer options.
    pub(super) podman: bool,
    /// Cores, in thousandths.
    pub(super) cores: i64,
    pub(super) cgroup: &'static str,
    pub(super) memory: bool,
    pub(super) cpu: bool,
    pub(super) processes: bool,
}

impl Link {
    /// Asks the engine at `host` for the version to speak and for what it can do.
    pub(super) async fn to(host: &str) -> Result<Self, String> {
        let docker = super::find::client(host)?;
        let docker = docker.negotiate_version().await.map_err(|error| super::words::of(&error))?;
        let version = docker.version().await.map_err(|error| super::words::of(&error))?;
        let info = docker.info().await.map_err(|error| super::words::of(&error))?;
        let facts = Facts::of(&version, &info);
        tracing::info!(host, version = %docker.client_version(), ?facts, "a container engine answers");
        Ok(Self { docker, facts })
    }

    /// Whether it still answers.
    pub(super) async fn answers(&self) -> Result<(), String> {
        self.docker.ping().await.map(drop).map_err(|error| super::words::of(&error))
    }
}

impl Facts {
    fn of(version: &SystemVersion, info: &SystemInfo) -> Self {
        let says = |option: &str| {
            let options = info.security_options.iter().flatten();
            options.flat_map(|words| words.split(',')).any(|word| word.strip_prefix("name=") == Some(option))
        };
        Self {
            rootless: says("rootless"),
            remapped: says("userns"),
            podman: version.components.iter().flatten().any(|part| part.name.contains("Podman")),
            cores: info.ncpu.unwrap_or(0).clamp(0, 1 << 20) * 1_000,
            cgroup: match info.cgroup_version {
                Some(SystemInfoCgroupVersionEnum::_2) => "cgroup v2",
                _ => "cgroup v1",
            },
            memory: info.memory_limit == Some(true),
            cpu: info.cpu_cfs_quota == Some(true),
            processes: info.pids_limit == Some(true),
        }
    }

    /// Whether everything that `bounds` asks for is enforced here.
    ///
    /// # Errors
    /// What is not.
    pub(super) fn cover(&self, bounds: &Bounds) -> Result<(), Unrunnable> {
        let lacks = self.lacks().find(|what| *what != "cpu" || bounds.cpu.is_some());
        lacks.map_or(Ok(()), |what| Err(Unrunnable::new(unbounded(what))))
    }

    fn groups(&self) -> [(&'static str, bool); 3] {
        [("memory", self.memory), ("cpu", self.cpu), ("processes", self.processes)]
    }

    fn lacks(&self) -> impl Iterator<Item = &'static str> {
        self.groups().into_iter().filter(|(_, can)| !can).map(|(bound, _)| bound)
    }

    /// What is not bounded, for people.
    pub(super) fn without(&self) -> Vec<String> {
        self.lacks().map(unbounded).collect()
    }

    /// By the names of the bounds.
    pub(super) fn enforces(&self) -> Vec<(&'static str, &'static str)> {
        let groups = self.groups().into_iter().filter(|(_, can)| *can).map(|(bound, _)| (bound, self.cgroup));
        groups.chain([("open-files", "rlimit"), ("file-size", "rlimit")]).collect()
    }
}

fn unbounded(what: &str) -> String {
    format!("the container engine has no control group that bounds {what}")
}

#[cfg(test)]
impl Facts {
    /// Of an engine that runs as root and can do everything.
    pub(super) const ROOTFUL: Self = Self {
        rootless: false,
        remapped: false,
        podman: false,
        cores: 2_000,
        cgroup: "cgroup v2",
        memory: true,
        cpu: true,
        processes: true,
    };
}

#[cfg(test)]
mod tests {
    use spear_types::Cpu;

    use super::*;

    #[test]
    fn a_bound_that_the_engine_cannot_hold_is_not_named() {
        let info = SystemInfo {
            memory_limit: Some(true),
            pids_limit: Some(false),
            security_options: Some(vec!["name=seccomp,profile=default".to_owned(), "name=rootless".to_owned()]),
            ..Default::default()
        };
        let facts = Facts::of(&SystemVersion::default(), &info);
        assert!(facts.rootless && !facts.remapped);
        assert_eq!(facts.enforces(), [("memory", "cgroup v1"), ("open-files", "rlimit"), ("file-size", "rlimit")]);
        let bounds = Bounds { memory: 1, cpu: None, processes: 1, open_files: 1, file_size: 1 };
        assert!(facts.cover(&bounds).unwrap_err().reason.contains("processes"));
        let cpu = Bounds { cpu: Some(Cpu::from_millis(5)), ..bounds };
        assert_eq!(Facts::ROOTFUL.cover(&cpu), Ok(()));
        let facts = Facts { cpu: false, ..Facts::ROOTFUL };
        assert!(facts.cover(&bounds).is_ok() && facts.cover(&cpu).unwrap_err().reason.contains("cpu"));
    }
}
