//! `cargo xtask bench`: each prints its floor beside our figure.

use clap::ValueEnum;

use crate::{guests, shell};

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum What {
    /// A fresh call, beside a bare loop over wasmtime.
    Engine,
    /// Placements onto thousands of nodes, beside a bare scan and the fewest nodes that could do.
    Placement,
}

pub(crate) fn run(what: What) -> anyhow::Result<()> {
    guests::require_target("wasm32-wasip2")?;
    match what {
        What::Engine => shell::run(&mut shell::cargo(["bench", "--package", "spear-engine", "--bench", "fresh"])),
        What::Placement => {
            shell::run(&mut shell::cargo(["bench", "--package", "spear-placement", "--bench", "placement"]))
        }
    }
}
