//! `[spearlet]`: what a node is told at start.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use spear_types::{
    AgentKind, Capacity, Code, Cpu, Digest, FolderName, LabelName, Labels, MAX_LABELS, NodeName, Refusal,
};

use crate::{Error, machine::capacity, user::ProcessUser};

/// Who tries to reach an SMS more often than that does nothing else.
const MIN_RECONNECT: Duration = Duration::from_millis(10);

/// The label that is the node's name: nobody sets it.
const NODE: &str = "node";

/// The section `[spearlet]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the node's gRPC listens.
    pub listen: SocketAddr,
    /// The SMS it belongs to: an `http://` URL.
    pub sms: String,
    /// The node's name; absent: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<NodeName>,
    /// The URL that the SMS reaches the node at; absent: `http://` and the address it listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// Artifacts and compiled code.
    pub data: PathBuf,
    /// Runs at once. Each reserves 16 GiB of address space, and memory only as it is used.
    pub slots: u32,
    /// Cores that the node has for runs, as in `3.5`; absent: those of the machine that this process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory that the node has for runs, as in `"4GiB"`; absent: that of the machine, or of the process's control group
    /// where that is less, without a reserve for everything else.
    #[serde(with = "spear_types::size::optional", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// What runs functions on this node: `wasm`, `docker`, `process`. Programs are held to their limits by the machine, and a
    /// process may read what the node's own user may: absent, components alone.
    pub agents: BTreeSet<AgentKind>,
    /// The user that processes become on a node that is root, as `UID:GID`; absent: 65534:65534, who owns nothing. Another
    /// node's processes are of its own user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_user: Option<ProcessUser>,
    /// Where the Docker engine is reached; absent: `DOCKER_HOST`, else the usual sockets of Docker and Podman.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<String>,
    /// The program, and its first arguments, that becomes a function's process: this one.
    #[serde(skip)]
    pub launcher: Vec<OsString>,
    /// Folders that processes are not to see, beside those that are named here.
    #[serde(skip)]
    pub hidden: Vec<PathBuf>,
    /// Threads that guests run on; absent: one for each core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// A folder with a file for each secret that functions may be granted; absent: environment variables alone,
    /// `SPEAR_SECRET_` and the name in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<PathBuf>,
    /// What functions may be granted on this node: a policy file; absent: everything that the SMS allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// The longest wait between two attempts to reach the SMS.
    #[serde(with = "humantime_serde")]
    pub reconnect: Duration,
    /// A PEM file with authorities that functions' HTTPS requests trust, beside the usual ones of the Web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// `[spearlet.files]`: the folders of this node that functions may be granted, by the names that grants have for
    /// them: `assets = "/srv/assets"`. Opened when a version first runs; what the path names later does not matter to it.
    pub files: BTreeMap<FolderName, PathBuf>,
    /// `[spearlet.labels]`: what functions may choose nodes by: `zone = "a"`. Beside them are `arch` and `os`, as this
    /// machine has them, unless they are set; and `node`, the node's name, which cannot be.
    pub labels: Labels,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50052)),
            sms: "http://127.0.0.1:50051".to_owned(),
            name: None,
            advertise: None,
            data: PathBuf::from("spear-data/spearlet"),
            slots: 256,
            cpu: None,
            memory: None,
            agents: BTreeSet::from([AgentKind::Wasm]),
            process_user: None,
            docker: None,
            launcher: Vec::new(),
            hidden: Vec::new(),
            threads: None,
            secrets: None,
            policy: None,
            // An SMS that comes back finds its nodes within the time a person waits.
            reconnect: Duration::from_secs(2),
            ca: None,
            files: BTreeMap::new(),
            labels: Labels::new(),
        }
    }
}

impl Config {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Labels`] name the one that does not.
    pub fn check(&self) -> Result<(), Error> {
        let nothing = [
            ("slots", self.slots == 0),
            ("cpu", self.cpu.is_some_and(|cpu| cpu.as_millis() == 0)),
            ("memory", self.memory == Some(0)),
            ("threads", self.threads == Some(0)),
        ];
        if let Some((name, _)) = nothing.iter().find(|(_, nothing)| *nothing) {
            return Err(Error::Config(format!("{name} = 0: a node that has none of it runs nothing")));
        }
        if self.agents.is_empty() {
            return Err(Error::Config("agents = []: a node without agents runs nothing".to_owned()));
        }
        if self.process_user.is_some() && !geteuid().is_root() {
            return Err(Error::Config(
                "process_user: only a node that is root can run processes as another user".to_owned(),
            ));
        }
        if self.reconnect < MIN_RECONNECT {
            let reconnect = self.reconnect;
            return Err(Error::Config(format!("reconnect = {reconnect:?} has to be at least {MIN_RECONNECT:?}")));
        }
        self.labels().map(drop).map_err(Error::Labels)
    }

    /// The same with what is found where nothing was said.
    #[must_use]
    pub fn in_force(&self) -> Self {
        let Capacity { slots, cpu, memory } = capacity(self);
        Self {
            name: Some(self.node_name()),
            slots,
            cpu: Some(cpu),
            memory: Some(memory),
            threads: Some(self.threads()),
            labels: self.labels().unwrap_or_else(|_| self.labels.clone()),
            ..self.clone()
        }
    }

    /// The name in force: the configured one, else the machine's, else `node`.
    #[must_use]
    pub fn node_name(&self) -> NodeName {
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.name.clone().or_else(|| host().try_into().ok()).unwrap_or_else(NodeName::fallback)
    }

    /// Where the folders of programs' runs are.
    pub(crate) fn runs(&self) -> PathBuf {
        absolute(&self.data).join("runs")
    }

    /// The user in force for processes; none: the node's own.
    pub(crate) fn user_of_processes(&self) -> Option<(u32, u32)> {
        let ProcessUser { uid, gid } = self.process_user.unwrap_or(ProcessUser::NOBODY);
        geteuid().is_root().then_some((uid, gid))
    }

    /// What processes are not to see: the node's data and secrets, and the socket of the container engine, through which
    /// they had the machine.
    pub(crate) fn hidden_from_processes(&self) -> Vec<PathBuf> {
        let engine = self.docker.as_deref().and_then(|url| url.strip_prefix("unix://")).map(PathBuf::from);
        let named = [Some(&self.data), self.secrets.as_ref(), engine.as_ref()];
        self.hidden.iter().chain(named.into_iter().flatten()).map(|path| absolute(path)).collect()
    }

    /// What the names of this node's sandboxes begin with: of the folder of its data, so that what an earlier program of it
    /// left is found, and nothing of another node on this machine.
    pub(crate) fn prefix(&self) -> String {
        let folder = absolute(&self.data);
        format!("spear-{}", &Digest::of(folder.as_os_str().as_encoded_bytes()).to_string()[..12])
    }

    /// The threads in force.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
    }

    /// The labels in force.
    ///
    /// # Errors
    /// When `node` is set, or when they are too many.
    pub fn labels(&self) -> Result<Labels, Refusal> {
        let invalid = |message: String| Refusal::new(Code::InvalidRequest, message);
        if self.labels.keys().any(|label| label.as_str() == NODE) {
            return Err(invalid(format!("{NODE} is the node's name: set [spearlet] name")));
        }
        let name = |text: &str| LabelName::try_from(text.to_owned());
        let of_machine = [("arch", env::consts::ARCH), ("os", env::consts::OS)];
        let mut labels: Labels = of_machine
            .into_iter()
            .map(|(label, value)| Ok((name(label)?, value.to_owned().try_into()?)))
            .collect::<Result<_, Refusal>>()?;
        labels.extend(self.labels.clone());
        if labels.len() > MAX_LABELS {
            return Err(invalid(format!("{} labels are over the limit of {MAX_LABELS}", labels.len())));
        }
        Ok(labels)
    }

    /// The URL in force for an address that was bound.
    #[must_use]
    pub fn advertised(&self, bound: SocketAddr) -> String {
        self.advertise.clone().unwrap_or_else(|| format!("http://{bound}"))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_labels(labels: impl Iterator<Item = (String, String)>) -> Config {
        let labels = labels.map(|(label, value)| (label.try_into().unwrap(), value.try_into().unwrap())).collect();
        Config { labels, ..Config::default() }
    }

    fn labels(config: &Config) -> Vec<String> {
        config.labels().unwrap().iter().map(|(label, value)| format!("{label}={value}")).collect()
    }

    #[test]
    fn a_node_has_the_labels_of_its_machine_unless_they_are_set() {
        let (arch, os) = (env::consts::ARCH, env::consts::OS);
        assert_eq!(labels(&Config::default()), [format!("arch={arch}"), format!("os={os}")]);
        let set = [("os", "mine"), ("zone", "a")].map(|(label, value)| (label.to_owned(), value.to_owned()));
        assert_eq!(labels(&with_labels(set.into_iter())), [format!("arch={arch}"), "os=mine".into(), "zone=a".into()]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        assert!(Config::default().check().is_ok() && Config::default().in_force().check().is_ok());
        let base = Config::default;
        let bad = [
            ("slots", Config { slots: 0, ..base() }),
            ("cpu", Config { cpu: Some(Cpu::from_millis(0)), ..base() }),
            ("memory", Config { memory: Some(0), ..base() }),
            ("threads", Config { threads: Some(0), ..base() }),
            ("reconnect", Config { reconnect: Duration::ZERO, ..base() }),
        ];
        for (name, config) in bad {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(&format!("[spearlet] {name} = 0")), "{error}");
        }
    }

    #[test]
    fn the_nodes_name_is_no_label_to_set_and_labels_are_bounded() {
        let node = with_labels([("node".to_owned(), "other".to_owned())].into_iter());
        assert!(node.labels().unwrap_err().message.contains("[spearlet] name"));
        let many = |count: usize| with_labels((0..count).map(|number| (format!("l{number}"), "x".to_owned())));
        assert!(many(MAX_LABELS - 2).labels().is_ok());
        assert!(many(MAX_LABELS - 1).labels().unwrap_err().message.contains("limit of 64"));
    }
}
