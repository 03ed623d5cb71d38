//! The automation: `cargo xtask demo | test | chaos | bench | ci`.

mod bench;
mod chaos;
mod ci;
mod cluster;
mod demo;
mod engine;
mod guests;
mod shell;

use clap::{Parser, Subcommand};

/// Builds, shows, tests and measures SPEAR.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build everything, run it, and show what it does.
    Demo(demo::Demo),
    /// Build the guests and run every test.
    Test {
        /// Passed on to `cargo test`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Kill programs and cut networks under load at random points, and look at every task.
    Chaos(chaos::Chaos),
    /// Measure, beside the floor of the same machine in the same run.
    Bench(bench::Bench),
    /// What CI checks besides the tests: format, lints, documentation, the demo, chaos, cargo-component.
    Ci,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::Test { args } => {
            guests::require_target("wasm32-wasip2")?;
            engine::install_if_required()?;
            shell::run(shell::cargo(["test", "--workspace"]).args(args))
        }
        Task::Chaos(chaos) => chaos.run().map(drop),
        Task::Bench(bench) => bench.run(),
        Task::Ci => ci::run(),
    }
}
