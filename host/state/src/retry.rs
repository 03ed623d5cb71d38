//! What comes after an attempt: pure.

use spear_types::{Code, Failure, Outcome, OutcomeKind, Refusal, Timestamp};

use crate::{
    moves::function_gone,
    tasks::{Stop, Task},
};

/// What comes after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// The task has ended.
    End(Outcome),
    /// Another attempt, not before then, after one that ended like this.
    Retry(Timestamp, OutcomeKind),
    /// Another attempt, as if this one had not been.
    Again,
}

/// How often nodes may return a task unstarted: with the waits between, some minutes.
pub(crate) const MAX_RETURNS: u32 = 20;

/// After an attempt that its node says has ended like this.
pub(crate) fn after_end(task: &Task, outcome: Outcome, now: Timestamp) -> After {
    let stop = task.holding().and_then(|holding| holding.stop);
    match (stop, outcome) {
        (Some(Stop::TimedOut), Outcome::Cancelled) => After::End(timed_out(task)),
        // The node stops it too when its time is over, and knows only what was left of that.
        (_, Outcome::TimedOut { .. }) if task.is_late(now) => After::End(timed_out(task)),
        (Some(Stop::Moved), Outcome::Cancelled) => again(task),
        // Nobody asked for it: the node stopped it for a reason of its own.
        (None, Outcome::Cancelled) => after_loss(task, "it stopped the attempt", now),
        (Some(Stop::Cancelled | Stop::TimedOut), outcome) => After::End(outcome),
        (Some(Stop::Moved) | None, outcome) => retry(task, outcome, now),
    }
}

/// After an attempt whose node is lost: whether it ran is not known.
pub(crate) fn after_loss(task: &Task, reason: &str, now: Timestamp) -> After {
    let Some(holding) = task.holding() else { return again(task) };
    match holding.stop {
        Some(stop @ (Stop::Cancelled | Stop::TimedOut)) => After::End(stopped(task, stop)),
        Some(Stop::Moved) | None => {
            let node = holding.by.node.clone();
            retry(task, Outcome::NodeLost { node, reason: reason.to_owned() }, now)
        }
    }
}

/// After an attempt that did not start: its node says so, or never had it.
pub(crate) fn after_nothing(task: &Task) -> After {
    match task.holding().and_then(|holding| holding.stop) {
        Some(stop @ (Stop::Cancelled | Stop::TimedOut)) => After::End(stopped(task, stop)),
        Some(Stop::Moved) | None => again(task),
    }
}

/// After a node returned it unstarted.
pub(crate) fn after_return(task: &Task, refusal: &Refusal) -> After {
    let stopped = task.holding().is_some_and(|holding| holding.stop.is_some());
    if !stopped && (blames_the_call(refusal.code) || task.returns + 1 >= MAX_RETURNS) {
        return After::End(Outcome::Refused { code: refusal.code, message: refusal.message.clone() });
    }
    after_nothing(task)
}

/// How a task ends whose deadline passed.
pub(crate) fn timed_out(task: &Task) -> Outcome {
    let deadline = task.record.deadline.unwrap_or(task.record.submitted);
    Outcome::TimedOut { limit: deadline.since(task.record.submitted) }
}

fn stopped(task: &Task, stop: Stop) -> Outcome {
    match stop {
        Stop::TimedOut => timed_out(task),
        Stop::Cancelled | Stop::Moved => Outcome::Cancelled,
    }
}

fn again(task: &Task) -> After {
    function_gone(task).map_or(After::Again, After::End)
}

/// Another attempt if the policy has one, and if it can start before the deadline.
fn retry(task: &Task, outcome: Outcome, now: Timestamp) -> After {
    let policy = &task.record.retry;
    let worth_it = match &outcome {
        Outcome::Failed(Failure { retryable, .. }) => *retryable,
        _ => true,
    };
    let not_before = now.after(policy.wait_after(task.tries));
    let in_time = task.record.deadline.is_none_or(|deadline| not_before < deadline);
    let wanted = policy.on.contains(&outcome.kind()) && worth_it && task.tries < policy.max_attempts;
    if wanted && in_time && function_gone(task).is_none() {
        return After::Retry(not_before, outcome.kind());
    }
    After::End(outcome)
}

/// Whether a node's refusal would be any other node's too.
fn blames_the_call(code: Code) -> bool {
    match code {
        Code::InvalidRequest
        | Code::InvalidName
        | Code::InvalidManifest
        | Code::InvalidComponent
        | Code::NotGranted
        | Code::LimitTooHigh
        | Code::TooLarge
        | Code::UnknownFunction
        | Code::UnknownVersion
        | Code::UnknownArtifact
        | Code::UnknownBucket
        | Code::UnknownObject
        | Code::UnknownValue
        | Code::UnknownExport
        | Code::CallCycle
        | Code::CallTooDeep => true,
        Code::DigestMismatch
        | Code::UnknownNode
        | Code::UnknownTask
        | Code::UnknownSchedule
        | Code::UnknownSecret
        | Code::TaskEnded
        | Code::KeyTaken
        | Code::StaleAttempt
        | Code::ConditionFailed
        | Code::ObjectInUse
        | Code::NotANumber
        | Code::DeployInProgress
        | Code::NameTaken
        | Code::NoNodeFits
        | Code::QueueFull
        | Code::NodeLost
        | Code::Draining
        | Code::StorageFull
        | Code::Unreachable
        | Code::Internal
        | Code::MessageTooLarge
        | Code::WrongToken => false,
    }
}
