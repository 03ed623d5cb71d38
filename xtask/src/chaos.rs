//! `cargo xtask chaos`: programs are killed and networks are cut for as long as you like.

use std::{fs, time::Duration};

use anyhow::Context as _;
use clap::Args;

use crate::{engine, guests, shell};

/// What is killed: the SMS, a Spearlet, both.
const KINDS: u64 = 3;

/// How often each is killed unless told otherwise. On two cores with other work beside it the kills take 45 s, 20 s more to
/// look at every task, and all of it, with the partitions, two minutes in debug; a thousand programs take three to five.
const KILLS: u64 = 100;

/// Kill programs and cut networks under load at random points, and look at every task.
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// The seed that a run before this one printed. [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// How often each is killed: the SMS, a Spearlet, both.
    #[arg(long, default_value_t = KILLS)]
    kills: u64,
    /// Ends the killing after so long, though there were fewer kills.
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// What was done of what was to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kills {
    done: u64,
    of: u64,
}

impl Chaos {
    /// As often as it has to hold, with a seed of its own.
    pub(crate) fn whole() -> Self {
        Self { seed: None, kills: KILLS, time: Duration::from_secs(30 * 60) }
    }

    /// The same driver as in the tests, for longer; and what takes minutes by the clock.
    pub(crate) fn run(self) -> anyhow::Result<Kills> {
        guests::require_target("wasm32-wasip2")?;
        engine::install_if_required()?;
        let Self { seed, kills, time } = self;
        let folder = tempfile::tempdir()?;
        let done = folder.path().join("done");
        let test = ["test", "--workspace", "--test", "end-to-end", "--", "chaos::", "--ignored", "--nocapture"];
        // Each has programs of its own, and who cuts networks mostly waits.
        let mut cargo = shell::cargo(test.into_iter().chain(["--test-threads", "2"]));
        cargo.env("SPEAR_CHAOS_KILLS", kills.to_string()).env("SPEAR_CHAOS_SECONDS", time.as_secs().to_string());
        cargo.env("SPEAR_CHAOS_DONE", &done).envs(seed.map(|seed| ("SPEAR_CHAOS_SEED", seed.to_string())));
        shell::run(&mut cargo)?;
        let done = fs::read_to_string(&done).context("the test did not say how many kills there were")?;
        let kills = Kills { done: done.parse()?, of: kills * KINDS };
        println!("{}", kills.verdict());
        Ok(kills)
    }
}

impl Kills {
    /// Whether nothing was left out.
    pub(crate) fn are_all_done(self) -> bool {
        self.done == self.of
    }

    fn verdict(self) -> String {
        let Self { done, of } = self;
        if self.are_all_done() {
            return format!(
                "{done} of {of} kills done: every acknowledged task ended once; nothing was recorded twice; nothing is stuck; \
                 nothing of any program is left."
            );
        }
        format!(
            "{done} of {of} kills done; the time was over. Nothing was wrong up to then: a longer `--for` does them all."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_cut_short_does_not_say_that_all_was_done() {
        let (cut, whole) = (Kills { done: 187, of: 300 }, Kills { done: 300, of: 300 });
        assert!(cut.verdict().starts_with("187 of 300 kills done;") && !cut.verdict().contains("nothing is stuck"));
        assert!(!cut.are_all_done() && whole.are_all_done());
        assert!(whole.verdict().starts_with("300 of 300 kills done:") && whole.verdict().contains("nothing is stuck"));
    }
}
