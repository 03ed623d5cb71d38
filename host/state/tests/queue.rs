//! Whose turn it is.

mod common;

use common::{Sms, constrained, light, node, seconds, success};
use spear_state::{Command, Config, ReportKind};
use spear_types::{Code, Outcome, Priority, TaskId, TaskOptions};

/// Runs everything on one slot, and says in which order.
fn run_all(sms: &mut Sms, link: common::Linked) -> Vec<TaskId> {
    let mut order = Vec::new();
    while let Some(info) = sms.state.tasks(None, 1, |task| task.state.name() == "assigned").tasks.pop() {
        sms.reports(link, info.id, info.attempt, success());
        order.push(info.id);
    }
    order
}

fn with_priority(priority: u8) -> TaskOptions {
    TaskOptions { priority: Some(Priority::try_from(priority).unwrap()), ..TaskOptions::default() }
}

#[test]
fn the_highest_priority_goes_first_and_equals_by_their_submission() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let low = sms.submit_with(&f, with_priority(10));
    let (one, two) = (sms.submit(&f), sms.submit(&f));
    let high = sms.submit_with(&f, with_priority(90));
    let n1 = sms.join(node("n1", 1));
    assert_eq!(run_all(&mut sms, n1), [high, one, two, low]);
}

#[test]
fn functions_of_equal_priority_take_turns() {
    let mut sms = Sms::default();
    let (f, g) = (light("f", 0), light("g", 0));
    let of_f: Vec<TaskId> = (0..4).map(|_| sms.submit(&f)).collect();
    let of_g: Vec<TaskId> = (0..2).map(|_| sms.submit(&g)).collect();
    let n1 = sms.join(node("n1", 1));
    assert_eq!(run_all(&mut sms, n1), [of_f[0], of_g[0], of_f[1], of_g[1], of_f[2], of_f[3]]);
}

#[test]
fn one_that_finds_no_room_does_not_keep_smaller_ones_from_it() {
    let mut sms = Sms::default();
    let (large, small) = (light("large", 2_000), light("small", 500));
    let n1 = sms.join(node("n1", 2));
    let first = sms.submit(&small);
    let (waits, second) = (sms.submit_with(&large, with_priority(90)), sms.submit(&small));
    assert_eq!((sms.place(waits), sms.place(second)), ("queued".to_owned(), "assigned n1".to_owned()));
    sms.reports(n1, first, 1, success());
    assert_eq!(sms.place(waits), "queued");
    sms.reports(n1, second, 1, success());
    assert_eq!(sms.place(waits), "assigned n1");
}

#[test]
fn a_node_that_comes_takes_what_only_it_can_run() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("a", 1));
    let busy = sms.submit(&light("f", 0));
    sms.join(node("b", 1));
    let picky = constrained("picky", "zone = a");
    let waits = sms.submit(&picky);
    assert_eq!(sms.place(waits), "queued");
    sms.reports(n1, busy, 1, success());
    assert_eq!(sms.place(waits), "assigned a");
}

#[test]
fn the_tasks_of_a_function_that_is_removed_end_unless_they_run() {
    let mut sms = Sms::default();
    let (f, g) = (light("f", 0), light("g", 0));
    let n1 = sms.join(node("n1", 1));
    let (runs, waits, other) = (sms.submit(&f), sms.submit(&f), sms.submit(&g));
    let delayed = sms.submit_with(&f, TaskOptions { delay: seconds(9), ..TaskOptions::default() });
    sms.reports(n1, runs, 1, ReportKind::Started);
    sms.does(Command::FunctionRemoved(f.name.clone()));
    for ended in [waits, delayed] {
        assert!(matches!(sms.outcome(ended), Outcome::Refused { code: Code::UnknownFunction, .. }));
    }
    assert_eq!(sms.place(other), "queued");
    sms.reports(n1, runs, 1, common::failure(true));
    assert_eq!(sms.place(runs), "failed");
}

#[test]
fn a_task_of_a_function_that_was_removed_and_is_back_runs() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let gone = sms.submit(&f);
    sms.does(Command::FunctionRemoved(f.name.clone()));
    assert_eq!(sms.place(gone), "refused");
    let back = sms.submit(&f);
    sms.join(node("n1", 1));
    assert_eq!(sms.place(back), "assigned n1");
}

#[test]
fn after_a_restart_a_queued_task_waits_again_and_one_without_its_version_ends() {
    let mut sms = Sms::default();
    let (f, g) = (light("f", 0), light("g", 0));
    let (kept, gone) = (sms.submit(&f), sms.submit(&g));
    let delayed = sms.submit_with(&f, TaskOptions { delay: seconds(9), ..TaskOptions::default() });
    sms.functions.retain(|function| function.name == f.name);
    sms.restart();
    assert!(matches!(sms.outcome(gone), Outcome::Refused { code: Code::UnknownVersion, .. }));
    sms.join(node("n1", 2));
    assert_eq!((sms.place(kept), sms.place(delayed)), ("assigned n1".to_owned(), "queued".to_owned()));
    sms.pass(seconds(9));
    assert_eq!(sms.place(delayed), "assigned n1");
}

#[test]
fn a_page_of_tasks_is_the_newest_first_and_says_where_the_next_begins() {
    let mut sms = Sms::default();
    let (f, g) = (light("f", 0), light("g", 0));
    let tasks: Vec<TaskId> = (0..5).map(|number| sms.submit(if number % 2 == 0 { &f } else { &g })).collect();
    let ids = |page: &spear_state::Page| page.tasks.iter().map(|task| task.id).collect::<Vec<_>>();
    let page = sms.state.tasks(None, 2, |task| task.function == f.name);
    assert_eq!((ids(&page), page.next), (vec![tasks[4], tasks[2]], Some(tasks[2])));
    let rest = sms.state.tasks(page.next, 2, |task| task.function == f.name);
    assert_eq!((ids(&rest), rest.next), (vec![tasks[0]], None));
}

#[test]
fn a_decision_says_what_was_chosen_or_what_keeps_a_task_waiting() {
    let mut sms = Sms::new(Config { queue: 10, ..common::config() });
    let f = light("f", 0);
    sms.join(node("n1", 1));
    let (placed, waits) = (sms.submit(&f), sms.submit(&f));
    let node = |sms: &Sms, task| sms.state.decision(task, sms.now).unwrap().node.map(|node| node.to_string());
    assert_eq!((node(&sms, placed), node(&sms, waits)), (Some("n1".to_owned()), None));
    assert!(sms.state.decision(common::attempt(waits, 1).task, sms.now).unwrap().considered.len() == 1);
    let never = sms.id();
    assert!(sms.state.decision(never, sms.now).is_none());
}
