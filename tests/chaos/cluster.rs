//! An SMS, two nodes, and what befalls them.

use std::{sync::Arc, time::Duration};

use spear_types::LimitRequest;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ledger::Ledger, load};
use crate::harness::{Function, Home, Proxy, Random, Sms, Spearlet};

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    Sms,
    Node,
    Both,
}

/// All programs, and the load on them.
pub(super) struct Cluster {
    pub(super) sms: Sms,
    pub(super) nodes: [Spearlet; 2],
    /// Between the first node and the SMS.
    cable: Proxy,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: CancellationToken,
    pub(super) submitters: JoinSet<()>,
    pub(super) watchers: JoinSet<()>,
}

const SUBMITTERS: usize = 4;

impl Cluster {
    pub(super) async fn start(random: &mut Random, settings: &[(&str, &str)]) -> Self {
        let sms = Sms::alone_at_a_port_of_its_own(Home::new().await, settings).await;
        let cable = Proxy::to(&sms.url).await;
        let soon = &[("SPEAR_SPEARLET_RECONNECT", "50ms"), ("SPEAR_SPEARLET_SLOTS", "32")];
        let nodes =
            [Spearlet::by_way_of(&cable.url, &sms, "one", soon).await, Spearlet::of_set(&sms, "two", soon).await];
        for guest in ["echo", "flaky", "slow-log", "status"] {
            sms.api.deploy(&Function::guest(guest)).await.expect("a version");
        }
        let brief = LimitRequest { timeout: Some(Duration::from_millis(20)), ..LimitRequest::default() };
        sms.api.deploy(&Function::guest("spin").limits(brief)).await.expect("a version");
        let (ledger, stop) = (Arc::new(Ledger::default()), CancellationToken::new());
        let (mut submitters, mut watchers) = (JoinSet::new(), JoinSet::new());
        for name in 0..SUBMITTERS {
            let (ledger, stop) = (Arc::clone(&ledger), stop.clone());
            submitters.spawn(load::submit(name, sms.url.clone(), random.fork(), ledger, stop));
        }
        watchers.spawn(load::watch(sms.url.clone(), Arc::clone(&ledger)));
        Self { sms, nodes, cable, ledger, stop, submitters, watchers }
    }

    /// Kills what is to be killed, at some point of the load, and starts it again.
    pub(super) async fn strike(&mut self, number: usize, strike: Strike, random: &mut Random) {
        self.moves_on(1 + random.below(150)).await;
        // Some die again while they start.
        let times = if random.below(4) == 0 { 2 } else { 1 };
        let node = random.below(2) as usize;
        let sms_first = random.below(2) == 0;
        eprintln!("{number}: {strike:?}, node {node}, {times} times, SMS first: {sms_first}");
        for _ in 0..times {
            match strike {
                Strike::Sms => self.sms.kill_and_begin_again("sms"),
                Strike::Node => self.nodes[node].kill_and_begin_again(),
                Strike::Both if sms_first => {
                    self.sms.program.kill();
                    self.nodes[node].kill_and_begin_again();
                    self.sms.kill_and_begin_again("sms");
                }
                Strike::Both => {
                    self.nodes.iter_mut().for_each(|node| node.program.kill());
                    self.sms.kill_and_begin_again("sms");
                    self.nodes.iter_mut().for_each(Spearlet::kill_and_begin_again);
                }
            }
        }
        if strike != Strike::Node {
            self.sms.is_up().await;
        }
    }

    /// Cuts the first node off, under load.
    pub(super) async fn cut_for(&mut self, time: Duration) {
        self.moves_on(100).await;
        eprintln!("node one is cut off for {time:?}");
        self.cable.cut_for(time).await;
        self.nodes[0].is_live(&self.sms).await;
        self.moves_on(500).await;
    }

    /// Attempts that were given up with their node.
    pub(super) fn moved(&self) -> u64 {
        self.ledger.moved()
    }

    /// Waits until the load got on; whoever failed meanwhile fails the test.
    async fn moves_on(&mut self, by: u64) {
        let ledger = Arc::clone(&self.ledger);
        tokio::select! {
            () = ledger.moves_on(by) => {}
            Some(ended) = self.submitters.join_next() => panic!("it had to go on submitting: {ended:?}"),
            Some(ended) = self.watchers.join_next() => panic!("it had to go on watching: {ended:?}"),
        }
    }
}
