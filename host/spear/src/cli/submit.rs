//! `spear submit`: run a function later, once, whatever dies meanwhile.

mod bulk;
mod options;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;
use spear_types::{Code, Refusal};

use self::options::OptionArgs;
use super::{
    Ask, Context,
    call::CallArgs,
    ended::{Beside, EXIT_CODES},
    schedule,
    task::result,
};
use crate::{
    client::{Client, NewTask, Submitted},
    output::dim,
};

/// Remember a call as a task: it runs to its end wherever there is room. Prints the task's id.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, mut_arg("logs", |logs| logs.requires("wait")))]
pub(crate) struct Submit {
    #[command(flatten)]
    call: CallArgs,
    #[command(flatten)]
    options: OptionArgs,
    /// Submit the same call so many times.
    #[arg(long, value_name = "N", conflicts_with_all = ["batch", "cron", "wait"], value_parser = count, allow_negative_numbers = true)]
    count: Option<u64>,
    /// Submit each line of a file, or of standard input with `-`, as the body of a task of its own; blank lines are none.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["typed", "data", "file", "cron", "wait"])]
    batch: Option<PathBuf>,
    /// Make a schedule that submits it again and again, in UTC: '*/5 * * * *', six fields with seconds first, or @hourly,
    /// @daily, …
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["key", "delay", "wait"])]
    cron: Option<String>,
    /// The schedule's name. [default: one is made]
    #[arg(long, requires = "cron")]
    name: Option<String>,
    /// Wait for its end, and answer as `spear invoke` does.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    beside: Beside,
}

impl Ask for Submit {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let (function, version, options) = (self.call.function()?, self.call.version, self.options.options()?);
        let new = |call| NewTask { function: function.clone(), version, call, options: options.clone() };
        if let Some(file) = &self.batch {
            return bulk::lines(file, |body| new(self.call.call_with(body)), client, context).await;
        }
        let task = new(self.call.call()?);
        match (self.cron, self.count) {
            (Some(cron), _) => schedule::create(self.name, cron, task, client, context).await,
            (None, Some(count)) => bulk::copies(count, &task, client, context).await,
            (None, None) => one(task, self.wait, &self.beside, client, context).await,
        }
    }
}

/// How many tasks there are to be.
fn count(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "it has to be a number, at least 1".to_owned())
}

async fn one(
    task: NewTask,
    wait: bool,
    beside: &Beside,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let submitted = client.submit(vec![task]).await?;
    let [Submitted { task, existing }] = submitted[..] else {
        return Err(Refusal::new(Code::Internal, "the SMS did not answer with one task").into());
    };
    if wait {
        return result::until_ended(task, beside, client, context).await;
    }
    context.output.answer(&json!({ "task": task, "existing": existing }), || task.to_string())?;
    if !beside.quiet {
        let what = if existing { "submitted before, with this key" } else { "submitted" };
        context.output.note(dim(format_args!("{what}; `spear task watch {task}` shows how it goes")));
    }
    Ok(ExitCode::SUCCESS)
}
