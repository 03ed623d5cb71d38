//! `spear function`: what is deployed.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};
use spear_types::{AgentKind, Body, FunctionName, FunctionVersion, Implementation, Refusal, Reuse};

use super::{Ask, Context, inspect, placement, view};
use crate::{
    client::Client,
    output::{self, counted, size, table, time},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Function {
    /// List the functions, or the versions of one.
    Ls {
        /// List this function's versions.
        name: Option<String>,
    },
    /// Show one with its limits, what enforces them, and its grants.
    Get {
        /// The function.
        name: String,
        /// Another version than the newest.
        #[arg(long, allow_negative_numbers = true)]
        version: Option<u32>,
    },
    /// Remove a function with all of its versions.
    Rm {
        /// The function.
        name: String,
    },
}

impl Ask for Function {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ls { name } => ls(client, context, name).await?,
            Self::Get { name, version } => {
                let function = client.function(&parse(&name)?, version).await?;
                context.output.answer(&view::function(&function), || describe(&function))?;
            }
            Self::Rm { name } => {
                let name = parse(&name)?;
                let versions = client.delete_function(&name).await?;
                let answer = json!({ "name": name, "versions": versions });
                context.output.answer(&answer, || format!("removed {name} with {}", counted(versions, "version")))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn ls(client: &Client, context: &Context<'_>, name: Option<String>) -> anyhow::Result<()> {
    let functions = match name {
        Some(name) => client.versions(&parse(&name)?).await?,
        None => client.list_functions().await?,
    };
    if functions.is_empty() {
        context.output.note("no function is deployed; make one with `spear new NAME`");
    }
    let values: Vec<Value> = functions.iter().map(view::function).collect();
    context.output.answer(&values, || list(&functions))
}

fn list(functions: &[FunctionVersion]) -> String {
    if functions.is_empty() {
        return String::new();
    }
    let row = |function: &FunctionVersion| {
        [
            function.name.to_string(),
            function.version.to_string(),
            kinds(function),
            total(function),
            time(function.created),
            output::printable(function.description.as_deref().unwrap_or_default()),
        ]
    };
    table(["NAME", "VERSION", "RUNS AS", "SIZE", "CREATED", "DESCRIPTION"], functions.iter().map(row))
}

fn describe(function: &FunctionVersion) -> String {
    let limits = function.agents().iter().map(|agent| limits(function, agent)).collect::<Vec<_>>().join("\n\n");
    let granted = function.grants.effective.lines();
    let grants = if granted.is_empty() { "  none".to_owned() } else { format!("  {}", granted.join("\n  ")) };
    let cuts: String = function.grants.cuts().iter().map(|cut| format!("\n  {}", inspect::cut(cut))).collect();
    let settings: String = function.settings.iter().map(|(key, value)| format!("\n  {key} = {value:?}")).collect();
    let config = if settings.is_empty() { String::new() } else { format!("\n\nCONFIG{settings}") };
    let about =
        function.description.as_deref().map(|text| format!("\n{}", output::printable(text))).unwrap_or_default();
    let rows = function.implementations.iter().map(implementation);
    let implementations = table(["RUNS AS", "WHAT", "SIZE", "DIGEST", "REUSE"], rows);
    let placement = placement::text(&function.placement, Some(function.limits.memory));
    format!(
        "{} version {}{about}\ndeployed {}\n\n{implementations}\n\n{limits}\n\n{placement}\n\nGRANTS\n{grants}{cuts}{config}",
        function.name,
        function.version,
        time(function.created),
    )
}

/// A name from the command line.
pub(crate) fn parse(name: &str) -> Result<FunctionName, Refusal> {
    Ok(name.parse()?)
}

/// What a deploy says.
pub(crate) fn deployed(function: &FunctionVersion, made: bool) -> String {
    let what = if made { output::good("deployed") } else { "unchanged".to_owned() };
    // An image, or a command of the machine's, is nothing that was sent.
    let sent = function.artifacts().next().map(|_| format!(", {}", total(function))).unwrap_or_default();
    format!("{what} {} version {} ({}{sent})", function.name, function.version, kinds(function))
}

/// The limits of its runs by one agent.
fn limits(function: &FunctionVersion, agent: AgentKind) -> String {
    let row = |(name, value, by): (&str, String, spear_types::EnforcedBy)| [format!("  {name}"), value, by.to_string()];
    let limit = match agent {
        AgentKind::Wasm => "LIMIT",
        AgentKind::Docker => "LIMIT AS DOCKER",
        AgentKind::Process => "LIMIT AS PROCESS",
    };
    table([limit, "VALUE", "ENFORCED BY"], function.limits.enforcement(agent).into_iter().map(row))
}

/// What it runs as, in the order in which that is tried.
fn kinds(function: &FunctionVersion) -> String {
    let kinds = function.implementations.iter().map(|implementation| implementation.agent().name());
    kinds.collect::<Vec<_>>().join(", ")
}

/// What nodes fetch for it at the most.
fn total(function: &FunctionVersion) -> String {
    size(function.artifacts().map(|artifact| artifact.size).sum())
}

fn implementation(implementation: &Implementation) -> [String; 5] {
    let what = match &implementation.body {
        Body::Wasm(_) => "component".to_owned(),
        Body::Process(program) => program.command().join(" "),
        Body::Docker(image, program) => format!("{} {}", image.as_str(), program.command().join(" ")),
    };
    let (bytes, digest) = implementation
        .artifact()
        .map_or_else(Default::default, |artifact| (size(artifact.size), artifact.digest.to_string()[..12].to_owned()));
    let reuse = match implementation.reuse {
        Reuse::Never => "never".to_owned(),
        Reuse::Serial(pool) => format!("serial, {} to {}", pool.min, pool.max),
    };
    [format!("  {}", implementation.agent()), output::printable(what.trim_end()), bytes, digest, reuse]
}
