//! `spear schedule`: calls that are made again and again.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};
use spear_types::{Code, Refusal, ScheduleInfo, ScheduleName, Timestamp};

use super::{Ask, Context, view};
use crate::{
    client::{Client, NewTask},
    output::{dim, table, time},
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
                let found = client.schedules().await?.into_iter().find(|schedule| schedule.name == name);
                let unknown = || Refusal::new(Code::UnknownSchedule, format!("no schedule is named {name}"));
                let schedule = found.ok_or_else(|| unknown().help("list them with `spear schedule ls`"))?;
                context.output.answer(&view::schedule(&schedule), || list(&[schedule]))?;
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

fn next(schedule: &ScheduleInfo) -> String {
    schedule.next.map_or_else(|| "never".to_owned(), |next: Timestamp| time(next.into()))
}

fn parse(name: &str) -> Result<ScheduleName, Refusal> {
    Ok(name.parse()?)
}
