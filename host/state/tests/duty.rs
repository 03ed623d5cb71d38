//! Nodes that are cordoned and drained.

mod common;

use std::sync::Arc;

use common::{Sms, attempt, light, name, node, result, retry, returned, seconds, success};
use spear_placement::Ask;
use spear_state::{CallEnd, Command, ReportKind};
use spear_types::{Code, Duty, Outcome};

fn drain(sms: &mut Sms, node: &str, within: u64) {
    let until = sms.now.after(seconds(within)).into();
    sms.does(Command::SetDuty { node: name(node), duty: Duty::Draining { until } });
}

fn duty(sms: &Sms, node: &str) -> Duty {
    sms.state.node(&name(node)).unwrap().duty
}

#[test]
fn a_cordoned_node_finishes_what_it_has_and_gets_nothing_new_even_after_a_restart() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let task = sms.submit(&f);
    sms.does(Command::SetDuty { node: name("n1"), duty: Duty::Cordoned });
    let waits = sms.submit(&f);
    sms.reports(n1, task, 1, success());
    assert_eq!((sms.place(task), sms.place(waits)), ("succeeded".to_owned(), "queued".to_owned()));
    sms.restart();
    sms.join(node("n1", 2));
    assert_eq!((sms.place(waits), duty(&sms, "n1")), ("queued".to_owned(), Duty::Cordoned));
    sms.does(Command::SetDuty { node: name("n1"), duty: Duty::Open });
    assert_eq!(sms.place(waits), "assigned n1");
}

#[test]
fn the_duty_of_a_node_that_nobody_knows_is_not_set() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    let refusal = sms.refuses(Command::SetDuty { node: name("n2"), duty: Duty::Cordoned });
    assert!(refusal.code == Code::UnknownNode && refusal.message.contains("known are: n1"), "{refusal}");
    let drained = sms.refuses(Command::SetDuty { node: name("n1"), duty: Duty::Drained });
    assert_eq!(drained.code, Code::InvalidRequest);
}

#[test]
fn a_node_that_is_drained_gives_back_what_has_not_started_and_finishes_what_runs() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let policy = || retry(1, 0, &[]);
    let (runs, unstarted) = (sms.submit_retried(&f, policy()), sms.submit_retried(&f, policy()));
    sms.reports(n1, runs, 1, ReportKind::Started);
    sms.orders(n1);
    drain(&mut sms, "n1", 60);
    assert_eq!(sms.orders(n1), ["-2#1"]);
    sms.reports(n1, unstarted, 1, returned(Code::Draining));
    sms.join(node("n2", 2));
    assert_eq!(sms.place(unstarted), "assigned n2");
    assert!(matches!(duty(&sms, "n1"), Duty::Draining { .. }));
    sms.reports(n1, runs, 1, success());
    assert_eq!((sms.place(runs), duty(&sms, "n1")), ("succeeded".to_owned(), Duty::Drained));
    sms.restart();
    sms.join(node("n1", 2));
    assert_eq!(duty(&sms, "n1"), Duty::Drained);
}

#[test]
fn what_runs_too_long_on_a_node_that_is_drained_moves_without_costing_a_try() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(1, 0, &[]));
    sms.reports(n1, task, 1, ReportKind::Started);
    drain(&mut sms, "n1", 5);
    sms.orders(n1);
    sms.pass(seconds(5));
    assert_eq!(sms.orders(n1), ["-1#1"]);
    sms.reports(n1, task, 1, result(Outcome::Cancelled));
    assert_eq!((sms.place(task), duty(&sms, "n1")), ("queued".to_owned(), Duty::Drained));
    sms.join(node("n2", 1));
    assert_eq!(sms.place(task), "assigned n2");
}

#[test]
fn a_node_without_anything_is_drained_at_once_and_one_with_a_call_when_that_is_over() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let ask = Arc::new(Ask::of(&light("f", 0)));
    sms.does(Command::Place { ask: Arc::clone(&ask), excluded: Vec::new() });
    drain(&mut sms, "n1", 5);
    assert!(matches!(duty(&sms, "n1"), Duty::Draining { .. }));
    sms.does(Command::Release { node: n1.id, ask, end: CallEnd::Ran });
    assert_eq!(duty(&sms, "n1"), Duty::Drained);
}

#[test]
fn a_node_that_is_drained_while_away_is_told_when_it_is_back() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let (got, never_got) = (sms.submit(&f), sms.submit(&f));
    sms.breaks(n1);
    drain(&mut sms, "n1", 5);
    sms.effects.clear();
    let n1 = sms.join_as(node("n1", 2), 1, &[attempt(got, 1)]).unwrap();
    assert_eq!(sms.orders(n1), ["-1#1", "-2#1"]);
    assert_eq!((sms.place(got), sms.place(never_got)), ("assigned n1".to_owned(), "queued".to_owned()));
}
