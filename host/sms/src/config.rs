//! `[sms]`: what the SMS is told at start.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The deepest that an operator may let functions invoke each other: each that waits holds a slot.
pub(crate) const MAX_DEPTH: usize = 100;

/// Nodes that beat more often keep the SMS busy with nothing else.
const MIN_HEARTBEAT: Duration = Duration::from_millis(10);

/// The section `[sms]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the SMS's gRPC listens.
    pub listen: SocketAddr,
    /// Functions, versions, objects and tasks.
    pub data: PathBuf,
    /// What functions may be granted: a policy file; absent: everything that their manifests ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// How deep functions may invoke each other: a function that a client invokes is 1 deep.
    pub depth: usize,
    /// How often a node says that it lives.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// The tasks of a node that is silent for so long are others'. A node that ends is lost at once.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// The most tasks that have not ended.
    pub queue: usize,
    /// The most of one function.
    pub queue_per_function: usize,
    /// The most bytes of their calls.
    #[serde(with = "spear_types::size")]
    pub queue_bytes: u64,
    /// The most ended tasks that are kept: the oldest go first.
    pub keep: u64,
    /// How long ended tasks are kept.
    #[serde(with = "humantime_serde")]
    pub keep_for: Duration,
    /// The most tasks and calls whose logs are kept: the oldest go first.
    pub log_tasks: u64,
    /// The most bytes of logs that are kept.
    #[serde(with = "spear_types::size")]
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
            // A network that is away for 5 s has to cost nothing: with the heartbeat before, the wait before the next
            // connection and its making that is up to 10 s of silence, and a machine may be busy as well.
            lease: Duration::from_secs(15),
            queue: 1_000_000,
            queue_per_function: 200_000,
            queue_bytes: 1 << 30,
            keep: 1_000_000,
            keep_for: Duration::from_hours(7 * 24),
            log_tasks: 100_000,
            log_bytes: 1 << 30,
        }
    }
}

impl Config {
    /// Whether the values make sense together.
    ///
    /// # Errors
    /// [`Error::Config`] names the one that does not.
    pub fn check(&self) -> Result<(), Error> {
        if self.heartbeat < MIN_HEARTBEAT || self.lease <= self.heartbeat {
            let (heartbeat, lease) = (self.heartbeat, self.lease);
            let range = format!("at least {MIN_HEARTBEAT:?} and under lease = {lease:?}");
            return Err(Error::Config(format!("heartbeat = {heartbeat:?} has to be {range}")));
        }
        if self.keep_for.is_zero() {
            return Err(Error::Config("keep_for = 0s: nobody could read how a task ended".to_owned()));
        }
        if !(1..=MAX_DEPTH).contains(&self.depth) {
            return Err(Error::Config(format!("depth = {} has to be 1 to {MAX_DEPTH}", self.depth)));
        }
        let most = [
            ("queue", self.queue as u64),
            ("queue_per_function", self.queue_per_function as u64),
            ("queue_bytes", self.queue_bytes),
            // Who submits wants to read what came of it.
            ("keep", self.keep),
            ("log_tasks", self.log_tasks),
            ("log_bytes", self.log_bytes),
        ];
        match most.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(Error::Config(format!("{name} = 0 has to be at least 1"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_together_is_named() {
        assert!(Config::default().check().is_ok());
        let base = Config::default;
        let bad = [
            ("heartbeat", Config { heartbeat: Duration::ZERO, ..base() }),
            ("lease", Config { lease: base().heartbeat, ..base() }),
            ("depth", Config { depth: MAX_DEPTH + 1, ..base() }),
            ("queue_per_function", Config { queue_per_function: 0, ..base() }),
            ("queue_bytes", Config { queue_bytes: 0, ..base() }),
            ("keep", Config { keep: 0, ..base() }),
            ("keep_for", Config { keep_for: Duration::ZERO, ..base() }),
            ("log_tasks", Config { log_tasks: 0, ..base() }),
            ("log_bytes", Config { log_bytes: 0, ..base() }),
        ];
        for (name, config) in bad {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
