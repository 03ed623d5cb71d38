//! `spear invoke`: run a function now.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use spear_types::{Call, Outcome, Payload, Usage};

use super::{Ask, Context, function::parse, logs, view};
use crate::{
    client::{Client, Invoked, LogsOf},
    output::{REFUSED, bad, dim, duration, good, printable, size},
};

/// Run a function now and print its answer.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Invoke {
    /// The function.
    function: String,
    /// A function that its component exports, with arguments in WAVE: 'add(1, 2)'.
    #[arg(value_name = "CALL", conflicts_with_all = ["args", "data", "file", "content_type", "headers", "method", "path"])]
    typed: Option<String>,
    /// Arguments of a command. Its standard input is the body, else what is piped into this one.
    #[arg(last = true, conflicts_with_all = ["content_type", "headers", "method", "path"])]
    args: Vec<String>,
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
    /// The method of an HTTP request. [default: POST with a body, else GET]
    #[arg(long)]
    method: Option<String>,
    /// The path and query of an HTTP request. [default: /]
    #[arg(long)]
    path: Option<String>,
    /// Show the log too.
    #[arg(short, long)]
    logs: bool,
    /// The answer only, without the line about the run.
    #[arg(short, long)]
    quiet: bool,
}

const EXIT_CODES: &str = "The exit code tells the outcome: 0 succeeded, 1 failed, 3 refused by SPEAR, 124 timed-out, \
                          125 out-of-fuel, 126 denied, 134 trapped, 137 out-of-memory. A command that fails gives its \
                          own.";

impl Ask for Invoke {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let invoked = client.invoke(&parse(&self.function)?, self.version, self.call()?).await?;
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
    fn call(&self) -> anyhow::Result<Call> {
        if let Some(text) = &self.typed {
            return Ok(Call::Typed(text.clone()));
        }
        let body = self.body()?.into();
        if !self.args.is_empty() {
            return Ok(Call::Command { args: self.args.clone(), stdin: body });
        }
        let pseudo = |name: &str, value: &Option<String>| value.clone().map(|value| (name.to_owned(), value));
        let pseudo = [pseudo(":method", &self.method), pseudo(":path", &self.path)].into_iter().flatten();
        let headers = pseudo.chain(self.headers.clone()).collect();
        Ok(Payload { content_type: self.content_type.clone(), headers, body }.into())
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        let piped = || !self.args.is_empty() && !io::stdin().is_terminal();
        match (&self.data, &self.file) {
            (Some(data), _) => Ok(data.clone().into_bytes()),
            (None, Some(file)) if file.as_os_str() != "-" => {
                fs::read(file).with_context(|| format!("cannot read {}", file.display()))
            }
            (None, None) if !piped() => Ok(Vec::new()),
            (None, _) => {
                let mut body = Vec::new();
                io::stdin().read_to_end(&mut body).context("cannot read standard input")?;
                Ok(body)
            }
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

/// The reply goes to standard output as it is, and what a command wrote before it failed; every other outcome is a matter
/// for standard error.
fn show(outcome: &Outcome) -> anyhow::Result<()> {
    match outcome {
        Outcome::Succeeded(reply) => return show_body(&reply.body),
        Outcome::Failed(failure) => failure.exit.iter().try_for_each(|exit| show_body(&exit.stdout))?,
        _ => {}
    }
    let text = printable(&outcome.to_string());
    let (name, rest) = text.split_once(':').unwrap_or((&text, ""));
    anstream::eprintln!("{}:{rest}", bad(name));
    Ok(())
}

fn show_body(body: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let ends = body.is_empty() || body.ends_with(b"\n") || std::str::from_utf8(body).is_err();
    out.write_all(body)?;
    out.write_all(if ends { b"" } else { b"\n" })?;
    Ok(out.flush()?)
}

fn summary(invoked: &Invoked) -> String {
    let Invoked { task, version, node, outcome, usage } = invoked;
    let name = if matches!(outcome, Outcome::Succeeded(_)) { good(outcome.name()) } else { bad(outcome.name()) };
    let status = status(outcome).map(|status| format!("status {} · ", printable(status))).unwrap_or_default();
    let rest = dim(format_args!("{status}task {task} · version {version} · {node} · {}", cost(usage)));
    format!("{name} {rest}")
}

/// The status of an HTTP response.
fn status(outcome: &Outcome) -> Option<&str> {
    let Outcome::Succeeded(reply) = outcome else { return None };
    reply.headers.iter().find(|(name, _)| name == ":status").map(|(_, status)| status.as_str())
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

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
