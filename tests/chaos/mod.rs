//! Programs that are killed and networks that are cut at random points under load: every acknowledged task ends exactly
//! once, nothing is recorded twice, nothing is stuck.
//!
//! ```text
//! load ─ batches with keys ─▶ SMS, two nodes ◀─ strikes     at points that come again with the seed
//!   ╰── what was acknowledged ─▶ Ledger ◀── every end that anybody saw
//!                                  ╰─▶ settle: what is listed is what was acknowledged; no end ever changed
//! ```
//!
//! `SPEAR_CHAOS_SEED` repeats a run as far as chance goes; `SPEAR_CHAOS_KILLS` is how many of each kind there are, and
//! `SPEAR_CHAOS_SECONDS` ends it before that. `cargo xtask chaos` sets them.

mod cluster;
mod ledger;
mod load;
mod settle;

use std::{
    env,
    time::{Duration, Instant},
};

use crate::harness::{Random, seed};
use cluster::{Cluster, Strike};

/// How long, how often, and from where.
struct Plan {
    seed: u64,
    kills: u64,
    end: Option<Instant>,
}

impl Plan {
    fn of_environment() -> Self {
        let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
        let end = number("SPEAR_CHAOS_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let seed = number("SPEAR_CHAOS_SEED").unwrap_or_else(seed);
        Self { seed, kills: number("SPEAR_CHAOS_KILLS").unwrap_or(8), end }
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end < Instant::now())
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
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_task_ends_once_whatever_is_killed_and_when() {
    let plan = Plan::of_environment();
    let mut random = Random::new(plan.seed);
    let mut cluster = Cluster::start(&mut random, &[]).await;
    for (number, strike) in plan.strikes(&mut random).into_iter().enumerate() {
        if plan.is_over() {
            eprintln!("the time is over after {number} kills");
            break;
        }
        cluster.strike(number, strike, &mut random).await;
    }
    let verdict = cluster.settle().await;
    eprintln!("seed {}: {verdict}", plan.seed);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes by the clock: run it with `cargo xtask chaos`"]
async fn a_partition_of_5_s_costs_nothing_and_one_of_60_s_moves_the_tasks() {
    let plan = Plan::of_environment();
    let mut random = Random::new(plan.seed);
    // The SMS's own lease.
    let mut cluster = Cluster::start(&mut random, &[]).await;
    for _ in 0..3 {
        cluster.cut_for(Duration::from_secs(5)).await;
        assert_eq!(cluster.moved(), 0, "attempts were given up, which cost only time");
    }
    cluster.cut_for(Duration::from_secs(60)).await;
    assert!(cluster.moved() > 0, "the node kept what nobody could hear of");
    let verdict = cluster.settle().await;
    eprintln!("seed {}: {verdict}", plan.seed);
}
