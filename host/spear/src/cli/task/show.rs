//! One task, as a person sees it.

use spear_types::{OutcomeKind, TaskInfo, TaskState, Timestamp};

use crate::output::{self, bad, dim, good, span};

/// The state's name.
pub(super) fn name(task: &TaskInfo) -> &'static str {
    match &task.state {
        TaskState::Running { cancelling: true, .. } => "cancelling",
        state => state.name(),
    }
}

/// The state's name in its colour.
pub(super) fn state(task: &TaskInfo) -> String {
    match &task.state {
        TaskState::Ended { outcome: OutcomeKind::Succeeded, .. } => good(name(task)),
        TaskState::Ended { .. } => bad(name(task)),
        _ => name(task).to_owned(),
    }
}

/// Who has it, or had it last.
pub(super) fn node(task: &TaskInfo) -> Option<&str> {
    match &task.state {
        TaskState::Queued { .. } => None,
        TaskState::Assigned { node } | TaskState::Running { node, .. } => Some(node.as_str()),
        TaskState::Ended { node, .. } => node.as_ref().map(|node| node.as_str()),
    }
}

/// What else there is to say about its state: since when, until when, after what.
pub(super) fn when(task: &TaskInfo) -> String {
    let now = Timestamp::now();
    match &task.state {
        TaskState::Queued { not_before, after } => {
            let after = after.map(|kind| format!("after attempt {} {}", task.attempt, kind.name()));
            let not_before = not_before.filter(|time| *time > now);
            let not_before = not_before.map(|time| format!("not before {}", self::time(time)));
            let parts: Vec<String> = after.into_iter().chain(not_before).collect();
            if parts.is_empty() { format!("for {}", span(now.since(task.submitted))) } else { parts.join(", ") }
        }
        TaskState::Assigned { .. } => String::new(),
        TaskState::Running { since, .. } => format!("for {}", span(now.since(*since))),
        TaskState::Ended { at, .. } => format!("after {}", span(at.since(task.submitted))),
    }
}

/// All of it.
pub(super) fn describe(task: &TaskInfo) -> String {
    let head = format!("{} version {}, task {}", task.function, task.version, task.id);
    let node = node(task).map(|node| format!(" on {node}")).unwrap_or_default();
    let when = when(task);
    let when = if when.is_empty() { when } else { format!(", {when}") };
    let mut lines =
        vec![head, format!("  state      {}{node}{when}", state(task)), format!("  submitted  {}", task.submitted)];
    if let TaskState::Ended { at, .. } = &task.state {
        lines.push(format!("  ended      {at}"));
    }
    lines.extend(task.deadline.map(|deadline| format!("  deadline   {deadline}")));
    lines.push(format!("  attempt    {}", task.attempt));
    lines.push(format!("  priority   {}", task.priority.get()));
    lines.extend(task.schedule.as_ref().map(|schedule| format!("  schedule   {schedule}")));
    lines.push(dim(format_args!("  {}", next(task))));
    lines.join("\n")
}

/// What tells more.
fn next(task: &TaskInfo) -> String {
    match &task.state {
        TaskState::Ended { .. } => format!("`spear task result {}` shows how it ended", task.id),
        TaskState::Queued { .. } => format!("`spear task why {}` shows what it waits for", task.id),
        TaskState::Assigned { .. } | TaskState::Running { .. } => {
            format!("`spear task logs -f {}` shows what it writes", task.id)
        }
    }
}

/// To the second: a table is wide enough.
pub(super) fn time(time: Timestamp) -> String {
    output::time(time.into())
}
