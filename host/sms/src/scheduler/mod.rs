//! Decides what runs where and sees it through.

mod callers;
mod placement;

use std::{sync::Arc, time::Duration};

use spear_proto::v1;
use spear_types::{
    Call, Code, FunctionName, FunctionVersion, GrantPolicy, LogLine, NodeName, Outcome, Refusal, TaskId, Usage,
};
use spear_wire::{Decode, Encode, from_status, required};

pub(crate) use self::placement::{Candidate, place};
use crate::{
    logs::{Logs, TaskLog},
    nodes::{InFlight, Nodes},
};

/// How long a node may take beyond the run's own time-out: to fetch and compile what it sees for the first time.
const NODE_SLACK: Duration = Duration::from_secs(60);

/// Runs calls on nodes; a cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    nodes: Nodes,
    logs: Logs,
    depth: usize,
    grants: Arc<GrantPolicy>,
}

/// A call that is to run now.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) function: FunctionVersion,
    pub(crate) call: Call,
    /// The functions that wait for it, outermost first.
    pub(crate) callers: Vec<FunctionName>,
    pub(crate) trace_parent: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) task: TaskId,
    pub(crate) node: NodeName,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Usage,
}

impl Scheduler {
    pub(crate) fn new(nodes: Nodes, logs: Logs, depth: usize, grants: Arc<GrantPolicy>) -> Self {
        Self { nodes, logs, depth, grants }
    }

    /// Runs a call on a live node and waits for its end.
    ///
    /// # Errors
    /// `TooLarge`, `NoNodeFits` and `QueueFull` before anything ran, `NodeLost` when the node went away under the call,
    /// and what the node itself refused.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Invoked, Refusal> {
        let Invocation { mut function, call, callers, trace_parent } = invocation;
        // The policy may be narrower now than when the version was made.
        function.grants = function.grants.limited(&self.grants, &function.name);
        callers::check(&callers, &function.name, self.depth)?;
        call.within(&function.limits)?;
        let task = TaskId::generate();
        let mut node = self.nodes.take(place)?;
        let run = run_request(task, &function, call, callers, trace_parent);
        let response = self.run(&mut node, &function, run).await?;
        let v1::RunResponse { outcome, usage, log, log_dropped } = response;
        let lines = log.into_iter().map(LogLine::decode).collect::<Result<_, _>>()?;
        let name = node.name().clone();
        let FunctionVersion { name: function, version, .. } = function;
        self.logs.add(TaskLog { task, function, version, node: name.clone(), lines, dropped: log_dropped });
        let outcome = Outcome::decode(required(outcome, "outcome")?)?;
        let usage = Usage::decode(required(usage, "usage")?)?;
        Ok(Invoked { task, node: name, outcome, usage })
    }

    async fn run(
        &self,
        node: &mut InFlight,
        function: &FunctionVersion,
        run: v1::RunRequest,
    ) -> Result<v1::RunResponse, Refusal> {
        let mut request = tonic::Request::new(run);
        request.set_timeout(function.limits.timeout.saturating_add(NODE_SLACK));
        match node.client.run(request).await.map_err(from_status) {
            Ok(response) => Ok(response.into_inner()),
            Err(refusal) => Err(explain(refusal, node)),
        }
    }
}

/// A node that refuses says why itself; of one that is gone its link knows more than the broken call.
fn explain(refusal: Refusal, node: &InFlight) -> Refusal {
    if refusal.code != Code::Unreachable {
        return refusal;
    }
    let reason = node.lost().unwrap_or(refusal.message);
    Refusal::new(Code::NodeLost, format!("the node {} was lost while it had the call: {reason}", node.name()))
        .help("the function may have run: call again only if that does no harm")
}

fn run_request(
    task: TaskId,
    function: &FunctionVersion,
    call: Call,
    callers: Vec<FunctionName>,
    trace_parent: Option<String>,
) -> v1::RunRequest {
    v1::RunRequest {
        task: task.to_string(),
        attempt: 1,
        function: function.name.to_string(),
        version: function.version,
        digest: function.digest.to_string(),
        limits: Some(function.limits.clone().encode()),
        grants: Some(function.grants.clone().encode()),
        call: Some(call.encode()),
        trace_parent,
        settings: function.settings.clone().encode(),
        callers: callers.into_iter().map(Into::into).collect(),
    }
}
