//! Whatever happens in whatever order: everything is counted right, no step is one that there is not, nothing ends twice,
//! nothing that was acknowledged is lost, no node is oversold, and once all is well again everything ends.

mod actions;
mod common;
mod world;

use proptest::prelude::*;

use crate::{actions::action, world::World};

proptest! {
    #[test]
    fn whatever_happens_every_accepted_task_ends_once(
        actions in proptest::collection::vec(action(), 1..150),
        missing in 0usize..3,
    ) {
        let mut world = World::new();
        actions.into_iter().for_each(|action| world.act(action));
        world.heal(missing);
    }
}
