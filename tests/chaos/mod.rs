//! Programs that are killed and networks that are cut at random points under load: every acknowledged task ends exactly
//! once, nothing is recorded twice, nothing is stuck.
//!
//! ```text
//! load ─ batches with keys ─▶ SMS, two nodes ◀─ strikes     at points that come again with the seed
//!   ╰── what was acknowledged ─▶ Ledger ◀── every end that anybody saw
//!                                  ╰─▶ settle: what is listed is what was acknowledged; no end ever changed
//! ```
//!
//! Every run of the tests takes a sample. `cargo xtask chaos` takes the rest, and says how much by the environment:
//! `SPEAR_CHAOS_SEED` repeats a run as far as chance goes; `SPEAR_CHAOS_KILLS` is how many of each kind there are,
//! `SPEAR_CHAOS_SECONDS` ends it before that, and the file `SPEAR_CHAOS_DONE` then says how many there were.
//!
//! `left` is about the machine: after runs of programs, cancels and kills nothing of them is left on it.

mod cluster;
mod ledger;
mod left;
mod load;
mod settle;
mod witness;

use std::{
    env, fs,
    time::{Duration, Instant},
};

use crate::harness::{Random, seed};
use cluster::{Cluster, Strike};

/// From where, how often, and for how long at most.
struct Plan {
    seed: u64,
    /// Of each kind.
    kills: u64,
    time: Duration,
}

fn of_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

impl Plan {
    fn new(kills: u64, time: Duration) -> Self {
        Self { seed: of_environment("SPEAR_CHAOS_SEED").unwrap_or_else(seed), kills, time }
    }

    /// As `cargo xtask chaos` wants it.
    fn whole() -> Self {
        let time = of_environment("SPEAR_CHAOS_SECONDS").map_or(Duration::MAX, Duration::from_secs);
        Self::new(of_environment("SPEAR_CHAOS_KILLS").unwrap_or(100), time)
    }

    /// So many strikes of each kind, in an order of chance.
    fn strikes(&self, random: &mut Random) -> Vec<Strike> {
        let mut strikes = Vec::new();
        for strike in [Strike::Sms, Strike::Node, Strike::Both] {
            strikes.extend((0..self.kills).map(|_| strike));
        }
        for last in (1..strikes.len()).rev() {
            strikes.swap(last, random.below(last as u64 + 1) as usize);
        }
        strikes
    }

    /// Strikes until all is done or the time is over, and looks at what came of it. How many there were.
    async fn carry_out(&self) -> usize {
        let (start, mut random) = (Instant::now(), Random::new(self.seed));
        let mut cluster = Cluster::start(&mut random, &[]).await;
        let strikes = self.strikes(&mut random);
        let mut done = 0;
        for strike in &strikes {
            if start.elapsed() > self.time {
                break;
            }
            done += 1;
            cluster.strike(done, *strike, &mut random).await;
        }
        let (struck, verdict) = (start.elapsed(), cluster.settle().await);
        let of = strikes.len();
        eprintln!("seed {}: {done} of {of} kills done in {struck:.1?}: {verdict}", self.seed);
        done
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_task_ends_once_whatever_a_sample_of_kills_hits() {
    const BUSY: Duration = Duration::from_secs(30);
    let done = Plan::new(20, BUSY).carry_out().await;
    assert!(done > 0, "nothing was killed within {BUSY:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: run it with `cargo xtask chaos`"]
async fn every_acknowledged_task_ends_once_whatever_is_killed_and_when() {
    let done = Plan::whole().carry_out().await;
    if let Some(file) = env::var_os("SPEAR_CHAOS_DONE") {
        fs::write(file, done.to_string()).expect("a file to say it in");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute by the clock: run it with `cargo xtask chaos`"]
async fn a_partition_of_5_s_costs_nothing_but_time() {
    let plan = Plan::whole();
    let mut random = Random::new(plan.seed);
    // The SMS's own lease.
    let mut cluster = Cluster::start(&mut random, &[]).await;
    for _ in 0..3 {
        cluster.cut_for(Duration::from_secs(5)).await;
        assert_eq!(cluster.moved(), 0, "attempts were given up, which cost only time");
    }
    let verdict = cluster.settle().await;
    eprintln!("seed {}: {verdict}", plan.seed);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute by the clock: run it with `cargo xtask chaos`"]
async fn a_partition_of_60_s_moves_the_tasks_and_what_the_old_attempts_say_later_is_refused() {
    let plan = Plan::whole();
    let mut random = Random::new(plan.seed);
    let mut cluster = Cluster::start(&mut random, witness::SMS).await;
    let witness = cluster.witness().await;
    cluster.cut_for(Duration::from_secs(60)).await;
    assert!(cluster.moved() > 0, "the node kept what nobody could hear of");
    cluster.refuses_what_is_late(witness).await;
    let verdict = cluster.settle().await;
    eprintln!("seed {}: {verdict}", plan.seed);
}
