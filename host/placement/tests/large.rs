//! What a fleet decides that is too large to look at every node.

mod common;

use common::{ask, choosy, constrained, digest, labelled, node, packed, place_all};
use spear_placement::{Fleet, Link, NodeId, Verdict};
use spear_types::{Duty, Load, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

/// Two hundred nodes with ten slots, cores and GiB each, in zones `z0` to `z9`.
fn fleet() -> (Fleet, Vec<NodeId>) {
    let mut fleet = Fleet::default();
    let zoned =
        |number| labelled(node(&format!("n{number:03}"), 10, 10, 10), &[("zone", &format!("z{}", number % 10))]);
    let nodes = (0..200).map(|number| fleet.join(zoned(number))).collect();
    (fleet, nodes)
}

fn used(fleet: &Fleet) -> usize {
    fleet.iter().filter(|node| fleet.reserved(*node).slots > 0).count()
}

#[test]
fn what_spreads_lies_on_every_node_before_a_second_run_lies_on_one() {
    let (mut fleet, _) = fleet();
    place_all(&mut fleet, &ask("f", 1, 1), 200, NOW);
    assert_eq!(used(&fleet), 200);
}

#[test]
fn what_packs_fills_a_node_before_the_next() {
    let (mut fleet, _) = fleet();
    place_all(&mut fleet, &packed("f", 1, 1), 200, NOW);
    assert_eq!(used(&fleet), 20);
}

#[test]
fn runs_that_need_much_of_one_resource_lie_with_those_that_need_the_other() {
    let (mut fleet, _) = fleet();
    for _ in 0..100 {
        fleet.place(&packed("cpu", 4, 1), &[], NOW).unwrap();
        fleet.place(&packed("memory", 1, 4), &[], NOW).unwrap();
    }
    assert_eq!(used(&fleet), 50);
}

#[test]
fn every_slot_is_found_and_none_twice() {
    let (mut fleet, nodes) = fleet();
    assert_eq!(place_all(&mut fleet, &ask("f", 1, 1), 3_000, NOW).len(), 2_000);
    fleet.release(nodes[77], &ask("f", 1, 1));
    assert_eq!(place_all(&mut fleet, &ask("f", 1, 1), 2, NOW), [nodes[77]]);
}

#[test]
fn labels_are_kept_to_however_many_nodes_there_are() {
    let (mut fleet, nodes) = fleet();
    let placed = place_all(&mut fleet, &constrained("f", &["zone = z3"]), 1_000, NOW);
    assert_eq!(placed.len(), 200);
    assert!(placed.iter().all(|node| nodes.iter().position(|other| other == node).unwrap() % 10 == 3));
    assert_eq!(place_all(&mut fleet, &constrained("f", &["node = n042"]), 99, NOW), [nodes[42]; 10]);
}

#[test]
fn preferred_nodes_are_found_among_many_and_the_others_once_they_are_full() {
    let (mut fleet, nodes) = fleet();
    let placed = place_all(&mut fleet, &choosy("f", &["zone = z1"], &["node = n001"]), 2_000, NOW);
    let zone = |node: &NodeId| nodes.iter().position(|other| other == node).unwrap() % 10;
    assert!(placed[..190].iter().all(|node| zone(node) == 1 && *node != nodes[1]));
    assert_eq!(placed.len(), 2_000);
}

#[test]
fn a_holder_of_the_artifact_is_found_among_many() {
    let (mut fleet, nodes) = fleet();
    fleet.heard(nodes[123], Load::default(), &[digest("f")]);
    assert_eq!(fleet.place(&ask("f", 1, 1), &[], NOW), Some(nodes[123]));
}

#[test]
fn nodes_that_change_their_labels_or_their_standing_are_found_anew() {
    let (mut fleet, nodes) = fleet();
    let ask = constrained("f", &["zone = moon"]);
    assert_eq!(fleet.place(&ask, &[], NOW), None);
    assert_eq!(fleet.join(labelled(node("n007", 2, 9, 9), &[("zone", "moon")])), nodes[7]);
    assert_eq!(fleet.place(&ask, &[], NOW), Some(nodes[7]));
    fleet.set_duty(nodes[7], Duty::Cordoned);
    assert_eq!(fleet.place(&ask, &[], NOW), None);
    fleet.set_duty(nodes[7], Duty::Open);
    fleet.set_link(nodes[7], Link::Gone);
    assert_eq!(fleet.place(&ask, &[], NOW), None);
    fleet.set_link(nodes[7], Link::Open);
    assert_eq!(fleet.place(&ask, &[nodes[7]], NOW), None);
    assert_eq!(fleet.place(&ask, &[], NOW), Some(nodes[7]));
    fleet.forget(nodes[7]);
    assert_eq!(fleet.place(&ask, &[], NOW), None);
}

#[test]
fn a_decision_has_the_nodes_that_were_looked_at_and_counts_the_others() {
    let (mut fleet, nodes) = fleet();
    fleet.set_link(nodes[0], Link::Gone);
    fleet.set_duty(nodes[10], Duty::Cordoned);
    let ask = constrained("f", &["zone = z0"]);
    let (chosen, decision) = fleet.place_and_explain(&ask, &[nodes[20], nodes[1]], NOW);
    assert_eq!(chosen.and_then(|node| fleet.name(node)), decision.node.as_ref());
    let scores = decision.considered.iter().filter_map(|one| one.verdict.score().map(|score| (score, one.node)));
    let best = scores.max_by(|(one, a), (other, b)| one.total_cmp(other).then(b.cmp(a))).unwrap().1;
    assert_eq!(chosen, Some(best));
    let excluded = |one: &&spear_placement::Considered| matches!(one.verdict, Verdict::Rejected(_));
    assert_eq!(decision.considered.iter().filter(excluded).count(), 2);
    let others: u32 = decision.others.iter().map(|other| other.nodes).sum();
    assert_eq!(decision.considered.len() + others as usize, 200);
    let count = |reason: &str| decision.others.iter().find(|other| other.reason == reason).map(|other| other.nodes);
    assert_eq!((count("lost or stopping"), count("cordoned, draining or drained")), (Some(1), Some(1)));
    assert_eq!(count("their labels or agents are not what is asked for"), Some(179));
}

#[test]
fn more_sets_of_constraints_than_are_kept_are_answered_as_well() {
    let (mut fleet, nodes) = fleet();
    for round in 0..3 {
        for (number, node) in nodes.iter().enumerate() {
            let others = constrained("f", &[&format!("node != n{number:03}")]);
            let placed = fleet.place(&others, &[], NOW);
            assert!(placed.is_some_and(|other| other != *node), "{round} {number}");
        }
    }
    assert_eq!(nodes.iter().map(|node| fleet.reserved(*node).slots).sum::<u32>(), 600);
}
