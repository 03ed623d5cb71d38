//! Tasks, decisions and schedules. Times are RFC 3339 in UTC.

use serde_json::{Value, json};
use spear_types::{ScheduleInfo, TaskInfo, TaskState, Timestamp};

use crate::client::{Considered, Decision, Explained, Verdict};

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

fn decision(decision: &Decision) -> Value {
    let other = |other: &crate::client::PassedOver| json!({ "nodes": other.nodes, "reason": other.reason });
    json!({
        "at": time(decision.at),
        "node": decision.node,
        "summary": decision.summary,
        "cpu_millis": decision.cpu.as_millis(),
        "memory_bytes": decision.memory,
        "constraints": decision.constraints,
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
