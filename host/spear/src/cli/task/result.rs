//! How a task ended, as `spear invoke` would have answered.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use spear_types::{TaskId, TaskInfo, TaskState};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{id, show};
use crate::{
    cli::{
        Context,
        again::Again,
        ended::{Beside, EXIT_CODES, Ended},
        length, view,
    },
    client::{self, Client},
    output::dim,
};

/// It has not ended: as sysexits.h has it for what may be tried again.
const NOT_ENDED: u8 = 75;

/// As a shell shows SIGINT.
const BROKEN_OFF: u8 = 130;

/// How long the SMS is asked to wait at a time; then whoever looks is told how it goes.
const WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(after_help = format!("{EXIT_CODES} 75: it has not ended."))]
pub(crate) struct TaskResult {
    /// The task's id.
    task: String,
    /// Wait for its end, for so long at the most: --wait=30s
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = length)]
    #[expect(clippy::option_option, reason = "not given, given without a time, given with one")]
    wait: Option<Option<Duration>>,
    #[command(flatten)]
    beside: Beside,
}

impl TaskResult {
    pub(super) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let until = match self.wait {
            None => Some(Instant::now()),
            Some(None) => None,
            Some(Some(time)) => Instant::now().checked_add(time),
        };
        answer(id(&self.task)?, until, interrupts()?, &self.beside, client, context).await
    }
}

/// Waits for the end of what was just submitted and answers.
pub(crate) async fn until_ended(
    task: TaskId,
    beside: &Beside,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let interrupts = interrupts()?;
    // Whoever breaks off finds it again.
    if !beside.quiet {
        context.output.note(dim(format_args!("submitted {task}")));
    }
    answer(task, None, interrupts, beside, client, context).await
}

async fn answer(
    task: TaskId,
    until: Option<Instant>,
    mut interrupts: Signal,
    beside: &Beside,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let ended = tokio::select! {
        ended = end(task, until, client, context) => ended?,
        Some(()) = interrupts.recv() => {
            context.output.note(goes_on(task));
            return Ok(ExitCode::from(BROKEN_OFF));
        }
    };
    let client::Ended { task, result } = ended;
    let mut value = view::task(&task);
    value["outcome"] = json!(result.as_ref().map(|result| view::outcome(&result.outcome)));
    value["ran"] = json!(result.as_ref().and_then(|result| result.ran.as_ref()));
    value["usage"] = json!(result.as_ref().map(|result| view::usage(&result.usage)));
    let Some(result) = result else {
        context.output.answer(&value, String::new)?;
        context.output.note(not_ended(&task));
        return Ok(ExitCode::from(NOT_ENDED));
    };
    let ended = Ended {
        task: task.id,
        version: task.version,
        node: show::node(&task),
        attempt: Some(task.attempt),
        outcome: &result.outcome,
        usage: &result.usage,
        ran: result.ran.as_ref(),
    };
    ended.answer(&value, beside, client, context).await
}

/// Waits until it has ended or the time is over; an SMS that is away meanwhile is waited for as well.
async fn end(
    task: TaskId,
    until: Option<Instant>,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<client::Ended> {
    let spinner = context.output.spinner(format!("task {task}"));
    let mut again = Again::new(context.output);
    let mut ended = client.result(task, Duration::ZERO).await?;
    while ended.result.is_none() {
        spinner.set_message(format!("task {task} {}", show::state(&ended.task)));
        let left = until.map_or(WAIT, |until| until.saturating_duration_since(Instant::now()).min(WAIT));
        if left.is_zero() {
            break;
        }
        match client.result(task, left).await {
            Ok(now) => {
                again.reached();
                ended = now;
            }
            Err(refusal) => again.after(refusal).await?,
        }
    }
    spinner.finish_and_clear();
    Ok(ended)
}

/// Listens from here on.
fn interrupts() -> anyhow::Result<Signal> {
    signal(SignalKind::interrupt()).context("cannot listen to signals")
}

/// Whoever breaks off a wait breaks off nothing else.
fn goes_on(task: TaskId) -> String {
    format!(
        "the task {task} goes on: `spear task result --wait {task}` waits again, `spear task cancel {task}` ends it"
    )
}

fn not_ended(task: &TaskInfo) -> String {
    let hint = match &task.state {
        TaskState::Queued { .. } => format!("`spear task why {}` shows what it waits for", task.id),
        _ => "--wait waits for it".to_owned(),
    };
    let node = show::node(task).map(|node| format!(" on {node}")).unwrap_or_default();
    format!("the task {} has not ended: it is {}{node}; {hint}", task.id, show::state(task))
}
