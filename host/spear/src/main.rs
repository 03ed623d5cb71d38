//! `spear`: one binary for the command line, the SMS and the Spearlet.

mod cli;
mod client;
mod config;
mod output;
mod project;
mod serve;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == serve::LAUNCH) {
        return spear_agents::process::launch();
    }
    let cli = cli::Cli::parse();
    let output = output::Output::new(cli.global.output, !cli.global.non_interactive);
    match cli.run(&output) {
        Ok(code) => code,
        Err(error) => output.fail(&error),
    }
}
