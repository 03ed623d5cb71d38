//! The automation: `cargo xtask demo | test | bench | ci`.

mod bench;
mod ci;
mod cluster;
mod demo;
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
    /// Measure, beside the floor of the same machine in the same run.
    Bench {
        /// What to measure.
        #[arg(value_enum, default_value = "engine")]
        what: bench::What,
    },
    /// What CI checks besides the tests: format, lints, documentation, the demo, cargo-component.
    Ci,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::Test { args } => {
            guests::require_target("wasm32-wasip2")?;
            shell::run(shell::cargo(["test", "--workspace"]).args(args))
        }
        Task::Bench { what } => bench::run(what),
        Task::Ci => ci::run(),
    }
}
