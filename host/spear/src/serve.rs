//! The long-running programs: bind, say where, serve, end in order.

use std::{
    collections::BTreeMap,
    env, fs,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::json;
use sms::Sms as SmsServer;
use spear_types::{AgentKind, GrantPolicy, NodeName};
use spearlet::Spearlet as SpearletServer;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Context, Flags},
    output::{self, Output},
    telemetry,
};

/// The hidden first argument of a program that becomes a function's process.
pub(crate) const LAUNCH: &str = "launch-process";

/// How long what is under way may take once a program was told to stop.
const GRACE: Duration = Duration::from_secs(30);

/// How much of that a Spearlet keeps for itself, to tell the SMS what became of what did not end.
const REPORT: Duration = Duration::from_secs(5);

/// Run the SMS and one Spearlet in one process.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the SMS listens. [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder of all data. [default: $XDG_STATE_HOME/spear]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where the Spearlet listens. [default: as configured, else a free port]
    #[arg(long, value_name = "ADDRESS")]
    spearlet_listen: Option<SocketAddr>,
    #[command(flatten)]
    capacity: Capacity,
}

/// Run the SMS.
#[derive(Debug, Args)]
pub(crate) struct Sms {
    /// Where it listens. [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder of its data. [default: $XDG_STATE_HOME/spear/sms]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// Run a Spearlet. `--sms` says whose.
#[derive(Debug, Args)]
pub(crate) struct Spearlet {
    /// Where it listens. [default: 127.0.0.1:50052]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder of its data. [default: $XDG_STATE_HOME/spear/spearlet]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The node's name. [default: the machine's]
    #[arg(long)]
    name: Option<String>,
    /// The URL that the SMS reaches the node at. [default: where it listens]
    #[arg(long, value_name = "URL")]
    advertise: Option<String>,
    #[command(flatten)]
    capacity: Capacity,
}

/// What a node has for runs.
#[derive(Debug, Args)]
struct Capacity {
    /// Runs at once. [default: 256]
    #[arg(long, allow_negative_numbers = true)]
    slots: Option<u32>,
    /// Cores for runs, as in 3.5. [default: the machine's]
    #[arg(long, value_name = "CORES", allow_negative_numbers = true)]
    cpu: Option<f64>,
    /// Memory for runs, as in 4GiB. [default: the machine's, less a tenth and 512 MiB at least for everything else]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    memory: Option<String>,
    /// A label that functions may choose the node by; may be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// What runs functions: wasm, docker, process; may be repeated. [default: wasm]
    #[arg(long = "agent", value_name = "KIND", value_parser = agent())]
    agents: Vec<AgentKind>,
}

/// What of `[sms]` was given as flags.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SmsFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
}

/// What of `[spearlet]` was given as flags.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SpearletFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertise: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agents: Vec<AgentKind>,
}

impl Up {
    pub(crate) fn flags(&self) -> Flags {
        let folder = |name: &str| self.data.as_ref().map(|data| data.join(name));
        let sms = SmsFlags { listen: self.listen, data: folder("sms") };
        let data = folder("spearlet");
        let spearlet = SpearletFlags { listen: self.spearlet_listen, data, ..self.capacity.flags() };
        Flags { client: None, sms: Some(sms), spearlet: Some(spearlet) }
    }
}

impl Sms {
    pub(crate) fn flags(&self) -> Flags {
        let sms = SmsFlags { listen: self.listen, data: self.data.clone() };
        Flags { client: None, sms: Some(sms), spearlet: None }
    }
}

impl Spearlet {
    pub(crate) fn flags(&self, sms: Option<String>) -> Flags {
        let spearlet = SpearletFlags {
            listen: self.listen,
            data: self.data.clone(),
            sms,
            name: self.name.clone(),
            advertise: self.advertise.clone(),
            ..self.capacity.flags()
        };
        Flags { client: None, sms: None, spearlet: Some(spearlet) }
    }
}

impl Capacity {
    fn flags(&self) -> SpearletFlags {
        let Self { slots, cpu, memory, labels, agents } = self;
        let (labels, agents) = (labels.iter().cloned().collect(), agents.clone());
        SpearletFlags { slots: *slots, cpu: *cpu, memory: memory.clone(), labels, agents, ..SpearletFlags::default() }
    }
}

/// By its name, which a shell can complete.
fn agent() -> impl TypedValueParser<Value = AgentKind> {
    PossibleValuesParser::new(AgentKind::ALL.map(AgentKind::name)).try_map(|name| name.parse::<AgentKind>())
}

/// `zone=a`
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed, as in zone=a")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What every program does first.
fn start(context: &Context<'_>) -> anyhow::Result<()> {
    telemetry::start(&context.config.log)?;
    raise_open_files();
    Ok(())
}

/// Takes all the open files that the system allows: guests hold as many files and sockets as their limit `handles` says.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// `spear sms`
pub(crate) async fn sms(context: &Context<'_>) -> anyhow::Result<ExitCode> {
    start(context)?;
    let stop = stopped_by_signals()?;
    let sms = bind_sms(context).await?;
    within_grace(&stop, sms.run(stop.clone())).await
}

/// `spear spearlet`
pub(crate) async fn spearlet(context: &Context<'_>) -> anyhow::Result<ExitCode> {
    start(context)?;
    let stop = stopped_by_signals()?;
    let spearlet = bind_spearlet(context, context.config.spearlet.clone()).await?;
    within_grace(&stop, spearlet.run(stop.clone(), GRACE - REPORT)).await
}

/// `spear up`: the same two programs over the same sockets, in one process.
pub(crate) async fn up(context: &Context<'_>) -> anyhow::Result<ExitCode> {
    start(context)?;
    let stop = stopped_by_signals()?;
    let sms = bind_sms(context).await?;
    let spearlet =
        bind_spearlet(context, beside(&context.config.spearlet, (sms.address(), &context.config.sms.data))).await?;
    let sms_stop = CancellationToken::new();
    let node = async {
        // Calls that are let end may still want objects: the SMS stops after the node. Whichever ends, ends the other.
        let _sms_too = sms_stop.clone().drop_guard();
        spearlet.run(stop.clone(), GRACE - REPORT).await.map_err(anyhow::Error::from)
    };
    let service = async {
        let _node_too = stop.clone().drop_guard();
        sms.run(sms_stop.clone()).await.map_err(anyhow::Error::from)
    };
    Box::pin(within_grace(&stop, async { tokio::try_join!(node, service) })).await
}

/// The node of this SMS. Where nobody said where it listens it takes a free port: only the SMS has to find it.
/// Its processes do not see what the SMS keeps.
fn beside(configured: &spearlet::Config, (sms, data): (SocketAddr, &Path)) -> spearlet::Config {
    let untold = configured.listen == spearlet::Config::default().listen;
    let listen = if untold { SocketAddr::from(([127, 0, 0, 1], 0)) } else { configured.listen };
    spearlet::Config { sms: format!("http://{sms}"), listen, hidden: vec![data.to_owned()], ..configured.clone() }
}

async fn bind_sms(context: &Context<'_>) -> anyhow::Result<SmsServer> {
    let sms = SmsServer::bind(
        context.config.sms.clone(),
        context.config.limits()?,
        policy(context.config.sms.policy.as_deref())?,
    )
    .await?;
    listening(context.output, "sms", sms.address(), None)?;
    Ok(sms)
}

/// The same, with what starts its processes: this program.
pub(crate) fn with_launcher(config: spearlet::Config) -> anyhow::Result<spearlet::Config> {
    let program = env::current_exe().context("cannot find this program, which becomes functions' processes")?;
    Ok(spearlet::Config { launcher: vec![program.into(), LAUNCH.into()], ..config })
}

async fn bind_spearlet(context: &Context<'_>, config: spearlet::Config) -> anyhow::Result<SpearletServer> {
    let config = with_launcher(config)?;
    let policy = policy(config.policy.as_deref())?;
    let spearlet = SpearletServer::bind(config, context.config.limits()?.maxima, policy).await?;
    tracing::info!(node = %spearlet.name(), allocation = %spearlet.allocation(), "node ready");
    listening(context.output, "spearlet", spearlet.address(), Some(spearlet.name()))?;
    Ok(spearlet)
}

/// What the operator allows functions to be granted.
fn policy(file: Option<&Path>) -> anyhow::Result<GrantPolicy> {
    let Some(file) = file else { return Ok(GrantPolicy::Everything) };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read the policy {}", file.display()))?;
    GrantPolicy::parse(&text).map_err(|refusal| anyhow::anyhow!("the policy {}: {}", file.display(), refusal.message))
}

/// Says where a program is reached, one line each, for whoever started it.
fn listening(out: &Output, role: &str, address: SocketAddr, name: Option<&NodeName>) -> anyhow::Result<()> {
    let url = format!("http://{address}");
    if out.is_json() {
        return output::line(&json!({ "listening": role, "url": url, "name": name }).to_string());
    }
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    output::line(&format!("{role}{name} listening on {url}"))
}

/// Lets a program run until it ends; once it was told to stop, for [`GRACE`] at the most.
async fn within_grace<T, E: Into<anyhow::Error>>(
    stop: &CancellationToken,
    program: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<ExitCode> {
    let out_of_grace = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = program => ended.map(|_| ExitCode::SUCCESS).map_err(Into::into),
        () = out_of_grace => {
            tracing::warn!("what was under way did not end within {GRACE:?}: it is given up");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Cancelled by SIGTERM or ctrl-c; a second signal ends the process at once.
fn stopped_by_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to signals")?;
    let told = stop.clone();
    tokio::spawn(async move {
        let mut either = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
        either().await;
        tracing::info!("stopping: what is under way may end; a second signal ends it");
        told.cancel();
        either().await;
        std::process::exit(130);
    });
    Ok(stop)
}
