//! Tasks, decisions and schedules. Times are RFC 3339 in UTC.

use serde_json::{Value, json};
use spear_types::{Call, Ran, RetryPolicy, ScheduleInfo, TaskInfo, TaskOptions, TaskState, Timestamp};

use super::millis;
use crate::client::{Considered, Decision, Explained, NewTask, Verdict};

pub(crate) fn task(task: &TaskInfo) -> Value {
    let mut view = json!({
        "task": task.id,
        "function": task.function,
        "version": task.version,
        "priority": task.priority,
        "schedule": task.schedule,
        "submitted": time(task.submitted),
        "deadline": task.deadline.map(time),
        "attempt": task.attempt,
        "state": task.state.name(),
        "ended": task.state.has_ended(),
        "changed": time(task.changed),
        "node": null,
    });
    match &task.state {
        TaskState::Queued { not_before, after } => {
            view["not_before"] = json!(not_before.map(time));
            view["after"] = json!(after);
        }
        TaskState::Assigned { node } => view["node"] = json!(node),
        TaskState::Running { node, since, cancelling } => {
            view["node"] = json!(node);
            view["since"] = json!(time(*since));
            view["cancelling"] = json!(cancelling);
        }
        TaskState::Ended { outcome: _, at, node } => {
            view["node"] = json!(node);
            view["ended_at"] = json!(time(*at));
        }
    }
    view
}

/// The same, and how it is tried.
pub(crate) fn task_and_options(info: &TaskInfo, options: &TaskOptions, ran: Option<&Ran>) -> Value {
    let mut view = task(info);
    view["ran"] = json!(ran);
    view["retry"] = retry(&options.retry);
    view["key"] = json!(options.key);
    view["trace_parent"] = json!(options.trace_parent);
    view
}

fn retry(retry: &RetryPolicy) -> Value {
    json!({
        "max_attempts": retry.max_attempts,
        "backoff_ms": millis(retry.backoff),
        "max_backoff_ms": millis(retry.max_backoff),
        "on": retry.on,
    })
}

pub(crate) fn explained(explained: &Explained) -> Value {
    json!({ "task": task(&explained.task), "decision": explained.decision.as_ref().map(decision) })
}

pub(crate) fn schedule(schedule: &ScheduleInfo) -> Value {
    json!({
        "name": schedule.name,
        "function": schedule.function,
        "cron": schedule.cron,
        "created": time(schedule.created),
        "next": schedule.next.map(time),
        "last": schedule.last,
    })
}

/// The same, and what it submits.
pub(crate) fn schedule_and_task(info: &ScheduleInfo, task: &NewTask) -> Value {
    let NewTask { function: _, version: _, call, options } = task;
    let mut view = schedule(info);
    view["call"] = self::call(call);
    view["priority"] = json!(options.priority);
    view["deadline_ms"] = json!(options.deadline.map(millis));
    view["retry"] = retry(&options.retry);
    view
}

fn call(call: &Call) -> Value {
    let mut view = match call {
        Call::Payload(payload) => super::payload(payload),
        Call::Typed(text) => json!({ "typed": text }),
        Call::Command { args, stdin } => {
            let mut view = json!({ "args": args });
            super::bytes(&mut view, "stdin", stdin);
            view
        }
    };
    view["size"] = json!(call.size());
    view
}

fn decision(decision: &Decision) -> Value {
    let other = |other: &crate::client::PassedOver| json!({ "nodes": other.nodes, "reason": other.reason });
    json!({
        "at": time(decision.at),
        "node": decision.node,
        "summary": decision.summary,
        "cpu_millis": decision.cpu.as_millis(),
        "memory_bytes": decision.memory,
        "constraints": decision.constraints,
        "prefer": decision.prefer,
        "avoid": decision.avoid,
        "policy": decision.policy,
        "nodes": decision.nodes.iter().map(considered).collect::<Vec<_>>(),
        "others": decision.others.iter().map(other).collect::<Vec<_>>(),
    })
}

fn considered(considered: &Considered) -> Value {
    match &considered.verdict {
        Verdict::Scored { score, terms } => {
            let terms: serde_json::Map<String, Value> =
                terms.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "node": considered.node, "score": score, "terms": terms })
        }
        Verdict::Rejected { filter, reason } => {
            json!({ "node": considered.node, "filter": filter, "reason": reason })
        }
    }
}

fn time(time: Timestamp) -> String {
    time.to_string()
}
