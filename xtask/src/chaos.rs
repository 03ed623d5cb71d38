//! `cargo xtask chaos`: programs are killed and networks are cut for as long as you like.

use std::time::Duration;

use clap::Args;

use crate::{guests, shell};

/// Kill programs and cut networks under load at random points, and look at every task.
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// The seed that a run before this one printed. [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// How often each is killed: the SMS, a Spearlet, both.
    #[arg(long, default_value = "100")]
    kills: u64,
    /// Ends the killing after so long, though there were fewer kills.
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    time: Duration,
}

impl Chaos {
    /// The same driver as in the tests, for longer; and what takes minutes by the clock.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        guests::require_target("wasm32-wasip2")?;
        let Self { seed, kills, time } = self;
        let test = ["test", "--package", "spear", "--test", "end-to-end", "--", "chaos::"];
        // One after the other: a partition is to be the only thing that is wrong then.
        let mut cargo =
            shell::cargo(test.into_iter().chain(["--include-ignored", "--nocapture", "--test-threads", "1"]));
        cargo.env("SPEAR_CHAOS_KILLS", kills.to_string()).env("SPEAR_CHAOS_SECONDS", time.as_secs().to_string());
        cargo.envs(seed.map(|seed| ("SPEAR_CHAOS_SEED", seed.to_string())));
        shell::run(&mut cargo)?;
        println!("Every acknowledged task ended once; nothing was recorded twice; nothing is stuck.");
        Ok(())
    }
}
