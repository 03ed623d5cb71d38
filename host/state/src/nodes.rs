//! Nodes: their links, what each has, and whether it is to take work.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use spear_placement::{Ask, Fleet, Link, NodeId};
use spear_types::{Code, Cpu, Duty, NodeName, NodeState, Refusal, Reserved, TaskId, Timestamp};

use crate::{Incarnation, tasks::Holder};

/// The most nodes that one refusal names.
const SHOWN: usize = 10;

/// All that is known of nodes.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Where there is room.
    pub(crate) fleet: Fleet,
    pub(crate) known: BTreeMap<NodeId, Node>,
    /// What nodes have that were remembered and have not come back.
    pub(crate) absent: BTreeMap<(NodeName, Incarnation), Absent>,
    /// The operator's word, where it is not `Open`; of nodes that are not there too.
    pub(crate) duties: BTreeMap<NodeName, Duty>,
    /// How many links there were.
    pub(crate) sessions: u64,
    /// Grows with each change of what nodes there are, from 1.
    pub(crate) generation: u64,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its program, as tasks know it.
    pub(crate) holder: Arc<Holder>,
    pub(crate) address: String,
    pub(crate) spear_version: String,
    pub(crate) presence: Presence,
    pub(crate) last_heard: Timestamp,
    /// When its lease is looked at.
    pub(crate) lease: Timestamp,
    /// The tasks that it has.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// What direct calls have of it.
    pub(crate) calls: Reserved,
}

/// Whether a node can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Its link is open.
    Live {
        /// The link.
        session: u64,
    },
    /// Its link is gone, its lease is not over.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Its lease is over.
    Lost {
        /// Why.
        reason: String,
        /// When it was.
        at: Timestamp,
        /// Whether it said so itself: its calls end as they end.
        left: bool,
    },
}

/// What a node has that was remembered and has not come back.
#[derive(Debug)]
pub(crate) struct Absent {
    pub(crate) holder: Arc<Holder>,
    pub(crate) tasks: BTreeSet<TaskId>,
}

impl Nodes {
    /// The node whose link this is.
    ///
    /// # Errors
    /// `Unreachable` where another link took its place, or the node was given up: what comes by it counts no more, and has
    /// to be said again on the next.
    pub(crate) fn linked(&mut self, node: NodeId, session: u64) -> Result<&mut Node, Refusal> {
        let link = Presence::Live { session };
        let linked = self.known.get_mut(&node).filter(|node| node.presence == link);
        linked.ok_or_else(|| Refusal::new(Code::Unreachable, format!("the link {session} is not this node's any more")))
    }

    /// The refusal of a name that no node has; names those there are.
    pub(crate) fn unknown(&self, name: &NodeName) -> Refusal {
        let names = self.known.values().map(|node| node.holder.node.as_str());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.truncate(SHOWN);
        Refusal::new(Code::UnknownNode, format!("no node is named {name}; known are: {}", names.join(", ")))
    }

    pub(crate) fn duty(&self, name: &NodeName) -> Duty {
        self.duties.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn is_live(&self, node: NodeId) -> bool {
        self.known.get(&node).is_some_and(|node| matches!(node.presence, Presence::Live { .. }))
    }

    /// A node has a task from now on, for which room was made.
    pub(crate) fn take(&mut self, node: NodeId, task: TaskId) -> Option<Arc<Holder>> {
        let node = self.known.get_mut(&node)?;
        node.tasks.insert(task);
        Some(Arc::clone(&node.holder))
    }

    /// A node has a task no longer, nor what that asked.
    pub(crate) fn give_back(&mut self, holder: &Holder, task: TaskId, ask: Option<&Ask>) {
        let Some(id) = holder.id else {
            let key = (holder.node.clone(), holder.incarnation);
            if let Some(absent) = self.absent.get_mut(&key) {
                absent.tasks.remove(&task);
            }
            return;
        };
        if self.known.get_mut(&id).is_some_and(|node| node.tasks.remove(&task)) {
            ask.into_iter().for_each(|ask| self.fleet.release(id, ask));
        }
    }

    /// Whether a node could take anything now.
    pub(crate) fn has_slots(&self, node: NodeId) -> bool {
        let slots = self.fleet.spec(node).map_or(0, |spec| spec.capacity.slots);
        self.is_live(node) && self.fleet.reserved(node).slots < slots
    }

    pub(crate) fn set_link(&mut self, node: NodeId, link: Link) {
        self.fleet.set_link(node, link);
    }
}

impl Node {
    pub(crate) fn state(&self) -> NodeState {
        match &self.presence {
            Presence::Live { .. } => NodeState::Live,
            Presence::Disconnected { reason } => NodeState::Disconnected { reason: reason.clone() },
            Presence::Lost { reason, .. } => NodeState::Lost { reason: reason.clone() },
        }
    }

    /// Whether it has neither tasks nor calls.
    pub(crate) fn is_vacant(&self) -> bool {
        self.tasks.is_empty() && self.calls.slots == 0
    }

    /// A direct call takes, or gives back, what it asks.
    pub(crate) fn count_call(&mut self, ask: &Ask, taken: bool) {
        let Reserved { slots, cpu, memory } = self.calls;
        let (asked_cpu, asked_memory) = (ask.resources.cpu.as_millis(), ask.resources.memory);
        self.calls = if taken {
            let cpu = Cpu::from_millis(cpu.as_millis().saturating_add(asked_cpu));
            Reserved { slots: slots + 1, cpu, memory: memory.saturating_add(asked_memory) }
        } else {
            let cpu = Cpu::from_millis(cpu.as_millis().saturating_sub(asked_cpu));
            Reserved { slots: slots.saturating_sub(1), cpu, memory: memory.saturating_sub(asked_memory) }
        };
    }
}
