//! One task, as a person sees it.

use spear_types::{OutcomeKind, Ran, RetryPolicy, Skipped, TaskInfo, TaskOptions, TaskState, Timestamp};

use crate::output::{self, bad, dim, good, printable, span};

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
    let lasts = |since: Timestamp| Some(format!("for {}", span(now.since(since))));
    let parts = match &task.state {
        TaskState::Queued { not_before, .. } => match not_before.filter(|time| *time > now) {
            Some(time) => [after(task), Some(not_yet(time))],
            None => [lasts(task.changed), after(task)],
        },
        TaskState::Assigned { .. } => [lasts(task.changed), None],
        TaskState::Running { since, .. } => [lasts(*since), None],
        TaskState::Ended { .. } => [after(task), None],
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The same as it was when it came there, whatever the time is here.
pub(super) fn came(task: &TaskInfo) -> String {
    let not_before = match &task.state {
        TaskState::Queued { not_before, .. } => not_before.map(not_yet),
        _ => None,
    };
    [after(task), not_before].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// After which attempt it waits again, or after how long it ended.
fn after(task: &TaskInfo) -> Option<String> {
    match &task.state {
        TaskState::Queued { .. } if task.attempt == 0 => None,
        TaskState::Queued { after, .. } => Some(format!("after attempt {} {}", task.attempt, how(*after))),
        TaskState::Ended { at, .. } => Some(format!("after {}", span(at.since(task.submitted)))),
        TaskState::Assigned { .. } | TaskState::Running { .. } => None,
    }
}

/// How an attempt ended that another one follows; nothing where a node gave it back, or had to.
fn how(kind: Option<OutcomeKind>) -> &'static str {
    match kind {
        None => "was given back",
        Some(OutcomeKind::NodeLost) => "lost its node",
        Some(OutcomeKind::OutOfFuel) => "ran out of fuel",
        Some(OutcomeKind::OutOfMemory) => "ran out of memory",
        Some(OutcomeKind::TimedOut) => "timed out",
        Some(OutcomeKind::Denied) => "was denied",
        Some(kind) => kind.name(),
    }
}

fn not_yet(time: Timestamp) -> String {
    format!("not before {}", self::time(time))
}

/// All of it.
pub(super) fn describe(task: &TaskInfo, options: &TaskOptions, ran: Option<&Ran>) -> String {
    let head = format!("{} version {}, task {}", task.function, task.version, task.id);
    let node = node(task).map(|node| format!(" on {node}")).unwrap_or_default();
    let when = when(task);
    let when = if when.is_empty() { when } else { format!(", {when}") };
    let mut lines =
        vec![head, format!("  state      {}{node}{when}", state(task)), format!("  submitted  {}", task.submitted)];
    match &task.state {
        TaskState::Ended { at, .. } => lines.push(format!("  ended      {at}")),
        _ if task.changed == task.submitted => {}
        _ => lines.push(format!("  since      {}", task.changed)),
    }
    lines.extend(ran.into_iter().flat_map(how_it_ran));
    lines.extend(task.deadline.map(|deadline| format!("  deadline   {deadline}")));
    lines.push(format!("  attempt    {}", attempt(task.attempt, &options.retry)));
    lines.push(format!("  retry      {}", retry(&options.retry)));
    lines.extend(options.key.as_ref().map(|key| format!("  key        {}", printable(key.as_str()))));
    lines.push(format!("  priority   {}", task.priority.get()));
    lines.extend(task.schedule.as_ref().map(|schedule| format!("  schedule   {schedule}")));
    lines.push(dim(format_args!("  {}", next(task))));
    lines.join("\n")
}

/// What ran it, and a line for each implementation that would have been before that.
fn how_it_ran(Ran { agent, skipped }: &Ran) -> impl Iterator<Item = String> {
    let not = |Skipped { agent, reason }: &Skipped| format!("  not as     {agent}: {}", printable(reason));
    std::iter::once(format!("  ran as     {agent}")).chain(skipped.iter().map(not))
}

fn attempt(attempt: u32, retry: &RetryPolicy) -> String {
    let all = retry.max_attempts;
    if attempt <= all {
        return format!("{attempt} of {all}");
    }
    format!("{attempt}; those that nodes gave back do not count towards the {all}")
}

/// When it is tried again.
pub(crate) fn retry(retry: &RetryPolicy) -> String {
    let RetryPolicy { max_attempts, backoff, max_backoff, on } = retry;
    if *max_attempts == 1 || on.is_empty() {
        return "never tried again".to_owned();
    }
    let on: Vec<&str> = on.iter().map(|kind| kind.name()).collect();
    let waits = (humantime::format_duration(*backoff), humantime::format_duration(*max_backoff));
    format!("{max_attempts} attempts, after {}; waits {}, doubled up to {}", on.join(", "), waits.0, waits.1)
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
