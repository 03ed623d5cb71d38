//! `spear doctor`: what keeps SPEAR from working well here, and what to do about it.

use std::{fmt::Display, fs, path::Path, process::Command, process::ExitCode};

use serde::Serialize;
use spear_agents::sandbox::Status;
use spear_engine::Allocation;
use spear_types::{AgentKind, NodeState};

use super::Context;
use crate::{
    client::Client,
    output::{bad, good},
    project::tools,
    serve,
};

/// A live instance takes 4 to 6 mappings: Linux' default allows about 10,000 instances.
const MAPPINGS: u64 = 65_530;

/// A connection and a file each: what a busy SMS needs.
const OPEN_FILES: u64 = 4_096;

/// Of what a machine does not give.
const NOT_ENFORCED: &str = "who asks for what is not enforced here is not run so on this node";

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    found: String,
    /// What to do; none where all is well.
    advice: Option<String>,
}

pub(crate) async fn run(context: &Context<'_>) -> anyhow::Result<ExitCode> {
    let mut findings = vec![allocation(context)?, mappings(), open_files(), wasm_target()];
    findings.extend(agents(context).await?);
    findings.extend(languages());
    findings.extend(cluster(context).await);
    let sick = findings.iter().any(|finding| finding.advice.is_some());
    context.output.answer(&findings, || findings.iter().map(Finding::text).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::from(u8::from(sick)))
}

impl Finding {
    fn good(what: &'static str, found: impl Display) -> Self {
        Self { what, found: found.to_string(), advice: None }
    }

    fn bad(what: &'static str, found: impl Display, advice: impl Display) -> Self {
        Self { what, found: found.to_string(), advice: Some(advice.to_string()) }
    }

    fn text(&self) -> String {
        let Self { what, found, advice } = self;
        match advice {
            None => format!("{} {what}: {found}", good("✓")),
            Some(advice) => format!("{} {what}: {found}\n    {advice}", bad("✗")),
        }
    }
}

fn allocation(context: &Context<'_>) -> anyhow::Result<Finding> {
    let what = "instances get memory";
    let slots = context.config.spearlet.slots;
    let found = Allocation::of_machine(slots, &context.config.limits()?.maxima);
    Ok(match found {
        Allocation::Pooling { pagemap_scan: true } => Finding::good(what, format_args!("{found}, {slots} slots")),
        Allocation::Pooling { pagemap_scan: false } => {
            Finding::bad(what, found, "a kernel of 6.7 or later makes a fresh instance about twice as fast")
        }
        Allocation::OnDemand => Finding::bad(
            what,
            found,
            "lower [spearlet] slots, or raise `ulimit -v`: pooled instances are about four times as fast",
        ),
    })
}

fn mappings() -> Finding {
    let what = "mappings of one process (vm.max_map_count)";
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let found: Option<u64> = text.and_then(|text| text.trim().parse().ok());
    match found {
        Some(count) if count >= MAPPINGS => Finding::good(what, count),
        Some(count) => Finding::bad(what, count, format_args!("sysctl -w vm.max_map_count={MAPPINGS}")),
        None => Finding::bad(what, "not known", "SPEAR's nodes run on Linux"),
    }
}

fn open_files() -> Finding {
    // The programs themselves raise what is current to this.
    let what = "open files (ulimit -Hn)";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(count) if count < OPEN_FILES => Finding::bad(
            what,
            count,
            format_args!("have the system allow {OPEN_FILES}: LimitNOFILE of systemd, /etc/security/limits.conf"),
        ),
        Some(count) => Finding::good(what, count),
        None => Finding::good(what, "unlimited"),
    }
}

/// What the machine gives to the agents that the operator turned on, for programs.
async fn agents(context: &Context<'_>) -> anyhow::Result<Vec<Finding>> {
    let config = serve::with_launcher(context.config.spearlet.clone())?;
    let (what, advice) = (|kind| if kind == AgentKind::Docker { "containers" } else { "processes" }, NOT_ENFORCED);
    let found = spearlet::agents(&config).of_machine().await;
    Ok(found
        .into_iter()
        .map(|(kind, status)| match status {
            Status::Unavailable { reason } => Finding::bad(what(kind), reason, unavailable(kind)),
            Status::Available { enforces, without } => {
                let by: Vec<_> = enforces.iter().map(|(bound, by)| format!("{bound} by {by}")).collect();
                let found = by.join(", ");
                if without.is_empty() {
                    Finding::good(what(kind), found)
                } else {
                    Finding::bad(what(kind), found, format_args!("{}; {advice}", without.join("; ")))
                }
            }
        })
        .collect())
}

fn unavailable(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Docker => "start Docker or Podman here, or say in [spearlet] docker where it is",
        _ => "functions that have another [[run]] are run by that",
    }
}

fn wasm_target() -> Finding {
    let what = "target wasm32-wasip2, to build functions";
    let advice = "rustup target add wasm32-wasip2";
    let sysroot = Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output();
    match sysroot {
        Ok(printed) if Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir() => {
            Finding::good(what, "installed")
        }
        Ok(_) => Finding::bad(what, "not installed", advice),
        Err(error) => {
            Finding::bad(what, format_args!("rustc: {error}"), "install Rust with rustup to build functions here")
        }
    }
}

/// Nobody needs these who builds functions in Rust only.
fn languages() -> impl Iterator<Item = Finding> {
    let path = tools::search_path(Path::new("."));
    tools::TOOLS.iter().filter(|tool| tool.program != "cargo").map(move |tool| match tool.find(&path) {
        Some(file) => Finding::good(tool.what, file.display()),
        None => Finding::good(tool.what, format_args!("not installed, and not needed for Rust: {}", tool.help())),
    })
}

async fn cluster(context: &Context<'_>) -> Vec<Finding> {
    let what = "SMS";
    let address = &context.config.client.sms;
    let nodes = match Client::new(address) {
        Ok(client) => client.nodes().await,
        Err(refusal) => Err(refusal),
    };
    match nodes {
        Err(refusal) => vec![Finding::bad(what, refusal.message, refusal.help.unwrap_or_default())],
        Ok(nodes) => {
            let live = nodes.iter().filter(|node| node.state == NodeState::Live).count();
            let found = format!("{live} of {} live", nodes.len());
            let advice = "start one with `spear spearlet`, or `spear up` for both in one";
            let nodes = if live > 0 { Finding::good("nodes", found) } else { Finding::bad("nodes", found, advice) };
            vec![Finding::good(what, address), nodes]
        }
    }
}
