//! A node, as the SMS sees it.

use std::{fmt, time::SystemTime};

use crate::NodeName;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The name.
    pub name: NodeName,
    /// Where its gRPC is reached.
    pub address: String,
    /// How many runs it takes at once.
    pub slots: u32,
    /// How many are under way.
    pub running: u32,
    /// The version of its SPEAR.
    pub spear_version: String,
    /// When the SMS last heard of it.
    pub last_heard: SystemTime,
    /// Whether it takes runs.
    pub state: NodeState,
}

/// Whether a node takes runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// Its link is open.
    Live,
    /// Its link is gone.
    Lost {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Lost { reason } => write!(f, "lost: {reason}"),
        }
    }
}
