//! `spear logs`: what recent calls and tasks wrote.

mod follow;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use spear_types::{Code, Level, LogLine, Refusal, TaskId};

use super::{Ask, Context, function::parse, task::id, view};
use crate::{
    client::{Client, LogsOf, TaskLog},
    output::{bad, counted, dim, good, printable},
};

/// Show what recent calls and tasks wrote.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// A function's name, or a task's id.
    of: String,
    #[command(flatten)]
    how: How,
}

/// Show what one task wrote.
#[derive(Debug, Args)]
pub(crate) struct LogsOfTask {
    /// The task's id.
    task: String,
    #[command(flatten)]
    how: How,
}

/// How much of it.
#[derive(Debug, Args)]
struct How {
    /// The last so many lines only.
    #[arg(short = 'n', long, value_name = "LINES", allow_negative_numbers = true)]
    last: Option<u32>,
    /// Go on until the task has ended: each line once, also when the SMS is away meanwhile.
    #[arg(short, long, conflicts_with = "last")]
    follow: bool,
}

impl Ask for Logs {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        // A task's id is a function's name by its letters too, so the id is tried first.
        if let Ok(task) = self.of.parse() {
            return self.how.of_task(task, client, context).await;
        }
        if self.how.follow {
            return Err(only_tasks(&self.of).into());
        }
        let function = parse(&self.of)?;
        let logs = client.logs(LogsOf::Function(function.clone()), self.how.last).await?;
        if logs.is_empty() {
            // One that there is has written nothing; one that there is not is refused.
            client.function(&function, None).await?;
        }
        show(&logs, context)
    }
}

impl Ask for LogsOfTask {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        self.how.of_task(id(&self.task)?, client, context).await
    }
}

impl How {
    async fn of_task(&self, task: TaskId, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        if self.follow {
            return follow::run(task, client, context).await;
        }
        show(&client.logs(LogsOf::Task(task), self.last).await?, context)
    }
}

fn show(logs: &[TaskLog], context: &Context<'_>) -> anyhow::Result<ExitCode> {
    if logs.is_empty() {
        context.output.note("nothing was written lately");
    }
    let values: Vec<Value> = logs.iter().map(value).collect();
    context.output.answer(&values, || logs.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn only_tasks(of: &str) -> Refusal {
    let message = format!("{of:?} is no task's id, and only a task's log has an end to be followed to");
    Refusal::new(Code::InvalidRequest, message).help(format!("find the task with `spear task ls --function {of}`"))
}

fn value(log: &TaskLog) -> Value {
    json!({
        "task": log.task,
        "function": log.function,
        "version": log.version,
        "attempt": log.attempt,
        "lines": log.lines.iter().map(view::log_line).collect::<Vec<_>>(),
        "dropped": log.dropped,
    })
}

fn text(log: &TaskLog) -> String {
    let attempt = if log.attempt > 1 { format!(" attempt {}", log.attempt) } else { String::new() };
    let head = dim(format_args!("── {} version {} task {}{attempt}", log.function, log.version, log.task));
    let lines = log.lines.iter().map(line);
    let dropped = (log.dropped > 0).then(|| dropped(log.dropped));
    std::iter::once(head).chain(lines).chain(dropped).collect::<Vec<_>>().join("\n")
}

fn dropped(lines: u64) -> String {
    dim(format_args!("over the limit `log`: {}", counted(lines, "more line")))
}

pub(crate) fn line(line: &LogLine) -> String {
    let time = dim(humantime::format_rfc3339_millis(line.time));
    let level = match line.level {
        Level::Error | Level::Warn => bad(format_args!("{:5}", line.level)),
        Level::Info => good(format_args!("{:5}", line.level)),
        Level::Debug | Level::Trace => dim(format_args!("{:5}", line.level)),
    };
    let fields: String = line
        .fields
        .iter()
        .map(|(key, value)| format!(" {}{}", dim(format_args!("{}=", printable(key))), printable(value)))
        .collect();
    format!("{time} {level} {}{fields}", printable(&line.message))
}
