//! `[sms]`: what the SMS is told at start.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The deepest that an operator may let functions invoke each other: each that waits holds a slot.
pub(crate) const MAX_DEPTH: usize = 100;

/// The section `[sms]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the SMS's gRPC listens.
    pub listen: SocketAddr,
    /// Functions, versions and objects.
    pub data: PathBuf,
    /// What functions may be granted: a policy file; absent: everything that their manifests ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// How deep functions may invoke each other: a function that a client invokes is 1 deep.
    pub depth: usize,
    /// How often a node says that it lives.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// A node that is silent for so long is lost. A node that dies is lost at once, with its connection.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// Logs of recent tasks that are kept in memory: how many tasks.
    pub log_tasks: usize,
    /// The same: how many bytes.
    pub log_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            data: PathBuf::from("spear-data/sms"),
            policy: None,
            depth: 8,
            heartbeat: Duration::from_secs(2),
            // Three heartbeats may be late before a node is given up.
            lease: Duration::from_secs(8),
            log_tasks: 1_000,
            log_bytes: 64 << 20,
        }
    }
}

impl Config {
    /// Whether the values make sense together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.heartbeat.is_zero() || self.lease <= self.heartbeat {
            let (heartbeat, lease) = (self.heartbeat, self.lease);
            return Err(Error::Config(format!("heartbeat {heartbeat:?} has to be over 0 and under lease {lease:?}")));
        }
        if !(1..=MAX_DEPTH).contains(&self.depth) {
            return Err(Error::Config(format!("depth = {} has to be 1 to {MAX_DEPTH}", self.depth)));
        }
        Ok(())
    }
}
