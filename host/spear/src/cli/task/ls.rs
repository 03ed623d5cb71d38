//! Tasks, the newest first.

use std::process::ExitCode;

use clap::{Args, builder::PossibleValuesParser};
use spear_types::{OutcomeKind, TaskInfo};

use super::show;
use crate::{
    cli::{Context, function::parse, view},
    client::Client,
    output::{Listing, dim, table},
};

/// The most tasks of a page.
const PAGE: u32 = 1_000;

/// What is listed where nobody says how much.
const LIMIT: u32 = 100;

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only this function's.
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Only those in one of these states; one that has ended is in its outcome's too.
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(states()))]
    state: Vec<String>,
    /// So many at the most. [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Only what comes after this place of a listing that broke off.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// All of them.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Ls {
    pub(super) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let mut listing = Listing::new(context.output);
        let listed = self.list(client, &mut listing).await;
        let shown = listing.shown();
        listing.end()?;
        match listed? {
            Some(next) => context.output.note(dim(format_args!("there are more: --after {next}, or --all"))),
            None if shown == 0 => context.output.note("no task; submit one with `spear submit FUNCTION`"),
            None => {}
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows page after page; the answer is where the rest starts.
    async fn list(self, client: &Client, listing: &mut Listing<'_>) -> anyhow::Result<Option<String>> {
        let function = self.function.as_deref().map(parse).transpose()?;
        let limit = if self.all { usize::MAX } else { self.limit.unwrap_or(LIMIT) as usize };
        let mut after = self.after;
        loop {
            let left = u32::try_from(limit - listing.shown()).unwrap_or(u32::MAX).min(PAGE);
            let page = client.list_tasks(function.as_ref(), self.state.clone(), left, after).await?;
            let first = listing.shown() == 0;
            let values: Vec<_> = page.tasks.iter().map(view::task).collect();
            listing.add(&values, || rows(&page.tasks, first))?;
            after = page.next;
            if after.is_none() || listing.shown() >= limit {
                return Ok(after);
            }
        }
    }
}

/// A part of the table; only the first has the header.
fn rows(tasks: &[TaskInfo], header: bool) -> String {
    let row = |task: &TaskInfo| {
        [
            task.id.to_string(),
            format!("{} {}", task.function, task.version),
            // Without colours: only a last column may have them, or the others stand askew.
            show::name(task).to_owned(),
            task.attempt.to_string(),
            show::node(task).unwrap_or_default().to_owned(),
            show::time(task.submitted),
            show::when(task),
        ]
    };
    let table = table(["TASK", "FUNCTION", "STATE", "ATTEMPT", "NODE", "SUBMITTED", "WHEN"], tasks.iter().map(row));
    if header { table } else { table.split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned()) }
}

/// The names of states and outcomes.
fn states() -> Vec<&'static str> {
    ["queued", "assigned", "running", "ended"].into_iter().chain(OutcomeKind::ALL.map(OutcomeKind::name)).collect()
}
