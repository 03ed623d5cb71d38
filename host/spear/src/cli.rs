//! The command line: what there is, and who does it.

mod again;
mod build;
mod call;
mod deploy;
mod doctor;
mod ended;
mod function;
mod inspect;
mod invoke;
mod kv;
mod logs;
mod new;
mod node;
mod object;
mod placement;
mod schedule;
mod submit;
mod task;
mod view;

use std::{future::Future, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use serde::Serialize;

use crate::{
    client::Client,
    config::Config,
    output::{self, Format, Output},
    project::Project,
    serve,
};

/// Runs WebAssembly functions on a cluster, with enforced limits and granted capabilities.
#[derive(Debug, Parser)]
#[command(name = "spear", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How to answer.
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Format,
    /// The SMS that commands talk to. [default: http://127.0.0.1:50051]
    #[arg(long, global = true, value_name = "URL")]
    sms: Option<String>,
    /// The configuration file. [default: $XDG_CONFIG_HOME/spear/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The project's folder.
    #[arg(short = 'C', long, global = true, value_name = "FOLDER", default_value = ".")]
    project: PathBuf,
    /// Nobody watches: no progress bars, no colours. [default: as standard error is a terminal or not]
    #[arg(long, global = true)]
    pub(crate) non_interactive: bool,
    /// Print the configuration in force and end.
    #[arg(long, global = true)]
    dump_config: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new project.
    New(new::New),
    /// Build the project and check its component against its grants.
    Build,
    /// Run the SMS and one Spearlet in one process.
    Up(serve::Up),
    /// Run the SMS: knows functions, nodes and objects, decides what runs where.
    Sms(serve::Sms),
    /// Run a Spearlet: a node that runs functions.
    Spearlet(serve::Spearlet),
    /// Make a new version of the project's function.
    Deploy(deploy::Deploy),
    /// Run a function now and print its answer.
    Invoke(invoke::Invoke),
    /// Remember a call as a task, which runs to its end wherever there is room.
    Submit(Box<submit::Submit>),
    /// Tasks: what was submitted, how it goes, how it ended.
    #[command(subcommand)]
    Task(task::Task),
    /// Calls that are made again and again.
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    /// Functions that are deployed.
    #[command(subcommand)]
    Function(function::Function),
    /// Nodes that run functions.
    #[command(subcommand)]
    Node(node::Node),
    /// What recent calls and tasks wrote to their logs.
    Logs(logs::Logs),
    /// Objects in buckets.
    #[command(subcommand)]
    Object(object::Object),
    /// Values in key-value stores.
    #[command(subcommand)]
    Kv(kv::Kv),
    /// What a component imports, what it is granted, what is missing.
    Inspect(inspect::Inspect),
    /// Look for what keeps SPEAR from working well on this machine.
    Doctor,
    /// Print the completion script of a shell.
    Completion {
        /// Whose.
        shell: Shell,
    },
}

/// What a command works with.
pub(crate) struct Context<'a> {
    pub(crate) config: Config,
    pub(crate) folder: PathBuf,
    pub(crate) output: &'a Output,
}

/// A command that asks the SMS.
pub(crate) trait Ask {
    /// Does it; the answer is the exit code.
    fn ask(self, client: &Client, context: &Context<'_>) -> impl Future<Output = anyhow::Result<ExitCode>>;
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// A refusal, or what kept the command from starting.
    pub(crate) fn run(self, output: &Output) -> anyhow::Result<ExitCode> {
        let config = Config::load(self.global.config.as_deref(), self.flags())?;
        if self.global.dump_config {
            output::line(config.dump()?.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let context = Context { config, folder: self.global.project, output };
        match self.command {
            Some(command) => command.run(&context),
            None => Ok(Self::command().print_help().map(|()| ExitCode::from(2))?),
        }
    }

    /// The layer of the configuration that the command line is: only what was given.
    fn flags(&self) -> Flags {
        let client = self.global.sms.clone().map(|sms| ClientFlags { sms });
        match &self.command {
            Some(Command::Up(up)) => Flags { client, ..up.flags() },
            Some(Command::Sms(sms)) => Flags { client, ..sms.flags() },
            // A Spearlet's SMS is the same flag, and belongs to its own section.
            Some(Command::Spearlet(spearlet)) => spearlet.flags(self.global.sms.clone()),
            _ => Flags { client, ..Flags::default() },
        }
    }
}

impl Command {
    fn run(self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(new) => new.run(context),
            Self::Build => build::run(context),
            Self::Inspect(inspect) => block_on(inspect.run(context)),
            Self::Completion { shell } => complete(shell),
            Self::Doctor => block_on(doctor::run(context)),
            Self::Up(_) => block_on(serve::up(context)),
            Self::Sms(_) => block_on(serve::sms(context)),
            Self::Spearlet(_) => block_on(serve::spearlet(context)),
            Self::Deploy(deploy) => ask(deploy, context),
            Self::Invoke(invoke) => ask(invoke, context),
            Self::Submit(submit) => ask(*submit, context),
            Self::Task(task) => ask(task, context),
            Self::Schedule(schedule) => ask(schedule, context),
            Self::Function(function) => ask(function, context),
            Self::Node(node) => ask(node, context),
            Self::Logs(logs) => ask(logs, context),
            Self::Object(object) => ask(object, context),
            Self::Kv(kv) => ask(kv, context),
        }
    }
}

impl Context<'_> {
    /// The project in the folder.
    ///
    /// # Errors
    /// When there is none, or its manifest is not sound.
    pub(crate) fn project(&self) -> anyhow::Result<Project> {
        Ok(Project::open(&self.folder)?)
    }
}

/// Flags that are configuration, by section.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<ClientFlags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sms: Option<serve::SmsFlags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spearlet: Option<serve::SpearletFlags>,
}

/// What of `[client]` was given as flags.
#[derive(Debug, Serialize)]
pub(crate) struct ClientFlags {
    sms: String,
}

fn ask(command: impl Ask, context: &Context<'_>) -> anyhow::Result<ExitCode> {
    block_on(async { command.ask(&Client::new(&context.config.client.sms)?, context).await })
}

fn block_on<F: Future<Output = anyhow::Result<ExitCode>>>(command: F) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let ended = runtime.block_on(command);
    // What still blocks a thread, a compiler say, must not keep a program that is done.
    runtime.shutdown_background();
    ended
}

fn complete(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "spear", &mut script);
    output::line(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// A length of time on the command line.
fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "a length of time is written as in 500ms, 10s, 5m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
