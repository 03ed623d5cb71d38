//! `spear schedule`: calls that are made again and again.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};
use spear_types::{Call, Payload, Refusal, ScheduleInfo, ScheduleName, Timestamp};

use super::{Ask, Context, task::show, view};
use crate::{
    client::{Client, NewTask},
    output::{dim, printable, size, table, time},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List the schedules. One is made with `spear submit --cron`.
    Ls,
    /// Show one.
    Get {
        /// The schedule.
        name: String,
    },
    /// Remove one; what it has submitted stays.
    Rm {
        /// The schedule.
        name: String,
    },
}

impl Ask for Schedule {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ls => {
                let schedules = client.schedules().await?;
                if schedules.is_empty() {
                    context.output.note("no schedule; make one with `spear submit FUNCTION --cron EXPRESSION`");
                }
                let values: Vec<Value> = schedules.iter().map(view::schedule).collect();
                context.output.answer(&values, || list(&schedules))?;
            }
            Self::Get { name } => {
                let name = parse(&name)?;
                let (schedule, task) = client.schedule(&name).await?;
                context.output.answer(&view::schedule_and_task(&schedule, &task), || describe(&schedule, &task))?;
            }
            Self::Rm { name } => {
                let name = parse(&name)?;
                client.delete_schedule(&name).await?;
                context.output.answer(&json!({ "name": name }), || format!("removed {name}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What `spear submit --cron` does.
pub(crate) async fn create(
    name: Option<String>,
    cron: String,
    task: NewTask,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let name = name.as_deref().map(parse).transpose()?;
    let schedule = client.create_schedule(name, cron, task).await?;
    context.output.answer(&view::schedule(&schedule), || schedule.name.to_string())?;
    context.output.note(dim(format_args!("submits {} next at {}", schedule.function, next(&schedule))));
    Ok(ExitCode::SUCCESS)
}

fn list(schedules: &[ScheduleInfo]) -> String {
    if schedules.is_empty() {
        return String::new();
    }
    let row = |schedule: &ScheduleInfo| {
        [
            schedule.name.to_string(),
            schedule.function.to_string(),
            schedule.cron.clone(),
            next(schedule),
            schedule.last.map(|task| task.to_string()).unwrap_or_default(),
        ]
    };
    table(["NAME", "FUNCTION", "CRON", "NEXT", "LAST TASK"], schedules.iter().map(row))
}

/// All of it.
fn describe(schedule: &ScheduleInfo, task: &NewTask) -> String {
    let NewTask { function, version: _, call, options } = task;
    let mut lines = vec![
        format!("{} submits {function}", schedule.name),
        format!("  cron      {}", printable(&schedule.cron)),
        format!("  next      {}", next(schedule)),
    ];
    lines.extend(schedule.last.map(|task| format!("  last      {task}")));
    lines.push(format!("  created   {}", time(schedule.created.into())));
    lines.push(format!("  call      {}", summary(call)));
    let priority = options.priority.map_or_else(|| "the function's".to_owned(), |priority| priority.get().to_string());
    lines.push(format!("  priority  {priority}"));
    lines.extend(options.deadline.map(|deadline| format!("  deadline  {}", humantime::format_duration(deadline))));
    lines.push(format!("  retry     {}", show::retry(&options.retry)));
    lines.join("\n")
}

/// What is called: a short text as it is, of anything else its type and its size.
fn summary(call: &Call) -> String {
    match call {
        Call::Typed(text) => shortened(text.as_bytes()),
        Call::Command { args, stdin } => {
            let stdin = if stdin.is_empty() { String::new() } else { format!(" < {}", shortened(stdin)) };
            format!("{}{stdin}", shortened(format!("-- {}", args.join(" ")).as_bytes()))
        }
        Call::Payload(Payload { content_type, headers, body }) => {
            let headers = headers.iter().map(|(name, value)| format!(" {}: {}", printable(name), printable(value)));
            let content_type = content_type.iter().map(|content_type| format!(" {}", printable(content_type)));
            let beside: String = content_type.chain(headers).collect();
            if body.is_empty() { format!("no body{beside}") } else { format!("{}{beside}", shortened(body)) }
        }
    }
}

fn shortened(bytes: &[u8]) -> String {
    /// What fits on a line.
    const SHORT: usize = 80;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= SHORT => format!("{text:?}"),
        _ => size(bytes.len() as u64),
    }
}

fn next(schedule: &ScheduleInfo) -> String {
    schedule.next.map_or_else(|| "never".to_owned(), |next: Timestamp| time(next.into()))
}

fn parse(name: &str) -> Result<ScheduleName, Refusal> {
    Ok(name.parse()?)
}
