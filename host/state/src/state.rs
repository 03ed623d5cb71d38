//! The state.

use std::{sync::Arc, time::Duration};

use spear_placement::{Decision, NodeId};
use spear_types::{
    Code, FunctionName, FunctionVersion, NodeInfo, NodeName, Refusal, ScheduleInfo, TaskId, TaskInfo, Timestamp,
};

use crate::{Answer, Command, Out, Page, Remembered};

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// The most tasks that have not ended.
    pub queue: usize,
    /// The most of one function.
    pub queue_per_function: usize,
    /// The most bytes of their calls.
    pub queue_bytes: u64,
    /// How long a node may be silent.
    pub lease: Duration,
    /// How long a lost node is still shown.
    pub forget_nodes_after: Duration,
}

/// How many tasks are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They wait.
    pub queued: usize,
    /// A node was chosen.
    pub assigned: usize,
    /// They run.
    pub running: usize,
    /// They have ended and are kept.
    pub ended: u64,
}

/// All that the SMS knows of tasks and nodes.
#[derive(Debug)]
pub struct State {}

impl State {
    /// The state after a restart. `functions` are the versions of the remembered tasks, and the newest ones of the
    /// schedules' functions; a queued task whose version is not among them ends as refused.
    #[must_use]
    pub fn restore(
        _config: Config,
        _remembered: Remembered,
        _functions: Vec<Arc<FunctionVersion>>,
        _now: Timestamp,
        _out: &mut Out,
    ) -> Self {
        Self {}
    }

    /// Does what somebody wants, or refuses and changes nothing. Then tasks that wait get the room that there is.
    ///
    /// # Errors
    /// The refusal.
    pub fn apply(&mut self, _command: Command, _now: Timestamp, _out: &mut Out) -> Result<Answer, Refusal> {
        Err(Refusal::new(Code::Internal, "unimplemented"))
    }

    /// When time has to pass next: the state wants a [`Command::Tick`] then.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        None
    }

    /// A task that has not ended.
    #[must_use]
    pub fn task(&self, _task: TaskId) -> Option<TaskInfo> {
        None
    }

    /// Tasks that have not ended, newest first, before `before`, at most `limit` of those that `wanted` takes. A page may
    /// be short, so that none takes long.
    pub fn tasks(&self, _before: Option<TaskId>, _limit: usize, _wanted: impl Fn(&TaskInfo) -> bool) -> Page {
        Page::default()
    }

    /// The last decision about a task: of one that waits, what it would be now; of the last 10,000 that were placed, what
    /// it was.
    #[must_use]
    pub fn decision(&self, _task: TaskId, _now: Timestamp) -> Option<Decision> {
        None
    }

    /// Every node, by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        Vec::new()
    }

    /// One node.
    ///
    /// # Errors
    /// `UnknownNode` names those there are.
    pub fn node(&self, _name: &NodeName) -> Result<NodeInfo, Refusal> {
        Err(Refusal::new(Code::UnknownNode, "unimplemented"))
    }

    /// A node's name.
    #[must_use]
    pub fn node_name(&self, _node: NodeId) -> Option<&NodeName> {
        None
    }

    /// The schedules, by name.
    #[must_use]
    pub fn schedules(&self) -> Vec<ScheduleInfo> {
        Vec::new()
    }

    /// How many tasks are where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// How many tasks of a function have not ended.
    #[must_use]
    pub fn count_of(&self, _function: &FunctionName) -> usize {
        0
    }
}
