//! How a run ended, as a person sees it: its reply, a line about it, an exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Args;
use serde_json::Value;
use spear_types::{AgentKind, Outcome, Ran, Skipped, TaskId, Usage};

use super::{Context, logs};
use crate::{
    client::{Client, LogsOf},
    output::{REFUSED, bad, dim, duration, good, printable, size},
};

/// What stands beside the answer.
#[derive(Debug, Args)]
pub(crate) struct Beside {
    /// Show the log too.
    #[arg(short, long)]
    logs: bool,
    /// The answer only, without the line about the run.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// A run that is over.
pub(crate) struct Ended<'a> {
    pub(crate) task: TaskId,
    pub(crate) version: u32,
    /// Where it ran, if anywhere.
    pub(crate) node: Option<&'a str>,
    /// The number of the last attempt, of a task.
    pub(crate) attempt: Option<u32>,
    pub(crate) outcome: &'a Outcome,
    pub(crate) usage: &'a Usage,
    /// By what it was run.
    pub(crate) ran: Option<&'a Ran>,
}

pub(crate) const EXIT_CODES: &str = "The exit code tells the outcome: 0 succeeded, 1 failed, 3 refused by SPEAR or its \
                                     node was lost, 124 timed-out, 125 out-of-fuel, 126 denied, 130 cancelled, 134 \
                                     trapped, 137 out-of-memory. A command that fails gives its own.";

impl Ended<'_> {
    /// Answers; `value` is for programs.
    pub(crate) async fn answer(
        &self,
        value: &Value,
        beside: &Beside,
        client: &Client,
        context: &Context<'_>,
    ) -> anyhow::Result<ExitCode> {
        if context.output.is_json() {
            context.output.answer(value, String::new)?;
        } else {
            show(self.outcome)?;
        }
        if beside.logs {
            for log in client.logs(LogsOf::Task(self.task), None).await? {
                log.lines.iter().for_each(|line| context.output.note(logs::line(line)));
            }
        }
        if !beside.quiet {
            context.output.note(self.summary());
        }
        Ok(exit_code(self.outcome))
    }

    fn summary(&self) -> String {
        let Self { task, version, node, attempt, outcome, usage, ran } = self;
        let name = if matches!(outcome, Outcome::Succeeded(_)) { good(outcome.name()) } else { bad(outcome.name()) };
        let status = status(outcome).map(|status| format!("status {} · ", printable(status))).unwrap_or_default();
        let attempt = attempt.filter(|attempt| *attempt > 1).map(|attempt| format!("attempt {attempt} · "));
        let attempt = attempt.unwrap_or_default();
        let node = node.map(|node| format!(" · {node}")).unwrap_or_default();
        let (as_what, cost) = (ran.map(as_what).unwrap_or_default(), cost(usage));
        let rest = format!("{status}{attempt}task {task} · version {version}{node}{as_what} · {cost}");
        format!("{name} {}", dim(rest))
    }
}

/// The reply goes to standard output as it is, and what a command wrote before it failed; every other outcome is a matter
/// for standard error.
fn show(outcome: &Outcome) -> anyhow::Result<()> {
    match outcome {
        Outcome::Succeeded(reply) => return show_body(&reply.body),
        Outcome::Failed(failure) => failure.exit.iter().try_for_each(|exit| show_body(&exit.stdout))?,
        _ => {}
    }
    let text = printable(&outcome.to_string());
    let (name, rest) = text.split_once(':').map_or((&*text, String::new()), |(name, rest)| (name, format!(":{rest}")));
    anstream::eprintln!("{}{rest}", bad(name));
    Ok(())
}

fn show_body(body: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let ends = body.is_empty() || body.ends_with(b"\n") || std::str::from_utf8(body).is_err();
    out.write_all(body)?;
    out.write_all(if ends { b"" } else { b"\n" })?;
    Ok(out.flush()?)
}

/// The status of an HTTP response.
fn status(outcome: &Outcome) -> Option<&str> {
    let Outcome::Succeeded(reply) = outcome else { return None };
    reply.headers.iter().find(|(name, _)| name == ":status").map(|(_, status)| status.as_str())
}

/// Nothing where it ran as its author wanted it most and that is a component.
fn as_what(Ran { agent, skipped }: &Ran) -> String {
    if skipped.is_empty() {
        return if *agent == AgentKind::Wasm { String::new() } else { format!(" · as {agent}") };
    }
    let skipped = skipped.iter().map(|Skipped { agent, reason }| format!("{agent}: {reason}"));
    format!(" · as {agent} (not as {})", printable(&skipped.collect::<Vec<_>>().join("; ")))
}

fn cost(usage: &Usage) -> String {
    let fuel = usage.fuel.map(|fuel| format!(" · {fuel} fuel")).unwrap_or_default();
    format!("{} wall · {} cpu · {} memory{fuel}", duration(usage.wall), duration(usage.cpu), size(usage.peak_memory))
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Succeeded(_) => 0,
        Outcome::Failed(failure) => failure.exit.as_ref().map_or(1, |exit| exit.code),
        // As timeout(1), and as a shell shows SIGABRT and SIGKILL.
        Outcome::TimedOut { .. } => 124,
        Outcome::OutOfFuel { .. } => 125,
        Outcome::Denied(_) => 126,
        Outcome::NodeLost { .. } | Outcome::Refused { .. } => REFUSED,
        // As a shell shows SIGINT.
        Outcome::Cancelled => 130,
        Outcome::Trapped(_) => 134,
        Outcome::OutOfMemory { .. } => 137,
    })
}
