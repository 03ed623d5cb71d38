//! A node, as the SMS sees it.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{AgentInfo, Cpu, Labels, NodeName};

/// The most artifacts that a node names, and that are taken note of: which it holds only makes a placement better.
pub const MAX_ARTIFACTS: usize = 10_000;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The name.
    pub name: NodeName,
    /// Where its gRPC is reached.
    pub address: String,
    /// The version of its SPEAR.
    pub spear_version: String,
    /// What it has.
    pub capacity: Capacity,
    /// What of that the SMS has given away.
    pub reserved: Reserved,
    /// How busy its machine is.
    pub load: Load,
    /// Its labels.
    pub labels: Labels,
    /// What it runs implementations with.
    pub agents: Vec<AgentInfo>,
    /// How many artifacts it holds.
    pub artifacts: u32,
    /// Failures in a row, and how long it is avoided for them.
    pub penalty: Option<Penalty>,
    /// When the SMS last heard of it.
    pub last_heard: SystemTime,
    /// Whether its link is open.
    pub state: NodeState,
    /// Whether it is to take work.
    pub duty: Duty,
}

/// What a node has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// How many runs it takes at once.
    pub slots: u32,
    /// Cores.
    pub cpu: Cpu,
    /// Memory for runs, in bytes.
    pub memory: u64,
}

/// What of a node is given away, to tasks and to calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Runs that were sent to it.
    pub slots: u32,
    /// Cores.
    pub cpu: Cpu,
    /// Memory in bytes.
    pub memory: u64,
}

/// What a node says of itself with each heartbeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Runs under way.
    pub running: u32,
    /// Cores that its machine is busy with, over the last minute.
    pub cpu: Cpu,
    /// Memory of its machine that is in use, in bytes.
    pub memory: u64,
}

/// Why and how long a node is avoided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Penalty {
    /// Failures in a row.
    pub failures: u32,
    /// When it is tried again.
    pub until: SystemTime,
}

/// Whether a node can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// Its link is open.
    Live,
    /// Its link is gone, its lease is not over: it keeps its tasks and gets no new ones.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Its lease is over: its tasks are other nodes'.
    Lost {
        /// Why.
        reason: String,
    },
}

/// Whether a node is to take work: the operator's word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It takes work.
    #[default]
    Open,
    /// It finishes what it has.
    Cordoned,
    /// It finishes what it can until then; the rest moves.
    Draining {
        /// The deadline.
        until: SystemTime,
    },
    /// It was drained and has nothing left.
    Drained,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Disconnected { reason } => write!(f, "disconnected: {reason}"),
            Self::Lost { reason } => write!(f, "lost: {reason}"),
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Cordoned => "cordoned",
            Self::Draining { .. } => "draining",
            Self::Drained => "drained",
        })
    }
}
