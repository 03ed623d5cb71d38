//! What a fleet decides.

mod common;

use std::{sync::Arc, time::Duration};

use common::{ask, digest, node, packed, place_all};
use spear_placement::{Ask, Filter, Fleet, Link, NodeSpec, TermName, Verdict};
use spear_types::{AgentInfo, AgentKind, Capacity, Code, Cpu, Duty, Load, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

#[test]
fn the_emptiest_live_node_is_taken_by_share_and_not_by_count() {
    let mut fleet = Fleet::default();
    let small = fleet.join(node("small", 10, 10, 10));
    let large = fleet.join(node("large", 100, 100, 100));
    let gone = fleet.join(node("gone", 100, 100, 100));
    fleet.set_link(gone, Link::Gone);
    (0..5).for_each(|_| fleet.reserve(small, &ask("other", 0, 0)));
    (0..20).for_each(|_| fleet.reserve(large, &ask("other", 0, 0)));
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], NOW), Some(large));
}

#[test]
fn what_is_packed_goes_to_the_fullest_node_that_has_room() {
    let mut fleet = Fleet::default();
    let [empty, full, half] = ["a", "b", "c"].map(|name| fleet.join(node(name, 10, 10, 10)));
    (0..10).for_each(|_| fleet.reserve(full, &ask("other", 0, 0)));
    (0..5).for_each(|_| fleet.reserve(half, &ask("other", 0, 0)));
    assert_eq!(place_all(&mut fleet, &packed("f", 0, 0), 6, NOW), [half, half, half, half, half, empty]);
}

#[test]
fn a_run_has_a_slot_of_its_own_whatever_else_it_takes() {
    let mut fleet = Fleet::default();
    let one = fleet.join(node("one", 2, 100, 100));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 3, NOW), [one, one]);
    fleet.release(one, &ask("f", 0, 0));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 3, NOW), [one]);
}

#[test]
fn cpu_and_memory_are_not_given_twice() {
    let mut fleet = Fleet::default();
    fleet.join(node("one", 100, 4, 8));
    assert_eq!(place_all(&mut fleet, &ask("f", 1, 3), 9, NOW).len(), 2);
    let verdict = fleet.explain(&ask("f", 1, 3), &[], NOW).considered.remove(0).verdict;
    assert_eq!(verdict, Verdict::Rejected(Filter::Memory(3 << 30, 2 << 30)));
    assert_eq!(place_all(&mut fleet, &ask("f", 1, 1), 9, NOW).len(), 2);
    let verdict = fleet.explain(&ask("f", 1, 1), &[], NOW).considered.remove(0).verdict;
    assert_eq!(verdict, Verdict::Rejected(Filter::Cpu(1_000, 0)));
}

#[test]
fn labels_and_names_decide_and_a_node_without_the_agent_gets_nothing() {
    let mut fleet = Fleet::default();
    let a = fleet.join(common::labelled(node("a", 9, 9, 9), &[("zone", "a")]));
    let b = fleet.join(common::labelled(node("b", 9, 9, 9), &[("zone", "b"), ("gpu", "true")]));
    let mut bare = node("c", 9, 9, 9);
    bare.agents.clear();
    fleet.join(bare);
    let constrained = |text| common::constrained("f", &[text]);
    assert_eq!(fleet.place(&constrained("gpu = true"), &[], NOW), Some(b));
    assert_eq!(fleet.place(&constrained("zone != b"), &[], NOW), Some(a));
    assert_eq!(fleet.place(&constrained("node = a"), &[], NOW), Some(a));
    assert_eq!(fleet.place(&constrained("node not in [a, b]"), &[], NOW), None);
    let filters = common::filters(&fleet, &constrained("zone = b"), NOW);
    assert_eq!(
        filters,
        [Some(Filter::Constraint("zone = b".to_owned())), None, Some(Filter::Constraint("zone = b".to_owned()))]
    );
    assert_eq!(common::filters(&fleet, &ask("f", 0, 0), NOW), [None, None, Some(Filter::Agent(None))]);
}

#[test]
fn a_preferred_node_is_taken_as_long_as_it_has_room_and_an_avoided_one_last() {
    let mut fleet = Fleet::default();
    let liked = fleet.join(common::labelled(node("z", 2, 9, 9), &[("disk", "ssd")]));
    let plain = fleet.join(node("m", 2, 9, 9));
    let shunned = fleet.join(common::labelled(node("a", 2, 9, 9), &[("spot", "true")]));
    let ask = common::choosy("f", &["disk = ssd"], &["spot = true"]);
    assert_eq!(place_all(&mut fleet, &ask, 7, NOW), [liked, liked, plain, plain, shunned, shunned]);
}

#[test]
fn a_node_that_holds_the_artifact_is_taken_before_an_empty_one_of_the_same_size() {
    let mut fleet = Fleet::default();
    let [_, holder] = ["a", "b"].map(|name| fleet.join(node(name, 10, 10, 10)));
    fleet.heard(holder, Load::default(), &[digest("f")]);
    fleet.reserve(holder, &ask("other", 0, 0));
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], NOW), Some(holder));
}

#[test]
fn runs_of_one_function_lie_on_many_nodes() {
    let mut fleet = Fleet::default();
    let nodes = ["a", "b", "c"].map(|name| fleet.join(node(name, 100, 10, 10)));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 6, NOW), [nodes, nodes].concat());
}

#[test]
fn nodes_that_refused_the_run_or_take_no_work_get_nothing() {
    let mut fleet = Fleet::default();
    let [a, b, c] = ["a", "b", "c"].map(|name| fleet.join(node(name, 9, 9, 9)));
    fleet.set_duty(b, Duty::Cordoned);
    assert_eq!(fleet.place(&ask("f", 0, 0), &[a, c], NOW), None);
    assert_eq!(
        fleet.explain(&ask("f", 0, 0), &[a], NOW).considered.iter().map(|one| one.verdict.clone()).collect::<Vec<_>>()
            [..2],
        [Verdict::Rejected(Filter::Excluded), Verdict::Rejected(Filter::Duty(Duty::Cordoned))]
    );
    fleet.set_duty(b, Duty::Open);
    assert_eq!(fleet.place(&ask("f", 0, 0), &[a, c], NOW), Some(b));
}

#[test]
fn a_node_that_failed_is_avoided_and_then_tried_with_one_run() {
    let mut fleet = Fleet::default();
    let only = fleet.join(node("only", 9, 9, 9));
    fleet.failed(only, NOW);
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], NOW), None);
    assert_eq!(fleet.next_penalty_end(NOW), Some(later(1)));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 9, later(1)), [only]);
    fleet.failed(only, later(1));
    assert_eq!(fleet.penalty(only).map(|penalty| penalty.failures), Some(2));
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], later(2)), None);
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 9, later(3)), [only]);
    fleet.succeeded(only);
    assert_eq!((fleet.penalty(only), fleet.next_penalty_end(NOW)), (None, None));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 9, later(3)).len(), 7);
}

#[test]
fn a_node_that_was_away_once_gets_whatever_fits_when_it_is_back_and_one_that_keeps_failing_does_not() {
    let mut fleet = Fleet::default();
    let only = fleet.join(node("only", 9, 9, 9));
    let place = |fleet: &mut Fleet, now| place_all(fleet, &ask("f", 0, 0), 2, now).len();
    fleet.failed(only, NOW);
    fleet.set_link(only, Link::Gone);
    fleet.join(node("only", 9, 9, 9));
    assert_eq!((place(&mut fleet, NOW), fleet.next_penalty_end(NOW)), (2, None));
    fleet.failed(only, later(1));
    fleet.join(node("only", 9, 9, 9));
    assert_eq!((place(&mut fleet, later(2)), fleet.next_penalty_end(later(2))), (0, Some(later(3))));
    assert_eq!(place(&mut fleet, later(3)), 1);
}

#[test]
fn a_node_that_stops_gets_nothing_until_it_is_back() {
    let mut fleet = Fleet::default();
    let only = fleet.join(node("only", 9, 9, 9));
    fleet.set_link(only, Link::Stopping);
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], NOW), None);
    let refusal = fleet.refusal(&ask("f", 0, 0), NOW, |_| None);
    assert_eq!((refusal.code, refusal.message.as_str()), (Code::NoNodeFits, "no node is live: only: it stops"));
    fleet.join(node("only", 9, 9, 9));
    assert_eq!(fleet.place(&ask("f", 0, 0), &[], NOW), Some(only));
}

#[test]
fn a_try_that_showed_nothing_is_another_runs() {
    let mut fleet = Fleet::default();
    let only = fleet.join(node("only", 9, 9, 9));
    fleet.failed(only, NOW);
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 9, later(1)), [only]);
    fleet.release(only, &ask("f", 0, 0));
    assert_eq!(place_all(&mut fleet, &ask("f", 0, 0), 9, later(1)), [only]);
}

#[test]
fn what_is_given_twice_is_kept_in_the_count_and_given_back() {
    let mut fleet = Fleet::default();
    let one = fleet.join(node("one", 1, 1, 1));
    (0..3).for_each(|_| fleet.reserve(one, &ask("f", 1, 1)));
    assert_eq!((fleet.reserved(one).slots, fleet.reserved(one).cpu), (3, Cpu::from_millis(3_000)));
    (0..3).for_each(|_| fleet.release(one, &ask("f", 1, 1)));
    fleet.release(one, &ask("f", 1, 1));
    assert_eq!((fleet.reserved(one).slots, fleet.reserved(one).memory), (0, 0));
}

#[test]
fn a_node_that_joins_again_keeps_its_number_and_what_is_reserved_and_a_forgotten_one_does_not() {
    let mut fleet = Fleet::default();
    let one = fleet.join(node("one", 1, 1, 1));
    fleet.reserve(one, &ask("f", 0, 0));
    fleet.set_duty(one, Duty::Cordoned);
    assert_eq!(fleet.join(node("one", 9, 1, 1)), one);
    assert_eq!((fleet.reserved(one).slots, fleet.duty(one)), (1, Duty::Cordoned));
    assert_eq!(fleet.spec(one).unwrap().capacity.slots, 9);
    fleet.forget(one);
    assert_eq!((fleet.name(one), fleet.find(&"one".parse().unwrap()), fleet.iter().count()), (None, None, 0));
    let other = fleet.join(node("one", 1, 1, 1));
    assert_ne!(other, one);
    assert_eq!((fleet.reserved(other).slots, fleet.reserved(one).slots), (0, 0));
}

#[test]
fn a_decision_has_every_node_with_its_filter_or_its_terms() {
    let mut fleet = Fleet::default();
    fleet.join(node("a", 1, 1, 1));
    fleet.join(node("b", 2, 2, 2));
    let (chosen, decision) = fleet.place_and_explain(&ask("f", 2, 1), &[], NOW);
    assert_eq!(decision.node.as_ref().map(|name| name.as_str()), Some("b"));
    assert_eq!(chosen.and_then(|node| fleet.name(node)).cloned(), decision.node);
    assert_eq!(decision.considered[0].verdict, Verdict::Rejected(Filter::Cpu(2_000, 1_000)));
    let Verdict::Scored(terms) = &decision.considered[1].verdict else { panic!("it was chosen") };
    assert_eq!(terms.iter().map(|term| term.name).collect::<Vec<_>>(), [TermName::Fit, TermName::Spread]);
    assert_eq!(fleet.reserved(chosen.unwrap()).slots, 1);
}

#[test]
fn a_run_that_is_larger_than_every_node_is_refused_with_why() {
    let mut fleet = Fleet::default();
    assert_eq!(fleet.could_ever(&ask("f", 1_000, 1_000)), Ok(()));
    let small = fleet.join(node("small", 1, 4, 8));
    fleet.join(common::labelled(node("zoned", 1, 64, 64), &[("zone", "a")]));
    fleet.set_link(small, Link::Gone);
    fleet.reserve(small, &ask("f", 4, 8));
    assert_eq!(fleet.could_ever(&ask("f", 4, 8)), Ok(()));
    let refusal = fleet.could_ever(&ask("f", 65, 8)).unwrap_err();
    assert_eq!(refusal.code, Code::NoNodeFits);
    assert!(
        refusal.message.contains("small: 65 cores are asked, it has 4; zoned: 65 cores are asked, it has 64"),
        "{refusal}"
    );
    let refusal = fleet.refusal(&common::constrained("f", &["zone = b"]), NOW, |_| None);
    assert_eq!(refusal.code, Code::NoNodeFits);
    assert!(refusal.message.contains("zoned: its labels are not zone = b"), "{refusal}");
}

#[test]
fn a_refusal_says_why_for_each_node() {
    let mut fleet = Fleet::default();
    assert_eq!(fleet.refusal(&ask("f", 0, 0), NOW, |_| None).code, Code::NoNodeFits);
    let a = fleet.join(node("a", 1, 1, 1));
    fleet.set_link(a, Link::Gone);
    let gone = fleet.refusal(&ask("f", 0, 0), NOW, |_| None);
    assert_eq!(gone.code, Code::NoNodeFits);
    assert!(gone.message.contains("no node is live: a: its link is not open"), "{gone}");
    fleet.join(node("b", 2, 2, 2));
    place_all(&mut fleet, &ask("f", 0, 0), 2, NOW);
    let full = fleet.refusal(&ask("f", 0, 0), NOW, |_| None);
    assert_eq!(full.code, Code::QueueFull);
    assert!(full.message.contains("a: its link is not open; b: all 2 slots are taken"), "{full}");
    assert!(full.help.unwrap().contains("spear spearlet"));
    let b = fleet.find(&"b".parse().unwrap()).unwrap();
    fleet.set_duty(b, Duty::Cordoned);
    let cordoned = fleet.refusal(&ask("f", 0, 0), NOW, |_| None);
    assert!(cordoned.message.contains("no live node takes work: a: its link is not open; b: cordoned"), "{cordoned}");
    assert!(cordoned.help.unwrap().contains("spear node uncordon"));
}

#[test]
fn a_refusal_helps_with_what_is_lacking() {
    let mut fleet = Fleet::default();
    fleet.join(node("a", 1, 1, 1));
    let help = |ask: &Ask| fleet.could_ever(ask).unwrap_err().help.unwrap();
    assert!(help(&ask("f", 2, 0)).contains("ask for less"));
    assert!(help(&common::constrained("f", &["gpu = true"])).contains("--label"));
    assert!(
        help(&Ask { agents: [AgentKind::Docker].into_iter().collect(), ..(*ask("f", 0, 0)).clone() })
            .contains("an agent for it")
    );
}

#[test]
fn tasks_leave_one_slot_in_sixteen_for_calls() {
    for nodes in [1, 100] {
        let mut fleet = Fleet::default();
        (0..nodes).for_each(|number| _ = fleet.join(node(&format!("n{number}"), 32, 64, 64)));
        let ask = ask("f", 0, 0);
        let tasks = (0..).map_while(|_| fleet.place_and_explain(&ask, &[], NOW).0).count();
        assert_eq!(tasks, nodes * 30);
        let waits = fleet.place_and_explain(&ask, &[], NOW).1;
        let why: Vec<String> = waits.considered.iter().map(|considered| format!("{:?}", considered.verdict)).collect();
        assert!(why.iter().all(|why| why == "Rejected(Slots(32, 2))"), "{why:?}");
        assert_eq!(Filter::Slots(32, 2).to_string(), "30 of 32 slots are taken, the rest is kept for calls");
        assert_eq!(place_all(&mut fleet, &ask, 1_000, NOW).len(), nodes * 2);
        assert!(fleet.refusal(&ask, NOW, |_| None).message.contains("n0: all 32 slots are taken"));
    }
}

#[test]
fn a_refusal_names_ten_nodes_and_counts_the_others() {
    let mut fleet = Fleet::default();
    (0..12).for_each(|number| _ = fleet.join(node(&format!("n{number:02}"), 0, 1, 1)));
    let refusal = fleet.could_ever(&ask("f", 0, 0)).unwrap_err();
    assert!(
        refusal.message.contains("n09: it has no slots; and 2 more") && !refusal.message.contains("n10"),
        "{refusal}"
    );
    assert_eq!(Capacity::default().slots, 0);
}

#[test]
fn what_is_packed_stays_on_one_node_however_unlike_the_node_it_is() {
    let mut fleet = Fleet::default();
    let [one, ..] = ["one", "three", "two"].map(|name| fleet.join(node(name, 100, 64, 64)));
    let mut ask = (*packed("f", 1, 0)).clone();
    ask.resources.memory = 64 << 20;
    assert_eq!(place_all(&mut fleet, &ask.into(), 30, NOW), [one; 30]);
}

#[test]
fn an_agent_that_can_run_nothing_now_keeps_runs_away_and_says_why_until_it_can() {
    for others in [0, 100] {
        let mut fleet = Fleet::default();
        (0..others).for_each(|number| _ = fleet.join(node(&format!("n{number}"), 9, 9, 9)));
        let with = |unavailable: Option<&str>| {
            vec![AgentInfo { unavailable: unavailable.map(str::to_owned), ..AgentInfo::able(AgentKind::Docker) }]
        };
        let only = fleet.join(NodeSpec { agents: with(Some("no engine answers")), ..node("z", 9, 9, 9) });
        let docker = Arc::new(Ask { agents: [AgentKind::Docker].into_iter().collect(), ..(*ask("f", 0, 0)).clone() });
        assert_eq!(fleet.place(&docker, &[], NOW), None);
        assert_eq!(fleet.could_ever(&docker), Ok(()), "it may come back");
        let filter = common::filters(&fleet, &docker, NOW).pop().flatten();
        assert_eq!(filter, Some(Filter::Agent(Some("docker: no engine answers".to_owned()))));
        fleet.set_agents(only, with(None));
        assert_eq!(fleet.place_and_explain(&docker, &[], NOW).0, Some(only));
        let either = Arc::new(Ask { agents: AgentKind::ALL.into_iter().collect(), ..(*ask("f", 0, 0)).clone() });
        fleet.set_agents(only, with(Some("gone again")));
        assert_eq!(fleet.place(&either, &[], NOW).is_some(), others > 0);
    }
}
