//! Nodes that come, break, are lost and come back.

mod common;

use std::sync::Arc;

use common::{FORGET, LEASE, Sms, attempt, light, name, node, retry, returned, seconds, success};
use spear_placement::Ask;
use spear_state::{Command, Effect, ReportKind};
use spear_types::{Code, Digest, Load, NodeState, Outcome, OutcomeKind, RetryPolicy, TaskOptions};

#[test]
fn a_node_whose_link_broke_keeps_its_tasks_and_gets_no_new_ones() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let task = sms.submit(&f);
    sms.breaks(n1);
    let waits = sms.submit(&f);
    assert_eq!((sms.place(task), sms.place(waits)), ("assigned n1".to_owned(), "queued".to_owned()));
    assert_eq!(sms.node_state("n1"), NodeState::Disconnected { reason: "its link broke".to_owned() });
    let n1 = sms.join_as(node("n1", 2), 1, &[attempt(task, 1)]).unwrap();
    assert_eq!(sms.place(waits), "assigned n1");
    sms.reports(n1, task, 1, success());
    assert_eq!(sms.place(task), "succeeded");
}

#[test]
fn a_task_whose_node_is_lost_is_queued_again_or_ends_by_its_policy() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let retried = sms.submit_retried(&f, retry(2, 1, &[OutcomeKind::NodeLost]));
    let once = sms.submit_retried(&f, retry(2, 1, &[]));
    sms.breaks(n1);
    sms.pass(LEASE);
    assert_eq!(sms.node_state("n1"), NodeState::Lost { reason: "its link broke".to_owned() });
    assert!(sms.state.node(&name("n1")).unwrap().penalty.is_some());
    assert!(matches!(sms.outcome(once), Outcome::NodeLost { reason, .. } if reason == "its link broke"));
    assert_eq!(sms.place(retried), "queued");
    sms.join(node("n2", 1));
    sms.pass(seconds(1));
    assert_eq!(sms.place(retried), "assigned n2");
}

#[test]
fn a_node_that_falls_silent_is_lost_and_its_link_closed() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    sms.pass(seconds(10));
    sms.hears(n1);
    sms.pass(seconds(10));
    assert_eq!(sms.node_state("n1"), NodeState::Live);
    sms.pass(seconds(5));
    assert_eq!(sms.node_state("n1"), NodeState::Lost { reason: "it was silent for 15s".to_owned() });
    assert!(sms.effects.iter().any(|effect| matches!(effect, Effect::Close { session, .. } if *session == n1.session)));
    let heard = Command::Heard {
        node: n1.id,
        session: n1.session,
        load: Load::default(),
        artifacts: Vec::new(),
        stopping: false,
        agents: None,
    };
    assert_eq!(sms.refuses(heard).code, Code::Unreachable);
}

#[test]
fn a_node_that_had_nothing_when_it_was_lost_failed_nobody() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    let n2 = sms.join(node("n2", 1));
    let ask = Arc::new(Ask::of(&light("f", 0)));
    sms.does(Command::Place { ask: Arc::clone(&ask), excluded: vec![n2.id] });
    sms.pass(seconds(15));
    let penalized = |node: &str| sms.state.node(&name(node)).unwrap().penalty.is_some();
    assert_eq!((penalized("n1"), penalized("n2")), (true, false));
}

#[test]
fn a_node_that_has_not_what_a_function_needs_is_not_avoided_by_others() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 2));
    let task = sms.submit(&light("f", 0));
    sms.reports(n1, task, 1, returned(Code::NoNodeFits));
    assert_eq!(sms.place(task), "queued");
    let other = sms.submit(&light("g", 0));
    assert_eq!(sms.place(other), "assigned n1");
}

#[test]
fn a_clock_that_is_set_forward_makes_no_node_silent() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    sms.now = sms.now.after(seconds(100));
    sms.does(Command::Skipped(seconds(100)));
    sms.does(Command::Tick);
    assert_eq!(sms.node_state("n1"), NodeState::Live);
    sms.pass(seconds(15));
    assert!(matches!(sms.node_state("n1"), NodeState::Lost { .. }));
}

#[test]
fn any_report_is_a_word_from_the_node_even_a_stale_one() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let never = sms.id();
    sms.pass(seconds(10));
    assert_eq!(sms.report(n1, never, 1, ReportKind::Started).unwrap_err().code, Code::StaleAttempt);
    sms.pass(seconds(10));
    assert_eq!(sms.node_state("n1"), NodeState::Live);
}

#[test]
fn late_reports_of_a_moved_task_are_refused_and_the_node_is_told_to_stop_it() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(2, 0, &[OutcomeKind::NodeLost]));
    sms.breaks(n1);
    let n2 = sms.join(node("n2", 1));
    for _ in 0..2 {
        sms.pass(seconds(10));
        sms.hears(n2);
    }
    assert_eq!(sms.place(task), "assigned n2");
    sms.effects.clear();
    let n1 = sms.join_as(node("n1", 1), 1, &[attempt(task, 1)]).unwrap();
    assert_eq!(sms.orders(n1), ["-1#1"]);
    assert_eq!(sms.report(n1, task, 1, success()).unwrap_err().code, Code::StaleAttempt);
    sms.reports(n2, task, 2, success());
    assert_eq!(sms.place(task), "succeeded");
}

#[test]
fn a_node_that_is_back_gets_what_it_never_got_and_stops_what_it_should_not_have() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 3));
    let (has, lacks, cancelled) = (sms.submit(&f), sms.submit(&f), sms.submit(&f));
    sms.breaks(n1);
    sms.does(Command::Cancel(cancelled));
    let never = sms.id();
    sms.effects.clear();
    let n1 = sms.join_as(node("n1", 3), 1, &[attempt(has, 1), attempt(never, 7)]).unwrap();
    assert_eq!(sms.orders(n1), ["+2#1", "-3#1", "-4#7"]);
    assert_eq!((sms.place(lacks), sms.place(cancelled)), ("assigned n1".to_owned(), "cancelled".to_owned()));
}

#[test]
fn an_attempt_that_had_started_and_that_its_node_gave_up_is_lost() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 2));
    let f = light("f", 0);
    let retried = sms.submit_retried(&f, retry(2, 0, &[OutcomeKind::NodeLost]));
    let once = sms.submit_retried(&f, retry(2, 0, &[]));
    for task in [retried, once] {
        sms.reports(n1, task, 1, ReportKind::Started);
    }
    sms.breaks(n1);
    sms.orders(n1);
    let n1 = sms.join(node("n1", 2));
    assert_eq!(sms.orders(n1), ["-1#1", "-2#1", "+1#2"]);
    assert_eq!((sms.place(retried), sms.place(once)), ("assigned n1".to_owned(), "node-lost".to_owned()));
}

#[test]
fn another_run_of_a_nodes_program_ends_what_the_one_before_had_at_once() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let before = sms.join(node("n1", 2));
    let (retried, once) =
        (sms.submit_retried(&f, retry(2, 0, &[OutcomeKind::NodeLost])), sms.submit_retried(&f, retry(1, 0, &[])));
    sms.breaks(before);
    sms.effects.clear();
    let n1 = sms.join_as(node("n1", 2), 2, &[]).unwrap();
    assert_eq!((sms.place(retried), sms.place(once)), ("assigned n1".to_owned(), "node-lost".to_owned()));
    assert_eq!(sms.orders(n1), ["-1#1", "-2#1", "+1#2"], "orders that are still on their way are taken back");
    assert_eq!(sms.report(before, retried, 2, success()).unwrap_err().code, Code::Unreachable);
}

#[test]
fn a_live_nodes_name_cannot_be_taken_from_another_address() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    assert_eq!(sms.join_as(node("n1", 1), 2, &[]).unwrap_err().code, Code::NameTaken);
    let again = sms.join(node("n1", 1));
    assert!(again.id == n1.id && again.session > n1.session);
    assert!(sms.effects.iter().any(|effect| matches!(effect, Effect::Close { session, .. } if *session == n1.session)));
    sms.breaks(again);
    assert!(sms.join_as(node("n1", 1), 2, &[]).is_ok());
}

#[test]
fn the_end_of_an_older_link_does_not_touch_a_node_that_is_back() {
    let mut sms = Sms::default();
    let old = sms.join(node("n1", 1));
    sms.join(node("n1", 1));
    let broken = Command::Disconnected { node: old.id, session: old.session, reason: "late".to_owned() };
    assert_eq!(sms.refuses(broken).code, Code::Unreachable);
    assert_eq!(sms.node_state("n1"), NodeState::Live);
}

#[test]
fn a_node_that_says_that_it_stops_ends_what_it_has_and_gets_nothing_more() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 2));
    let runs = sms.submit(&light("f", 0));
    let stopping = Command::Heard {
        node: n1.id,
        session: n1.session,
        load: Load::default(),
        artifacts: Vec::new(),
        stopping: true,
        agents: None,
    };
    sms.does(stopping);
    let waits = sms.submit(&light("f", 0));
    assert_eq!((sms.place(runs).as_str(), sms.place(waits).as_str()), ("assigned n1", "queued"));
    sms.join(node("n2", 1));
    assert_eq!(sms.place(waits), "assigned n2");
}

#[test]
fn a_node_that_leaves_is_not_penalized_and_what_it_had_costs_no_try() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(1, 0, &[]));
    sms.does(Command::Left { node: n1.id, session: n1.session });
    assert_eq!(sms.node_state("n1"), NodeState::Lost { reason: "it left".to_owned() });
    assert!(sms.state.node(&name("n1")).unwrap().penalty.is_none());
    sms.join(node("n2", 1));
    assert_eq!(sms.place(task), "assigned n2");
}

#[test]
fn a_lost_node_is_shown_for_a_while_and_then_forgotten() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    sms.breaks(n1);
    sms.pass(LEASE + FORGET - seconds(1));
    assert_eq!(sms.state.nodes().len(), 1);
    sms.pass(seconds(1));
    assert_eq!(sms.state.node(&name("n1")).unwrap_err().code, Code::UnknownNode);
    assert_eq!(sms.state.next_tick(), None);
}

#[test]
fn after_a_restart_a_node_that_comes_back_goes_on_with_what_it_has() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    sms.join(node("n1", 3));
    let (has, lacks) = (sms.submit(&f), sms.submit(&f));
    sms.restart();
    assert_eq!(sms.place(has), "assigned n1");
    sms.effects.clear();
    let n1 = sms.join_as(node("n1", 3), 1, &[attempt(has, 1)]).unwrap();
    assert_eq!((sms.place(has), sms.place(lacks)), ("running n1".to_owned(), "assigned n1".to_owned()));
    assert_eq!(sms.orders(n1), ["+2#1"]);
    assert_eq!(sms.state.node(&name("n1")).unwrap().reserved.slots, 2);
    sms.reports(n1, has, 1, success());
}

#[test]
fn after_a_restart_a_node_that_stays_away_for_a_lease_has_lost_its_tasks() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    sms.join(node("n1", 2));
    let (task, cancelled) = (sms.submit_retried(&f, retry(2, 0, &[OutcomeKind::NodeLost])), sms.submit(&f));
    sms.does(Command::Cancel(cancelled));
    sms.restart();
    sms.join(node("n2", 1));
    sms.pass(LEASE - seconds(1));
    assert_eq!(sms.place(task), "assigned n1");
    sms.join(node("n2", 1));
    sms.pass(seconds(1));
    assert_eq!((sms.place(task), sms.place(cancelled)), ("assigned n2".to_owned(), "cancelled".to_owned()));
}

#[test]
fn after_a_restart_another_run_of_a_nodes_program_has_lost_its_tasks_at_once() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(1, 0, &[]));
    sms.restart();
    sms.join_as(node("n1", 1), 2, &[]).unwrap();
    assert_eq!(sms.place(task), "node-lost");
}

#[test]
fn a_node_that_was_avoided_gets_work_again_when_its_penalty_ends() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit(&light("f", 0));
    sms.reports(n1, task, 1, returned(Code::Internal));
    let other = sms.submit(&light("g", 0));
    assert_eq!(sms.place(other), "queued");
    sms.pass(seconds(2));
    assert!([sms.place(task), sms.place(other)].contains(&"assigned n1".to_owned()));
}

#[test]
fn a_heartbeat_carries_load_and_artifacts() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let load = Load { running: 3, ..Load::default() };
    sms.does(Command::Heard {
        node: n1.id,
        session: n1.session,
        load,
        artifacts: vec![Digest::of(b"a")],
        stopping: false,
        agents: None,
    });
    let info = sms.state.node(&name("n1")).unwrap();
    assert_eq!((info.load, info.artifacts), (load, 1));
    assert_eq!(sms.state.node_name(n1.id), Some(&name("n1")));
}

#[test]
fn a_clock_that_is_set_back_neither_keeps_a_silent_node_nor_loses_a_live_one() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_with(&light("f", 0), TaskOptions { retry: RetryPolicy::default(), ..TaskOptions::default() });
    sms.now = spear_types::Timestamp::from_micros(sms.now.as_micros() - 3_600_000_000);
    sms.hears(n1);
    sms.pass(seconds(14));
    assert_eq!(sms.node_state("n1"), NodeState::Live);
    sms.pass(seconds(1));
    assert!(matches!(sms.node_state("n1"), NodeState::Lost { .. }));
    assert_eq!(sms.place(task), "queued");
}
