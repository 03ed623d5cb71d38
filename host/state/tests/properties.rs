//! Whatever happens in whatever order: everything is counted right, no step is one that there is not, nothing ends twice,
//! nothing that was acknowledged is lost, no node is oversold, and once all is well again everything ends.

mod actions;
mod common;
mod world;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    actions::{Action, action},
    world::World,
};

/// What happens.
fn actions() -> impl Strategy<Value = Vec<Action>> {
    proptest::collection::vec(action(), 1..150)
}

/// Every other queue is never full.
fn queue() -> impl Strategy<Value = usize> {
    prop_oneof![Just(100_000), 4usize..16]
}

proptest! {
    #[test]
    fn whatever_happens_every_accepted_task_ends_once(actions in actions(), queue in queue(), missing in 0usize..3) {
        let mut world = World::new(queue);
        actions.into_iter().for_each(|action| world.act(action));
        world.heal(missing);
    }
}

#[test]
fn what_happens_at_random_finds_the_queue_full_now_and_then() {
    const WORLDS: usize = 100;
    let mut random = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let full = (0..WORLDS).filter(|_| {
        let (actions, queue) = (actions(), queue()).new_tree(&mut random).unwrap().current();
        let mut world = World::new(queue);
        actions.into_iter().for_each(|action| world.act(action));
        world.refused_full > 0
    });
    let full = full.count();
    assert!((WORLDS / 20..WORLDS / 2).contains(&full), "in {full} of {WORLDS} worlds");
}
