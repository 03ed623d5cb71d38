//! `cargo bench -p spear --bench agents`: what a call that does nothing takes, for each agent, cold and warm, beside what the
//! machine or the engine takes for the same without us. `cargo xtask bench agents` runs it.
//!
//! ```text
//! floor   posix_spawn │ the engine's API │ docker run        the same program, the same bounds, nothing of ours
//! alone   spear-agents: start ─▶ ended ─▶ removed            one sandbox, no node around it
//! whole   invoke ─▶ SMS ─▶ Spearlet ─▶ agent ─▶ back         real binaries; usage.wall is the agent's own part of it
//! ```
//!
//! Floor and ours take turns, so that what else the machine does hits both.

#[expect(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../../harness/mod.rs"]
mod harness;

#[expect(dead_code, reason = "the agent's own tests need all of it")]
#[path = "../../../host/agents/tests/docker/engine.rs"]
mod engine;

mod alone;
mod floor;
mod noop;
mod times;
mod whole;

use std::time::Duration;

use clap::Parser;

use self::{noop::Noop, whole::Whole};

/// Between two cold calls: the agent makes ready for the next one while nothing is asked for.
const REST: Duration = Duration::from_millis(50);

/// Measures the agents.
#[derive(Debug, Parser)]
struct Cli {
    /// How many calls of each kind; of containers a fifth.
    #[arg(long, default_value_t = 500)]
    count: u64,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let Cli { count, bench: _ } = Cli::parse();
    let (count, containers) = (count.max(2) as usize, (count / 5).max(2) as usize);
    let home = harness::Home::alone().await;
    let (noop, engine) = (Noop::compile(home.path()), engine::host());
    let whole = Whole::start(home, &noop, engine).await;

    println!("processes: a static program that does nothing, {count} times, one after another");
    let floor = alone::process(&noop, count).await;
    whole.show("process", count, &floor).await;

    if let Some(engine) = engine {
        println!("containers: the same, {containers} times");
        let floor = alone::docker(engine, containers).await;
        whole.show("docker", containers, &floor).await;
    }

    println!("components: a guest that answers what it is sent, {count} times; `bench engine` has their floor");
    whole.show_components(count).await;
}
