//! Calls that are not remembered.

mod common;

use std::sync::Arc;

use common::{LEASE, Sms, light, name, node};
use spear_placement::Ask;
use spear_state::{Answer, CallEnd, Command};
use spear_types::Code;

#[test]
fn a_node_that_a_call_does_not_reach_is_avoided() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 2));
    let ask = Arc::new(Ask::of(&light("f", 0)));
    for (end, avoided) in [(CallEnd::Unstarted, false), (CallEnd::Unreachable, true)] {
        sms.does(Command::Place { ask: Arc::clone(&ask), excluded: Vec::new() });
        sms.does(Command::Release { node: n1.id, ask: Arc::clone(&ask), end });
        assert_eq!(sms.state.node(&name("n1")).unwrap().penalty.is_some(), avoided, "{end:?}");
    }
}

#[test]
fn direct_calls_take_of_the_same_room_as_tasks() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 1));
    let ask = Arc::new(Ask::of(&f));
    let place = || Command::Place { ask: Arc::clone(&ask), excluded: Vec::new() };
    assert!(matches!(sms.does(place()), Answer::Placed(id) if id == n1.id));
    let task = sms.submit(&f);
    assert_eq!(sms.place(task), "queued");
    let refusal = sms.refuses(place());
    assert!(refusal.code == Code::QueueFull && refusal.message.contains("n1: all 1 slots are taken"), "{refusal}");
    sms.does(Command::Release { node: n1.id, ask: Arc::clone(&ask), end: CallEnd::Ran });
    assert_eq!(sms.place(task), "assigned n1");
    sms.does(Command::Release { node: n1.id, ask, end: CallEnd::Ran });
    assert_eq!(sms.state.node(&name("n1")).unwrap().reserved.slots, 1);
}

#[test]
fn a_call_that_finds_no_node_is_told_why_each_is_gone() {
    let mut sms = Sms::default();
    let ask = Arc::new(Ask::of(&light("f", 0)));
    let place = || Command::Place { ask: Arc::clone(&ask), excluded: Vec::new() };
    assert_eq!(sms.refuses(place()).code, Code::NoNodeFits);
    let n1 = sms.join(node("n1", 1));
    sms.breaks(n1);
    let refusal = sms.refuses(place());
    assert!(refusal.message.contains("n1: disconnected, its link broke"), "{refusal}");
    sms.pass(LEASE);
    let refusal = sms.refuses(place());
    assert!(refusal.code == Code::NoNodeFits && refusal.message.contains("n1: lost, its link broke"), "{refusal}");
}
