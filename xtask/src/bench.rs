//! `cargo xtask bench`: each prints its floor beside our figure.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{guests, shell};

/// Measure, beside the floor of the same machine in the same run.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure.
    #[arg(value_enum, default_value = "engine")]
    what: What,
    /// A folder on the disk to measure `tasks` and `start` with. [default: target/tmp]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How many tasks, or calls. [default: 100000 for `tasks`, 1000000 for `start`, 500 for `agents`]
    #[arg(long)]
    count: Option<u64>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// A fresh call, beside a bare loop over wasmtime.
    Engine,
    /// A call that does nothing as a process, as a container and as a component, cold and warm, beside a spawn and the engine's own.
    Agents,
    /// Commits, starts and pages of the journal of tasks, beside the disk's own time.
    Journal,
    /// Placements a second on simulated nodes, beside the least number of nodes that could do.
    Placement,
    /// Durable tasks a second and how soon a single one runs, beside the disk's own fdatasync.
    Tasks,
    /// A start of the SMS with many ended tasks, beside reading its file.
    Start,
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self { what, data, count } = self;
        if !matches!(what, What::Placement | What::Journal) {
            guests::require_target("wasm32-wasip2")?;
        }
        let count = count.iter().flat_map(|count| ["--count".to_owned(), count.to_string()]);
        let agents = || {
            let mut cargo = shell::cargo(["bench", "--package", "spear", "--bench", "agents", "--"]);
            shell::run(cargo.args(count.clone()))
        };
        let durable = |what| {
            let mut cargo = shell::cargo(["bench", "--package", "spear", "--bench", "durable", "--", what]);
            // Cargo runs it in the package's folder, not in ours.
            let data = data.as_ref().map(std::path::absolute).transpose()?;
            cargo.args(data.iter().flat_map(|data| ["--data".as_ref(), data.as_os_str()]));
            shell::run(cargo.args(count.clone()))
        };
        match what {
            What::Engine => shell::run(&mut shell::cargo(["bench", "--package", "spear-engine", "--bench", "fresh"])),
            What::Agents => agents(),
            What::Placement => {
                shell::run(&mut shell::cargo(["bench", "--package", "spear-placement", "--bench", "placement"]))
            }
            What::Journal => shell::run(&mut shell::cargo(["bench", "--package", "spear-store", "--bench", "tasks"])),
            What::Tasks => durable("tasks"),
            What::Start => durable("start"),
        }
    }
}
