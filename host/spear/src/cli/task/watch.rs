//! A line for each change, until nothing changes any more.

use std::{collections::HashMap, process::ExitCode};

use clap::Args;
use spear_types::{Refusal, TaskId, TaskInfo, TaskState};

use super::{id, show};
use crate::{
    cli::{Context, again::Again, function::parse, view},
    client::{Client, Watched, Watching},
    output::{Output, dim},
};

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The tasks' ids. [default: every task]
    tasks: Vec<String>,
    /// Every task of this function, those to come included.
    #[arg(long, value_name = "NAME", conflicts_with = "tasks")]
    function: Option<String>,
}

/// What was shown up to now: after a new connection the SMS says again where each task is.
struct Shown<'a> {
    output: &'a Output,
    tasks: HashMap<TaskId, TaskInfo>,
}

impl Watch {
    pub(super) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let of = self.of()?;
        let mut shown = Shown { output: context.output, tasks: HashMap::new() };
        let mut again = Again::new(context.output);
        let mut changes = client.watch(of.clone()).await?;
        loop {
            let refusal = match changes.next().await {
                Ok(Some(task)) => {
                    again.reached();
                    shown.change(task, &of)?;
                    continue;
                }
                Ok(None) => return Ok(ExitCode::SUCCESS),
                Err(refusal) => refusal,
            };
            changes = resume(&of, client, &mut again, refusal).await?;
            shown.what_was_missed(&of, client).await?;
        }
    }

    fn of(self) -> Result<Watched, Refusal> {
        Ok(match self.function {
            Some(function) => Watched::Function(parse(&function)?),
            None if self.tasks.is_empty() => Watched::All,
            None => Watched::Tasks(self.tasks.iter().map(|task| id(task)).collect::<Result<_, _>>()?),
        })
    }
}

async fn resume<'a>(
    of: &Watched,
    client: &'a Client,
    again: &mut Again<'_>,
    mut refusal: Refusal,
) -> Result<Watching<'a>, Refusal> {
    loop {
        again.after(refusal).await?;
        match client.watch(of.clone()).await {
            Ok(changes) => return Ok(changes),
            Err(still) => refusal = still,
        }
    }
}

impl Shown<'_> {
    fn change(&mut self, task: TaskInfo, of: &Watched) -> anyhow::Result<()> {
        if self.tasks.get(&task.id).is_some_and(|shown| !is_news(&task, shown)) {
            return Ok(());
        }
        self.output.event(&view::task(&task), || line(&task))?;
        // A stream without an end must not remember every task that there ever was.
        if task.state.has_ended() && !matches!(of, Watched::Tasks(_)) {
            self.tasks.remove(&task.id);
        } else {
            self.tasks.insert(task.id, task);
        }
        Ok(())
    }

    /// What ended while the SMS was away: where tasks are not named it speaks only of those that live.
    async fn what_was_missed(&mut self, of: &Watched, client: &Client) -> anyhow::Result<()> {
        if matches!(of, Watched::Tasks(_)) {
            return Ok(());
        }
        for id in self.tasks.keys().copied().collect::<Vec<_>>() {
            match client.task(id).await {
                Ok(task) if task.state.has_ended() => self.change(task, of)?,
                // It lives, or is not kept any more; where the SMS is away again, that is asked again.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Whether a line about it would say something else. An SMS that comes back learns only by and by what runs, and since when
/// as it sees it.
fn is_news(task: &TaskInfo, shown: &TaskInfo) -> bool {
    match (&task.state, &shown.state) {
        (TaskState::Assigned { .. }, TaskState::Running { .. }) => task.attempt > shown.attempt,
        (TaskState::Running { cancelling, .. }, TaskState::Running { cancelling: already, .. }) => {
            task.attempt > shown.attempt || cancelling != already
        }
        (state, already) => task.attempt != shown.attempt || state != already,
    }
}

/// All of it by the SMS's clock: lines are in the order of their times.
fn line(task: &TaskInfo) -> String {
    let node = show::node(task).map(|node| format!(" on {node}")).unwrap_or_default();
    let queued = matches!(task.state, TaskState::Queued { .. });
    let attempt = if task.attempt > 1 && !queued { format!(" attempt {}", task.attempt) } else { String::new() };
    let about = show::came(task);
    let about = if about.is_empty() { about } else { format!(", {about}") };
    let head = dim(format_args!("{} {}", task.changed, task.id));
    format!("{head} {} {}{attempt}{node}{about}", task.function, show::state(task))
}
