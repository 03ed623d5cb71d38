//! Calls that are answered now and remembered by nobody: placed from memory, run on a node, over.
//!
//! ```text
//! Invocation ─▶ checks ─▶ Place ─▶ the node's gRPC ─┬▶ outcome, usage, log
//!                           ▲                       │
//!                           └── without that node ◀─┘ it did not start it: up to three nodes
//! ```

mod callers;
mod seat;

use std::{error::Error, time::Duration};

use spear_placement::NodeId;
use spear_proto::v1;
use spear_state::{CallEnd, Change};
use spear_types::{
    AttemptId, Call, Code, FunctionName, FunctionVersion, LogLine, NodeName, Outcome, Ran, Refusal, TaskId, Usage,
};
use spear_wire::{Decode as _, Encode as _, from_status, required};

use self::seat::Seat;
use crate::{functions::Runnable, logs::Logs, nodes::Links, scheduler::Scheduler};

/// How long a node may take beyond the run's own time-out: to fetch and compile what it sees for the first time.
const NODE_SLACK: Duration = Duration::from_secs(60);

/// How many nodes one call is offered to.
const MAX_OFFERS: usize = 3;

/// Runs calls on nodes; a cheap clone.
#[derive(Clone)]
pub(crate) struct Direct {
    scheduler: Scheduler,
    links: Links,
    logs: Logs,
    depth: usize,
}

/// A call that is to run now.
pub(crate) struct Invocation {
    pub(crate) runnable: Runnable,
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
    pub(crate) ran: Option<Ran>,
}

/// Why a node did not answer.
enum Refused {
    /// It did not start the call: another one may.
    Unstarted(Refusal),
    /// It may have run it, or nobody would.
    Final(Refusal),
}

impl Direct {
    pub(crate) fn new(scheduler: Scheduler, links: Links, logs: Logs, depth: usize) -> Self {
        Self { scheduler, links, logs, depth }
    }

    /// Runs a call on a node and waits for its end.
    ///
    /// # Errors
    /// `TooLarge`, `NoNodeFits` and `QueueFull` before anything ran, `NodeLost` when the node went away under the call,
    /// and what the node itself refused.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Invoked, Refusal> {
        let function = &invocation.runnable.function;
        callers::check(&invocation.callers, &function.name, self.depth)?;
        invocation.call.within(&function.limits)?;
        let task = TaskId::generate();
        let mut refused_by: Vec<NodeId> = Vec::new();
        let mut last = None;
        while refused_by.len() < MAX_OFFERS {
            // Where no other node has room, what the last one said is nearer to the truth.
            let seat = Seat::take(&self.scheduler, &invocation.runnable.ask, &refused_by);
            let mut seat = seat.map_err(|refusal| last.take().unwrap_or(refusal))?;
            match self.offer(&mut seat, task, &invocation).await {
                Ok(response) => {
                    seat.end = CallEnd::Ran;
                    return self.answered(&seat, task, function, response);
                }
                Err(Refused::Final(refusal)) => return Err(refusal),
                Err(Refused::Unstarted(refusal)) => last = Some(refusal),
            }
            refused_by.push(seat.node);
        }
        Err(last.unwrap_or_else(|| Refusal::new(Code::Internal, "the call was offered to no node")))
    }

    /// Has one node run it.
    async fn offer(&self, seat: &mut Seat, task: TaskId, of: &Invocation) -> Result<v1::RunResponse, Refused> {
        let Some(mut client) = self.links.client(seat.node) else {
            return Err(Refused::Unstarted(seat.unreachable("its link is gone")));
        };
        let mut request = tonic::Request::new(run_request(task, of));
        request.set_timeout(of.runnable.function.limits.timeout.saturating_add(NODE_SLACK));
        let answer = tokio::select! {
            biased;
            answer = client.run(request) => answer,
            reason = seat.until_lost() => return Err(Refused::Final(seat.lost_with(&reason))),
        };
        answer.map(tonic::Response::into_inner).map_err(|status| {
            let connected = !never_connected(&status);
            explained(seat, from_status(status), connected)
        })
    }

    fn answered(
        &self,
        seat: &Seat,
        task: TaskId,
        function: &FunctionVersion,
        response: v1::RunResponse,
    ) -> Result<Invoked, Refusal> {
        let v1::RunResponse { outcome, usage, log, log_dropped: dropped, ran } = response;
        let lines = log.into_iter().map(LogLine::decode).collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() && dropped == 0 {
            self.logs.wrote_nothing(task);
        } else {
            let attempt = AttemptId { task, attempt: 1 };
            let (node, version) = (seat.name.clone(), function.version);
            let function = function.name.clone();
            self.scheduler.log(Change::Logged { attempt, function, version, node, first: 1, lines, dropped });
        }
        let outcome = Outcome::decode(required(outcome, "outcome")?)?;
        let usage = Usage::decode(required(usage, "usage")?)?;
        let ran = ran.map(Ran::decode).transpose()?;
        Ok(Invoked { task, node: seat.name.clone(), outcome, usage, ran })
    }
}

/// A node that refuses says why itself; of one that is gone its link knows more than the broken call.
fn explained(seat: &mut Seat, refusal: Refusal, connected: bool) -> Refused {
    match refusal.code {
        Code::QueueFull | Code::Draining => Refused::Unstarted(refusal),
        Code::Unreachable if !connected => {
            seat.end = CallEnd::Unreachable;
            Refused::Unstarted(seat.unreachable(&refusal.message))
        }
        Code::Unreachable => {
            let reason = seat.lost().unwrap_or(refusal.message);
            Refused::Final(seat.lost_with(&reason))
        }
        _ => Refused::Final(refusal),
    }
}

/// Whether the node's address did not even answer: then it has seen nothing of the call.
fn never_connected(status: &tonic::Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn run_request(task: TaskId, invocation: &Invocation) -> v1::RunRequest {
    let Invocation { runnable: Runnable { function, ask: _ }, call, callers, trace_parent } = invocation;
    v1::RunRequest {
        task: task.to_string(),
        attempt: 1,
        function: function.name.to_string(),
        version: function.version,
        implementations: function.implementations.clone().encode(),
        limits: Some(function.limits.clone().encode()),
        grants: Some(function.grants.clone().encode()),
        call: Some(call.clone().encode()),
        trace_parent: trace_parent.clone(),
        settings: function.settings.clone().encode(),
        callers: callers.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spear_placement::Ask;
    use spear_types::{FunctionVersion, Payload};

    use super::*;
    use crate::testing::{Middle, function};

    fn runnable() -> Runnable {
        let function: Arc<FunctionVersion> = function("f");
        Runnable { ask: Arc::new(Ask::of(&function)), function }
    }

    fn reserved(middle: &Middle) -> u32 {
        middle.scheduler.read(|state| state.nodes().iter().map(|node| node.reserved.slots).sum())
    }

    #[tokio::test]
    async fn room_is_taken_for_as_long_as_somebody_has_the_seat() {
        let middle = Middle::new();
        middle.join("one", 1).await;
        let ask = runnable().ask;
        let seat = Seat::take(&middle.scheduler, &ask, &[]).unwrap();
        assert_eq!((seat.name.as_str(), reserved(&middle)), ("one", 1));
        let full = Seat::take(&middle.scheduler, &ask, &[]).map(drop).unwrap_err();
        assert_eq!(full.code, Code::QueueFull, "{full}");
        drop(seat);
        assert_eq!(reserved(&middle), 0);
        assert!(Seat::take(&middle.scheduler, &ask, &[]).is_ok());
    }

    #[tokio::test]
    async fn the_room_of_a_call_is_a_tasks_once_the_call_is_over() {
        let middle = Middle::new();
        middle.join("one", 1).await;
        let seat = Seat::take(&middle.scheduler, &runnable().ask, &[]).unwrap();
        let task = middle.submit(&function("f"), 1).await[0];
        let state = || middle.scheduler.read(|state| state.task(task).unwrap().state.name());
        assert_eq!(state(), "queued");
        drop(seat);
        assert_eq!((state(), middle.assigned().await.task), ("assigned", task));
    }

    #[tokio::test]
    async fn a_call_is_offered_to_three_nodes_that_do_not_start_it_and_leaves_no_trace() {
        let middle = Middle::new();
        // Of equals the first by name is chosen.
        for name in ["a", "b", "c", "d", "e"] {
            middle.join(name, 1).await;
        }
        // None of them has a link to be reached by.
        let direct = Direct::new(
            middle.scheduler.clone(),
            Links::default(),
            Logs::new(Arc::new(spear_state::MemoryJournal::default())),
            8,
        );
        let call = Payload::default().into();
        let call = Invocation { runnable: runnable(), call, callers: Vec::new(), trace_parent: None };
        let refusal = direct.invoke(call).await.unwrap_err();
        assert_eq!(refusal.code, Code::Unreachable, "{refusal}");
        assert!(refusal.message.contains("the node c cannot be reached"), "the third was the last: {refusal}");
        assert_eq!(reserved(&middle), 0);
        assert_eq!(middle.scheduler.read(|state| state.tasks(None, 1, |_| true).tasks), []);
    }

    #[tokio::test]
    async fn an_address_that_nobody_answers_at_has_seen_nothing_of_a_call() {
        let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        let mut client = v1::spearlet_service_client::SpearletServiceClient::new(nobody);
        let status = client.run(v1::RunRequest::default()).await.unwrap_err();
        assert!(never_connected(&status), "{status:?}");
        assert!(!never_connected(&tonic::Status::from_error("broken".into())));
    }
}
