//! What changes the state, and what comes of it.

use std::{sync::Arc, time::Duration};

use spear_placement::{Ask, NodeId, NodeSpec};
use spear_types::{
    AgentInfo, AttemptId, Call, Digest, Duty, FunctionName, FunctionVersion, Load, LogLine, NodeName, Refusal,
    ScheduleInfo, ScheduleName, TaskId, TaskInfo, TaskOptions, TaskResult, Timestamp,
};

use crate::{Change, Incarnation, KeyHash, ScheduleRecord};

/// What somebody wants.
#[derive(Debug, Clone)]
pub enum Command {
    /// Accept tasks: all or none. → [`Answer::Submitted`]
    Submit(Vec<Submission>),
    /// Cancel a task. → [`Answer::Task`]
    Cancel(TaskId),
    /// A node opened a link. → [`Answer::Joined`]; effects tell the node what it has to have and what not.
    Join(Joining),
    /// A node beat.
    Heard {
        /// Which.
        node: NodeId,
        /// The link it came by.
        session: u64,
        /// How busy it is.
        load: Load,
        /// Artifacts that it holds since.
        artifacts: Vec<Digest>,
        /// Whether it stops: it gets nothing new by this link.
        stopping: bool,
        /// What can run something there now, where that has changed.
        agents: Option<Vec<AgentInfo>>,
    },
    /// A node's link broke.
    Disconnected {
        /// Which.
        node: NodeId,
        /// The link.
        session: u64,
        /// Why.
        reason: String,
    },
    /// A node stops and has nothing left.
    Left {
        /// Which.
        node: NodeId,
        /// The link.
        session: u64,
    },
    /// Something happened to an attempt. A refusal `StaleAttempt` is no reason to say it again.
    Report(Report),
    /// Whether a node takes work. → [`Answer::Done`]
    SetDuty {
        /// Which.
        node: NodeName,
        /// `Open`, `Cordoned` or `Draining`.
        duty: Duty,
    },
    /// Find room for a call that is not remembered. → [`Answer::Placed`]
    Place {
        /// What it asks.
        ask: Arc<Ask>,
        /// Nodes that refused it.
        excluded: Vec<NodeId>,
    },
    /// Such a call is over.
    Release {
        /// The node it was on.
        node: NodeId,
        /// What it asked.
        ask: Arc<Ask>,
        /// What came of it.
        end: CallEnd,
    },
    /// Make a schedule. → [`Answer::Schedule`]
    Schedule(ScheduleRecord, Arc<FunctionVersion>),
    /// Remove one.
    Unschedule(ScheduleName),
    /// A function has a new newest version: schedules run that.
    FunctionDeployed(Arc<FunctionVersion>),
    /// A function is gone: its queued tasks and its schedules end.
    FunctionRemoved(FunctionName),
    /// Ended tasks are kept no longer, nor their keys.
    Forget(Vec<(TaskId, Option<KeyHash>)>),
    /// The clock was set forward by so much.
    Skipped(Duration),
    /// Time passed.
    Tick,
}

/// What came of a call that is not remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// The node ran it to its end, whatever that was: it works.
    Ran,
    /// The node did not start it, or nobody knows.
    Unstarted,
    /// The node could not be reached at its address.
    Unreachable,
}

/// A task to accept.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Its id, made by who asks: the state makes nothing up.
    pub id: TaskId,
    /// What it runs.
    pub function: Arc<FunctionVersion>,
    /// What is called.
    pub call: Call,
    /// How.
    pub options: TaskOptions,
    /// Made of the function's name, `options.key` and the call.
    pub key: Option<KeyHash>,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// The task.
    pub task: TaskId,
    /// Whether it is an earlier submission's.
    pub existing: bool,
}

/// A node that opens a link.
#[derive(Debug, Clone)]
pub struct Joining {
    /// What it says of itself.
    pub spec: NodeSpec,
    /// Where its gRPC is reached.
    pub address: String,
    /// The version of its SPEAR.
    pub spear_version: String,
    /// The run of its program.
    pub incarnation: Incarnation,
    /// The attempts that it has.
    pub held: Vec<AttemptId>,
}

/// Something happened to an attempt.
#[derive(Debug, Clone)]
pub struct Report {
    /// The node that says so.
    pub node: NodeId,
    /// The link it came by.
    pub session: u64,
    /// Which attempt.
    pub attempt: AttemptId,
    /// What.
    pub kind: ReportKind,
}

/// See [`Report`].
#[derive(Debug, Clone)]
pub enum ReportKind {
    /// It runs.
    Started,
    /// It wrote lines.
    Logged {
        /// The number of the first, from 1.
        first: u64,
        /// The lines.
        lines: Vec<LogLine>,
    },
    /// It ended.
    Ended {
        /// How.
        result: TaskResult,
        /// Lines that the log limit dropped.
        log_dropped: u64,
    },
    /// The node did not start it.
    Returned(Refusal),
}

/// The answer to a command.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It was done.
    Done,
    /// To [`Command::Submit`], in its order.
    Submitted(Vec<Submitted>),
    /// A task as it is now.
    Task(TaskInfo),
    /// To [`Command::Join`]: the node's number, and that of its link.
    Joined(NodeId, u64),
    /// To [`Command::Place`].
    Placed(NodeId),
    /// A schedule as it is now.
    Schedule(ScheduleInfo),
}

/// What a command leads to outside of the state: to be done once its changes are remembered, in their order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Tell the node to run an attempt.
    Assign {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: AttemptId,
        /// What it runs.
        function: Arc<FunctionVersion>,
        /// W3C trace context.
        trace_parent: Option<String>,
        /// When it has to have ended.
        deadline: Option<Timestamp>,
    },
    /// Tell the node to stop an attempt, or not to start it.
    Cancel {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Close a node's link: another one took its place.
    Close {
        /// The node.
        node: NodeId,
        /// The link.
        session: u64,
    },
    /// Tell who watches.
    Changed(TaskInfo),
    /// Tell who follows the task's log that there are new lines.
    Logged(TaskId),
}

impl Submission {
    /// A task to accept. Hashes the call where there is a key: not to be done under a lock.
    #[must_use]
    pub fn new(id: TaskId, function: Arc<FunctionVersion>, call: Call, options: TaskOptions) -> Self {
        let key = options.key.as_ref().map(|key| KeyHash::of(&function.name, key, &call));
        Self { id, function, call, options, key }
    }
}

/// What came of commands, in their order.
#[derive(Debug, Default)]
pub struct Out {
    /// To be remembered.
    pub changes: Vec<Change>,
    /// To be done then.
    pub effects: Vec<Effect>,
}
