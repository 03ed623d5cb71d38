//! `spear invoke`: run a function now.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use spear_types::{Outcome, Payload, Usage};

use super::{Ask, Context, function::parse, logs, view};
use crate::{
    client::{Client, Invoked, LogsOf},
    output::{bad, dim, duration, good, printable, size},
};

/// Run a function now and print its answer.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Invoke {
    /// The function.
    function: String,
    /// Another version than the newest.
    #[arg(long)]
    version: Option<u32>,
    /// The body.
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file")]
    data: Option<String>,
    /// The body from a file, or from standard input with `-`.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The body's media type.
    #[arg(short = 't', long, value_name = "TYPE")]
    content_type: Option<String>,
    /// A header; may be given more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Show the log too.
    #[arg(short, long)]
    logs: bool,
    /// The answer only, without the line about the run.
    #[arg(short, long)]
    quiet: bool,
}

const EXIT_CODES: &str = "The exit code tells the outcome: 0 succeeded, 1 failed, 3 refused by SPEAR, 124 timed-out, \
                          125 out-of-fuel, 126 denied, 134 trapped, 137 out-of-memory.";

impl Ask for Invoke {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let call = Payload {
            content_type: self.content_type.clone(),
            headers: self.headers.clone(),
            body: self.body()?.into(),
        };
        let invoked = client.invoke(&parse(&self.function)?, self.version, call.into()).await?;
        if context.output.is_json() {
            context.output.answer(&value(&self.function, &invoked), String::new)?;
        } else {
            show(&invoked.outcome)?;
        }
        if self.logs {
            self.show_log(client, &invoked, context).await?;
        }
        if !self.quiet {
            context.output.note(summary(&invoked));
        }
        Ok(exit_code(&invoked.outcome))
    }
}

impl Invoke {
    fn body(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.data, &self.file) {
            (Some(data), _) => Ok(data.clone().into_bytes()),
            (None, Some(file)) if file.as_os_str() == "-" => {
                let mut body = Vec::new();
                io::stdin().read_to_end(&mut body).context("cannot read standard input")?;
                Ok(body)
            }
            (None, Some(file)) => fs::read(file).with_context(|| format!("cannot read {}", file.display())),
            (None, None) => Ok(Vec::new()),
        }
    }

    async fn show_log(&self, client: &Client, invoked: &Invoked, context: &Context<'_>) -> anyhow::Result<()> {
        for log in client.logs(LogsOf::Task(invoked.task), None).await? {
            log.lines.iter().for_each(|line| context.output.note(logs::line(line)));
        }
        Ok(())
    }
}

fn value(function: &str, invoked: &Invoked) -> serde_json::Value {
    json!({
        "task": invoked.task,
        "function": function,
        "version": invoked.version,
        "node": invoked.node,
        "outcome": view::outcome(&invoked.outcome),
        "usage": view::usage(&invoked.usage),
    })
}

/// The reply goes to standard output as it is; every other outcome is a matter for standard error.
fn show(outcome: &Outcome) -> anyhow::Result<()> {
    let Outcome::Succeeded(reply) = outcome else {
        let text = printable(&outcome.to_string());
        let (name, rest) = text.split_once(':').unwrap_or((&text, ""));
        anstream::eprintln!("{}:{rest}", bad(name));
        return Ok(());
    };
    let mut out = io::stdout().lock();
    let ends = reply.body.is_empty() || reply.body.ends_with(b"\n") || std::str::from_utf8(&reply.body).is_err();
    out.write_all(&reply.body)?;
    out.write_all(if ends { b"" } else { b"\n" })?;
    Ok(out.flush()?)
}

fn summary(invoked: &Invoked) -> String {
    let Invoked { task, version, node, outcome, usage } = invoked;
    let name = if matches!(outcome, Outcome::Succeeded(_)) { good(outcome.name()) } else { bad(outcome.name()) };
    format!("{name} {}", dim(format_args!("task {task} · version {version} · {node} · {}", cost(usage))))
}

fn cost(usage: &Usage) -> String {
    let fuel = usage.fuel.map(|fuel| format!(" · {fuel} fuel")).unwrap_or_default();
    format!("{} wall · {} cpu · {} memory{fuel}", duration(usage.wall), duration(usage.cpu), size(usage.peak_memory))
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Succeeded(_) => 0,
        Outcome::Failed(_) => 1,
        // As timeout(1), and as a shell shows SIGABRT and SIGKILL.
        Outcome::TimedOut { .. } => 124,
        Outcome::OutOfFuel { .. } => 125,
        Outcome::Denied(_) => 126,
        Outcome::Trapped(_) => 134,
        Outcome::OutOfMemory { .. } => 137,
    })
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
