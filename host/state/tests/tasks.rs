//! Tasks from their submission to their end.

mod common;

use common::{Sms, call, failure, light, node, result, retry, returned, seconds, success};
use spear_state::{Answer, Change, Command, Effect, Journal as _, Phase, ReportKind, Submission};
use spear_types::{Code, Level, LogLine, Outcome, OutcomeKind, TaskOptions, TaskResult, TaskState, Usage};

#[test]
fn a_task_is_queued_assigned_runs_and_ends() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let task = sms.submit(&f);
    assert_eq!(sms.place(task), "queued");
    let n1 = sms.join(node("n1", 2));
    assert_eq!(sms.place(task), "assigned n1");
    assert_eq!(sms.orders(n1), ["+1#1"]);
    sms.reports(n1, task, 1, ReportKind::Started);
    assert_eq!(sms.place(task), "running n1");
    sms.reports(n1, task, 1, success());
    assert_eq!(sms.place(task), "succeeded");
    let counts = sms.state.counts();
    assert_eq!((counts.queued, counts.assigned, counts.running, counts.ended), (0, 0, 0, 1));
    assert_eq!(sms.state.node(&common::name("n1")).unwrap().reserved.slots, 0);
}

#[test]
fn a_submission_that_finds_room_is_one_row() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    let task = sms.submit(&light("f", 0));
    let [Change::Submitted { record, progress, .. }] = sms.changes.as_slice() else { panic!("{:?}", sms.changes) };
    assert!(record.id == task && matches!(progress.phase, Phase::Assigned { .. }), "{progress:?}");
    let told = sms.effects.iter().filter_map(|effect| match effect {
        Effect::Changed(info) => Some(info.state.name()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["queued", "assigned"]);
}

#[test]
fn a_batch_is_accepted_whole_or_not_at_all() {
    let mut sms = Sms::new(spear_state::Config { queue: 3, ..common::config() });
    let f = light("f", 0);
    let batch = |sms: &mut Sms, size| (0..size).map(|_| sms.submission(&f, TaskOptions::default())).collect();
    let four = batch(&mut sms, 4);
    let refusal = sms.refuses(Command::Submit(four));
    assert!(refusal.code == Code::QueueFull && refusal.message.contains("the limit [sms] queue is 3"), "{refusal}");
    let three = batch(&mut sms, 3);
    assert!(matches!(sms.does(Command::Submit(three)), Answer::Submitted(submitted) if submitted.len() == 3));
    assert_eq!(sms.state.count_of(&f.name), 3);
}

#[test]
fn each_limit_of_the_queue_is_named() {
    let f = light("f", 0);
    let limited = [
        ("queue_per_function is 1", spear_state::Config { queue_per_function: 1, ..common::config() }),
        ("queue_bytes is 5", spear_state::Config { queue_bytes: 5, ..common::config() }),
    ];
    for (named, config) in limited {
        let mut sms = Sms::new(config);
        sms.submit(&f);
        let refused = vec![sms.submission(&f, TaskOptions::default())];
        let refusal = sms.refuses(Command::Submit(refused));
        assert!(refusal.code == Code::QueueFull && refusal.message.contains(named), "{refusal}");
    }
}

#[test]
fn a_task_that_no_node_could_ever_run_is_refused_with_why_once_nodes_are_known() {
    let mut sms = Sms::default();
    let large = light("large", 4_000);
    let early = sms.submit(&large);
    sms.join(node("n1", 2));
    let submission = vec![sms.submission(&large, TaskOptions::default())];
    let refusal = sms.refuses(Command::Submit(submission));
    assert!(refusal.code == Code::NoNodeFits && refusal.message.contains("n1: "), "{refusal}");
    assert_eq!(sms.place(early), "queued");
    sms.join(node("n2", 4));
    assert_eq!(sms.place(early), "assigned n2");
    sms.submit(&large);
}

#[test]
fn a_key_makes_two_submissions_one_task_even_in_one_batch_and_after_a_restart() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let keyed = || TaskOptions { key: Some("k".parse().unwrap()), ..TaskOptions::default() };
    let batch = vec![sms.submission(&f, keyed()), sms.submission(&f, keyed())];
    let Answer::Submitted(submitted) = sms.does(Command::Submit(batch)) else { panic!() };
    assert_eq!((submitted[0].task, submitted[1].task), (submitted[0].task, submitted[0].task));
    assert_eq!((submitted[0].existing, submitted[1].existing), (false, true));
    sms.restart();
    let again = sms.submission(&f, keyed());
    assert!(matches!(sms.does(Command::Submit(vec![again])), Answer::Submitted(again) if again[0].existing));
    let other = Submission::new(sms.id(), f, call("another()"), keyed());
    let refusal = sms.refuses(Command::Submit(vec![other]));
    assert!(refusal.code == Code::KeyTaken && refusal.message.contains("\"k\""), "{refusal}");
}

#[test]
fn a_key_is_free_again_when_its_task_is_forgotten() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let keyed = || TaskOptions { key: Some("k".parse().unwrap()), ..TaskOptions::default() };
    let first = sms.submit_with(&f, keyed());
    let n1 = sms.join(node("n1", 1));
    sms.reports(n1, first, 1, success());
    assert_eq!(sms.submit_with(&f, keyed()), first);
    let key = sms.journal.ended(first).unwrap().unwrap().record.key;
    sms.does(Command::Forget(vec![(first, key)]));
    assert_eq!(sms.state.counts().ended, 0);
    assert_ne!(sms.submit_with(&f, keyed()), first);
}

#[test]
fn a_delayed_task_starts_when_its_time_has_come() {
    let mut sms = Sms::default();
    sms.join(node("n1", 1));
    let task = sms.submit_with(&light("f", 0), TaskOptions { delay: seconds(60), ..TaskOptions::default() });
    sms.pass(seconds(14));
    assert_eq!(sms.place(task), "queued");
    let not_before = sms.now.after(seconds(46));
    assert_eq!(sms.state.task(task).unwrap().state, TaskState::Queued { not_before: Some(not_before), after: None });
    let link = sms.join(node("n1", 1));
    for _ in 0..4 {
        sms.pass(seconds(12));
        sms.hears(link);
    }
    assert_eq!(sms.place(task), "assigned n1");
}

#[test]
fn a_deadline_ends_a_queued_task_and_stops_a_running_one() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let due = || TaskOptions { deadline: Some(seconds(5)), ..TaskOptions::default() };
    let n1 = sms.join(node("n1", 1));
    let (runs, waits) = (sms.submit_with(&f, due()), sms.submit_with(&f, due()));
    sms.reports(n1, runs, 1, ReportKind::Started);
    sms.pass(seconds(5));
    assert_eq!(sms.outcome(waits), Outcome::TimedOut { limit: seconds(5) });
    assert_eq!(sms.orders(n1), ["+1#1", "-1#1"]);
    assert_eq!(sms.place(runs), "running n1");
    sms.reports(n1, runs, 1, result(Outcome::Cancelled));
    assert_eq!(sms.outcome(runs), Outcome::TimedOut { limit: seconds(5) });
}

#[test]
fn a_node_that_stops_at_the_deadline_by_itself_says_what_was_left_and_the_task_ends_with_its_own() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let retry = retry(3, 0, &[OutcomeKind::TimedOut]);
    let options = TaskOptions { deadline: Some(seconds(5)), retry, ..TaskOptions::default() };
    let task = sms.submit_with(&light("f", 0), options);
    sms.pass(seconds(2));
    sms.reports(n1, task, 1, result(Outcome::TimedOut { limit: seconds(2) }));
    assert_eq!(sms.place(task), "assigned n1");
    sms.now = sms.now.after(seconds(3));
    sms.reports(n1, task, 2, result(Outcome::TimedOut { limit: seconds(3) }));
    assert_eq!(sms.outcome(task), Outcome::TimedOut { limit: seconds(5) });
}

#[test]
fn a_deadline_before_the_delay_is_refused() {
    let mut sms = Sms::default();
    let options = TaskOptions { delay: seconds(2), deadline: Some(seconds(2)), ..TaskOptions::default() };
    let submission = vec![sms.submission(&light("f", 0), options)];
    assert_eq!(sms.refuses(Command::Submit(submission)).code, Code::InvalidRequest);
}

#[test]
fn a_queued_task_that_is_cancelled_has_ended_and_a_running_one_ends_when_its_node_says_so() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 1));
    let (runs, waits) = (sms.submit(&f), sms.submit(&f));
    sms.reports(n1, runs, 1, ReportKind::Started);
    sms.pass(seconds(1));
    let Answer::Task(ended) = sms.does(Command::Cancel(waits)) else { panic!() };
    assert!(ended.state.has_ended() && sms.place(waits) == "cancelled");
    assert_eq!(ended.changed, sms.now);
    let Answer::Task(running) = sms.does(Command::Cancel(runs)) else { panic!() };
    let TaskState::Running { since, cancelling: true, .. } = running.state else { panic!("{running:?}") };
    assert_eq!((running.changed, since), (sms.now, running.submitted));
    sms.does(Command::Cancel(runs));
    assert_eq!(sms.orders(n1), ["+1#1", "-1#1"]);
    sms.reports(n1, runs, 1, result(Outcome::Cancelled));
    assert_eq!(sms.place(runs), "cancelled");
    assert_eq!(sms.refuses(Command::Cancel(runs)).code, Code::UnknownTask);
}

#[test]
fn a_cancelled_task_that_succeeded_meanwhile_has_succeeded_and_one_that_failed_is_not_retried() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let (one, two) = (sms.submit(&f), sms.submit(&f));
    sms.does(Command::Cancel(one));
    sms.does(Command::Cancel(two));
    sms.reports(n1, one, 1, success());
    sms.reports(n1, two, 1, failure(true));
    assert_eq!((sms.place(one), sms.place(two)), ("succeeded".to_owned(), "failed".to_owned()));
}

#[test]
fn a_retryable_failure_is_tried_again_after_a_growing_wait_and_not_more_often_than_allowed() {
    let mut sms = Sms::default();
    let task = sms.submit_retried(&light("f", 0), retry(3, 2, &[OutcomeKind::Failed]));
    let n1 = sms.join(node("n1", 1));
    for (attempt, wait) in [(1, 2), (2, 4)] {
        sms.reports(n1, task, attempt, failure(true));
        let state = sms.state.task(task).unwrap().state;
        let not_before = Some(sms.now.after(seconds(wait)));
        assert_eq!(state, TaskState::Queued { not_before, after: Some(OutcomeKind::Failed) });
        sms.pass(seconds(wait));
        assert_eq!(sms.place(task), "assigned n1");
    }
    sms.reports(n1, task, 3, failure(true));
    assert_eq!(sms.place(task), "failed");
    assert_eq!(sms.journal.ended(task).unwrap().unwrap().end.attempt, 3);
}

#[test]
fn a_task_says_since_when_it_is_as_it_is_also_after_a_restart() {
    let mut sms = Sms::default();
    let task = sms.submit_retried(&light("f", 0), retry(3, 2, &[OutcomeKind::Failed]));
    let since = |sms: &Sms| sms.state.task(task).unwrap().changed;
    let submitted = sms.now;
    sms.pass(seconds(1));
    assert_eq!(since(&sms), submitted);
    let n1 = sms.join(node("n1", 1));
    let assigned = sms.now;
    sms.pass(seconds(1));
    assert_eq!((sms.place(task), since(&sms)), ("assigned n1".to_owned(), assigned));
    sms.reports(n1, task, 1, ReportKind::Started);
    assert_eq!(since(&sms), sms.now);
    sms.pass(seconds(1));
    sms.reports(n1, task, 1, failure(true));
    let failed = sms.now;
    sms.pass(seconds(1));
    assert_eq!((sms.place(task), since(&sms)), ("queued".to_owned(), failed));
    sms.restart();
    assert_eq!(since(&sms), failed);
}

#[test]
fn what_a_node_gives_back_waits_after_no_outcome_whatever_was_before() {
    let mut sms = Sms::default();
    let task = sms.submit_retried(&light("f", 0), retry(3, 0, &[OutcomeKind::Failed]));
    let n1 = sms.join(node("n1", 1));
    sms.reports(n1, task, 1, failure(true));
    sms.reports(n1, task, 2, returned(Code::QueueFull));
    let info = sms.state.task(task).unwrap();
    assert_eq!((info.attempt, info.state), (2, TaskState::Queued { not_before: None, after: None }));
}

#[test]
fn a_task_that_lives_and_one_that_has_ended_say_how_they_are_tried() {
    let mut sms = Sms::default();
    let options = TaskOptions {
        priority: Some(7.try_into().unwrap()),
        deadline: Some(seconds(50)),
        retry: retry(5, 2, &[OutcomeKind::Trapped]),
        key: Some("monday".to_owned().try_into().unwrap()),
        ..TaskOptions::default()
    };
    let task = sms.submit_with(&light("f", 0), options.clone());
    assert_eq!(sms.state.options(task), Some(options.clone()));
    sms.does(Command::Cancel(task));
    assert_eq!(sms.journal.ended(task).unwrap().unwrap().record.options(), options);
}

#[test]
fn what_the_policy_does_not_name_is_not_tried_again() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 2));
    let policy = retry(3, 0, &[OutcomeKind::Failed, OutcomeKind::OutOfFuel]);
    let (hopeless, hungry) = (sms.submit_retried(&f, policy.clone()), sms.submit_retried(&f, policy));
    sms.reports(n1, hopeless, 1, failure(false));
    assert_eq!(sms.place(hopeless), "failed");
    sms.reports(n1, hungry, 1, result(Outcome::OutOfFuel { limit: 1 }));
    assert_eq!(sms.place(hungry), "assigned n1");
    sms.reports(n1, hungry, 2, result(Outcome::OutOfMemory { limit: 1, asked: 2 }));
    assert_eq!(sms.place(hungry), "out-of-memory");
}

#[test]
fn there_is_no_other_attempt_that_could_only_start_after_the_deadline() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let retry = retry(9, 5, &[OutcomeKind::Failed]);
    let options = TaskOptions { deadline: Some(seconds(5)), retry, ..TaskOptions::default() };
    let task = sms.submit_with(&light("f", 0), options);
    sms.reports(n1, task, 1, failure(true));
    assert_eq!(sms.place(task), "failed");
}

#[test]
fn a_report_of_another_attempt_node_or_task_is_stale() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let (n1, n2) = (sms.join(node("n1", 1)), sms.join(node("n2", 1)));
    let task = sms.submit_retried(&f, retry(2, 0, &[OutcomeKind::Failed]));
    assert_eq!(sms.place(task), "assigned n1");
    sms.reports(n1, task, 1, failure(true));
    let never = sms.id();
    let on = if sms.place(task) == "assigned n1" { n1 } else { n2 };
    let other = if on == n1 { n2 } else { n1 };
    for (link, task, attempt) in [(on, task, 1), (on, task, 3), (other, task, 2), (n1, never, 1)] {
        assert_eq!(sms.report(link, task, attempt, success()).unwrap_err().code, Code::StaleAttempt);
    }
    sms.reports(on, task, 2, success());
    assert_eq!(sms.report(on, task, 2, success()).unwrap_err().code, Code::StaleAttempt);
    assert_eq!(sms.place(task), "succeeded");
}

#[test]
fn a_task_that_a_node_returns_goes_elsewhere_at_once_and_costs_no_try() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(1, 9, &[]));
    let n2 = sms.join(node("n2", 1));
    sms.reports(n1, task, 1, returned(Code::Internal));
    assert_eq!(sms.place(task), "assigned n2");
    assert!(sms.state.node(&common::name("n1")).unwrap().penalty.is_some());
    sms.reports(n2, task, 2, returned(Code::QueueFull));
    assert!(sms.state.node(&common::name("n2")).unwrap().penalty.is_none());
    assert_eq!(sms.place(task), "queued");
    sms.pass(seconds(1));
    assert_eq!(sms.place(task), "assigned n2");
    sms.reports(n2, task, 3, success());
    assert_eq!(sms.place(task), "succeeded");
}

#[test]
fn a_returned_task_keeps_nobody_else_waiting() {
    let mut sms = Sms::default();
    let f = light("f", 0);
    let n1 = sms.join(node("n1", 1));
    let (first, second) = (sms.submit(&f), sms.submit(&f));
    sms.reports(n1, first, 1, returned(Code::QueueFull));
    assert_eq!((sms.place(first), sms.place(second)), ("queued".to_owned(), "assigned n1".to_owned()));
}

#[test]
fn a_refusal_that_any_node_would_give_ends_the_task() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit(&light("f", 0));
    sms.reports(n1, task, 1, returned(Code::LimitTooHigh));
    assert!(matches!(sms.outcome(task), Outcome::Refused { code: Code::LimitTooHigh, .. }));
}

#[test]
fn a_task_that_is_always_returned_ends_as_refused() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit(&light("f", 0));
    for attempt in 1..=20 {
        sms.hears(n1);
        sms.reports(n1, task, attempt, returned(Code::QueueFull));
        sms.pass(seconds(11));
    }
    assert!(matches!(sms.outcome(task), Outcome::Refused { code: Code::QueueFull, .. }));
    assert_eq!(sms.orders(n1).len(), 20);
}

#[test]
fn what_its_node_stopped_by_itself_is_a_lost_attempt_and_not_a_cancelled_task() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(2, 0, &[OutcomeKind::NodeLost]));
    sms.reports(n1, task, 1, result(Outcome::Cancelled));
    assert_eq!(sms.place(task), "assigned n1");
    sms.reports(n1, task, 2, result(Outcome::Cancelled));
    assert_eq!(sms.place(task), "node-lost");
}

#[test]
fn logs_are_remembered_as_they_come_and_what_a_retried_attempt_dropped_too() {
    let mut sms = Sms::default();
    let n1 = sms.join(node("n1", 1));
    let task = sms.submit_retried(&light("f", 0), retry(2, 0, &[OutcomeKind::OutOfFuel]));
    let line = |message: &str| LogLine {
        time: std::time::UNIX_EPOCH,
        level: Level::Info,
        message: message.to_owned(),
        fields: Vec::new(),
    };
    sms.reports(n1, task, 1, ReportKind::Logged { first: 1, lines: vec![line("one"), line("two")] });
    let result = TaskResult { outcome: Outcome::OutOfFuel { limit: 1 }, usage: Usage::default(), ran: None };
    sms.reports(n1, task, 1, ReportKind::Ended { result, log_dropped: 7 });
    let logged = sms.journal.lines(task, (0, 0), 100).unwrap();
    assert_eq!(
        logged.iter().map(|logged| (logged.first, logged.lines.len(), logged.dropped)).collect::<Vec<_>>(),
        [(1, 2, 0), (3, 0, 7)]
    );
    assert!(sms.effects.iter().any(|effect| matches!(effect, Effect::Logged(id) if *id == task)));
}
