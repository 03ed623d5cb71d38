//! What holds of every fleet, whatever happens to it: small ones, where every node is looked at, and large ones with the
//! index.

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use common::{constraints, digest, labelled, node};
use proptest::prelude::*;
use spear_placement::{Ask, Fleet, Link, NodeId, Verdict};
use spear_types::{AgentKind, Cpu, Duty, Load, PlacementPolicy, Reserved, Resources, Timestamp};

#[derive(Debug, Clone)]
enum Step {
    Join { node: usize, slots: u32, cores: u32, gib: u64, zone: u8 },
    Forget(usize),
    Place { ask: usize, excluded: Vec<usize> },
    Reserve { node: usize, ask: usize },
    Release(usize),
    Failed(usize),
    Succeeded(usize),
    Link(usize, bool),
    Duty(usize, bool),
    Holds { node: usize, ask: usize },
    Wait(u64),
}

fn step(nodes: usize) -> impl Strategy<Value = Step> {
    let join = (0..nodes, 0..6u32, 0..9u32, 0..9u64, 0..3u8);
    prop_oneof![
        4 => join.prop_map(|(node, slots, cores, gib, zone)| Step::Join { node, slots, cores, gib, zone }),
        1 => (0..nodes).prop_map(Step::Forget),
        40 => (0..ASKS, prop::collection::vec(0..nodes, 0..3)).prop_map(|(ask, excluded)| Step::Place { ask, excluded }),
        2 => (0..nodes, 0..ASKS).prop_map(|(node, ask)| Step::Reserve { node, ask }),
        20 => any::<prop::sample::Index>().prop_map(|index| Step::Release(index.index(1 << 20))),
        3 => (0..nodes).prop_map(Step::Failed),
        3 => (0..nodes).prop_map(Step::Succeeded),
        3 => (0..nodes, any::<bool>()).prop_map(|(node, open)| Step::Link(node, open)),
        3 => (0..nodes, any::<bool>()).prop_map(|(node, open)| Step::Duty(node, open)),
        2 => (0..nodes, 0..ASKS).prop_map(|(node, ask)| Step::Holds { node, ask }),
        3 => (0..5_000u64).prop_map(Step::Wait),
    ]
}

const ASKS: usize = 12;

fn asks() -> Vec<Arc<Ask>> {
    let ask = |number: usize| Ask {
        function: format!("f{}", number % 7).parse().unwrap(),
        resources: Resources {
            cpu: Cpu::from_millis([0, 700, 2_500][number % 3]),
            memory: [0, 300 << 20, 3 << 30, 5 << 30][number % 4],
        },
        constraints: constraints([&[][..], &["zone = z1"], &["zone != z1", "node != n3"]][number / 2 % 3]),
        prefer: constraints(if number.is_multiple_of(5) { &["zone = z2"] } else { &[] }),
        avoid: constraints(if number % 5 == 1 { &["zone = z0"] } else { &[] }),
        policy: if number.is_multiple_of(2) { PlacementPolicy::Spread } else { PlacementPolicy::Pack },
        agents: [AgentKind::Wasm].into_iter().collect(),
        artifact: Some(digest(&format!("{}", number % 7))),
    };
    (0..ASKS).map(|number| Arc::new(ask(number))).collect()
}

/// A fleet, and what it should say of itself.
struct Model {
    fleet: Fleet,
    asks: Vec<Arc<Ask>>,
    now: Timestamp,
    runs: Vec<(NodeId, usize)>,
}

impl Model {
    fn new(nodes: usize) -> Self {
        let mut fleet = Fleet::default();
        for number in 0..nodes {
            let zone = format!("z{}", number % 3);
            fleet.join(labelled(node(&format!("n{number}"), 3, 4, 4), &[("zone", &zone)]));
        }
        Self { fleet, asks: asks(), now: Timestamp::from_micros(1_000_000), runs: Vec::new() }
    }

    fn id(&self, number: usize) -> Option<NodeId> {
        self.fleet.find(&format!("n{number}").parse().unwrap())
    }

    fn place(&mut self, ask: usize, excluded: &[NodeId]) -> Result<Option<NodeId>, TestCaseError> {
        let before = self.fleet.explain(&self.asks[ask], excluded, self.now);
        let fits = |node: NodeId| before.considered.iter().any(|one| one.node == node && scored(&one.verdict));
        let chosen = self.fleet.place(&self.asks[ask], excluded, self.now);
        match chosen {
            Some(node) => {
                prop_assert!(fits(node), "a node was taken that a filter keeps out");
                let (capacity, taken) = (self.fleet.spec(node).unwrap().capacity, self.fleet.reserved(node));
                let Resources { cpu, memory } = self.asks[ask].resources;
                prop_assert!(taken.slots <= capacity.slots);
                // What is oversold by facts takes runs that ask for nothing of it.
                prop_assert!(cpu.as_millis() == 0 || taken.cpu <= capacity.cpu);
                prop_assert!(memory == 0 || taken.memory <= capacity.memory);
                let small = before.considered.len() <= 64;
                prop_assert!(!small || self.fleet.name(node) == before.node.as_ref(), "another one was explained");
                self.runs.push((node, ask));
            }
            None => prop_assert_eq!(before.node, None, "there was room"),
        }
        Ok(chosen)
    }

    fn apply(&mut self, step: &Step) -> Result<Option<NodeId>, TestCaseError> {
        let now = self.now;
        match step {
            Step::Join { node: number, slots, cores, gib, zone } => {
                let spec = node(&format!("n{number}"), *slots, *cores, *gib);
                self.fleet.join(labelled(spec, &[("zone", &format!("z{zone}"))]));
            }
            Step::Forget(number) => {
                if let Some(node) = self.id(*number) {
                    self.fleet.forget(node);
                    self.runs.retain(|(other, _)| *other != node);
                }
            }
            Step::Place { ask, excluded } => {
                let excluded: Vec<_> = excluded.iter().filter_map(|number| self.id(*number)).collect();
                return self.place(*ask, &excluded);
            }
            Step::Reserve { node, ask } => {
                if let Some(node) = self.id(*node) {
                    self.fleet.reserve(node, &self.asks[*ask]);
                    self.runs.push((node, *ask));
                }
            }
            Step::Release(index) => {
                if !self.runs.is_empty() {
                    let (node, ask) = self.runs.swap_remove(index % self.runs.len());
                    self.fleet.release(node, &self.asks[ask]);
                }
            }
            Step::Failed(number) => self.id(*number).into_iter().for_each(|node| self.fleet.failed(node, now)),
            Step::Succeeded(number) => self.id(*number).into_iter().for_each(|node| self.fleet.succeeded(node)),
            Step::Link(number, open) => {
                let link = if *open { Link::Open } else { Link::Gone };
                self.id(*number).into_iter().for_each(|node| self.fleet.set_link(node, link));
            }
            Step::Duty(number, open) => {
                let duty = if *open { Duty::Open } else { Duty::Cordoned };
                self.id(*number).into_iter().for_each(|node| self.fleet.set_duty(node, duty));
            }
            Step::Holds { node, ask } => {
                if let Some(node) = self.id(*node) {
                    self.fleet.heard(node, Load::default(), &[self.asks[*ask].artifact.unwrap()]);
                }
            }
            Step::Wait(millis) => self.now = now.after(Duration::from_millis(*millis)),
        }
        Ok(None)
    }

    /// What is reserved is what the runs take.
    fn check(&self) -> Result<(), TestCaseError> {
        let mut taken: BTreeMap<NodeId, Reserved> = self.fleet.iter().map(|node| (node, Reserved::default())).collect();
        for (node, ask) in &self.runs {
            let Resources { cpu, memory } = self.asks[*ask].resources;
            let sum = taken.get_mut(node).unwrap();
            let cpu = Cpu::from_millis(sum.cpu.as_millis() + cpu.as_millis());
            *sum = Reserved { slots: sum.slots + 1, cpu, memory: sum.memory + memory };
        }
        for (node, sum) in taken {
            prop_assert_eq!(self.fleet.reserved(node), sum);
        }
        Ok(())
    }
}

fn scored(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Scored(_))
}

fn drive(nodes: usize, steps: &[Step]) -> Result<Vec<Option<NodeId>>, TestCaseError> {
    let mut model = Model::new(nodes);
    let chosen = steps.iter().map(|step| model.apply(step)).collect::<Result<_, _>>()?;
    model.check()?;
    Ok(chosen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_small_fleet_is_never_oversold_and_takes_the_node_that_it_explains(steps in prop::collection::vec(step(8), 0..200)) {
        drive(8, &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_large_fleet_finds_room_where_there_is_any_and_only_there(steps in prop::collection::vec(step(90), 0..500)) {
        drive(90, &steps)?;
    }

    #[test]
    fn the_same_things_in_the_same_order_lead_to_the_same_nodes(steps in prop::collection::vec(step(80), 0..300)) {
        prop_assert_eq!(drive(80, &steps)?, drive(80, &steps)?);
    }
}
