//! `[spearlet]`: what a node is told at start.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, thread, time::Duration};

use serde::{Deserialize, Serialize};
use spear_types::{FolderName, NodeName};

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
            threads: None,
            secrets: None,
            policy: None,
            // An SMS that comes back finds its nodes within the time a person waits.
            reconnect: Duration::from_secs(2),
            ca: None,
            files: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The name in force: the configured one, else the machine's, else `node`.
    #[must_use]
    pub fn node_name(&self) -> NodeName {
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.name.clone().or_else(|| host().try_into().ok()).unwrap_or_else(NodeName::fallback)
    }

    /// The threads in force.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
    }

    /// The URL in force for an address that was bound.
    #[must_use]
    pub fn advertised(&self, bound: SocketAddr) -> String {
        self.advertise.clone().unwrap_or_else(|| format!("http://{bound}"))
    }
}
