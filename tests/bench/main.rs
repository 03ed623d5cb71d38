//! `cargo bench -p spear --bench durable -- tasks|start`: real programs, a real disk, and the floor of that disk beside
//! each figure. `cargo xtask bench tasks` and `cargo xtask bench start` run it.

#[expect(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../harness/mod.rs"]
mod harness;

mod disk;
mod start;
mod tasks;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Parser, ValueEnum};

/// Measures the SMS with its disk.
#[derive(Debug, Parser)]
struct Cli {
    /// What to measure.
    #[arg(value_enum)]
    what: What,
    /// A folder on the disk to measure. [default: target/tmp]
    #[arg(long)]
    data: Option<PathBuf>,
    /// How many tasks. [default: 100000 to run, 1000000 to start with]
    #[arg(long)]
    count: Option<u64>,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Tasks a second, from submit to recorded end, and how soon a single one runs.
    Tasks,
    /// A start with many ended tasks on disk, and pages of them.
    Start,
}

#[tokio::main]
async fn main() {
    let Cli { what, data, count, bench: _ } = Cli::parse();
    let folder = data.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned());
    println!("the disk of {}", folder.display());
    disk::show(&folder, "before");
    match what {
        What::Tasks => tasks::run(&folder, count.unwrap_or(100_000)).await,
        What::Start => start::run(&folder, count.unwrap_or(1_000_000)).await,
    }
}

/// Of many times, the one that so many of a hundred are under.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}
