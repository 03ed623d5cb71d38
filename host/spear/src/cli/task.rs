//! `spear task`: what was submitted, how it goes, how it ended.

mod ls;
pub(crate) mod result;
pub(crate) mod show;
mod watch;
mod why;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;
use spear_types::{Refusal, TaskId, TaskInfo, TaskState};

use self::{ls::Ls, result::TaskResult, watch::Watch};
use super::{Ask, Context, logs::LogsOfTask, view};
use crate::{
    client::Client,
    output::{REFUSED, good},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List tasks, the newest first.
    Ls(Ls),
    /// Show one: where it is, since when, how it is tried.
    Get {
        /// The task's id.
        task: String,
    },
    /// Show each change, a line each, until all of them have ended.
    Watch(Watch),
    /// End tasks: those that wait at once, those that run as soon as their nodes know.
    Cancel {
        /// The tasks' ids.
        #[arg(required = true)]
        tasks: Vec<String>,
    },
    /// Show how one ended: its reply, or what went wrong.
    Result(TaskResult),
    /// Show what one wrote to its log.
    Logs(LogsOfTask),
    /// Why it runs where it runs, or why it waits: every node, filter and term of the score.
    ///
    /// Of a task that waits it is what would be decided now. Decisions that were made are kept in the SMS's memory: those of
    /// the newest 10,000 tasks that were placed, fewer where each looked at many nodes, and not over a restart. Of a fleet of
    /// more than 64 nodes the best are listed, and the others are counted.
    Why {
        /// The task's id.
        task: String,
    },
}

impl Ask for Task {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ls(ls) => ls.run(client, context).await,
            Self::Get { task } => {
                let (task, options, ran) = client.task_and_options(id(&task)?).await?;
                let value = view::task_and_options(&task, &options, ran.as_ref());
                context.output.answer(&value, || show::describe(&task, &options, ran.as_ref()))?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Watch(watch) => watch.run(client, context).await,
            Self::Cancel { tasks } => cancel(&tasks, client, context).await,
            Self::Result(result) => result.run(client, context).await,
            Self::Logs(logs) => logs.ask(client, context).await,
            Self::Why { task } => why::run(id(&task)?, client, context).await,
        }
    }
}

/// Cancels each; one that cannot be cancelled does not keep the others from it.
async fn cancel(tasks: &[String], client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
    let ids: Vec<TaskId> = tasks.iter().map(|task| id(task)).collect::<Result<_, _>>()?;
    let (mut cancelled, mut code) = (Vec::new(), ExitCode::SUCCESS);
    for id in ids {
        match client.cancel(id).await {
            Ok(task) => cancelled.push(task),
            Err(refusal) => {
                context.output.fail(&refusal.into());
                code = ExitCode::from(REFUSED);
            }
        }
    }
    let values: Vec<Value> = cancelled.iter().map(view::task).collect();
    context.output.answer(&values, || cancelled.iter().map(was_cancelled).collect::<Vec<_>>().join("\n"))?;
    Ok(code)
}

fn was_cancelled(task: &TaskInfo) -> String {
    match &task.state {
        TaskState::Assigned { node } | TaskState::Running { node, .. } => {
            format!("cancelling {}, which {node} has", task.id)
        }
        TaskState::Queued { .. } | TaskState::Ended { .. } => format!("{} {}", good("cancelled"), task.id),
    }
}

/// An id from the command line.
pub(crate) fn id(text: &str) -> Result<TaskId, Refusal> {
    text.parse().map_err(|refusal: Refusal| refusal.help("find it with `spear task ls`"))
}
