//! What a node says is believed once, and only of what it was given.

use spear_proto::v1::{self, order, report};
use spear_types::{AttemptId, Failure, NodeState, Outcome, Payload, TaskId, TaskState};
use spear_wire::Encode as _;

use super::{PATIENT, submit, with_one_task};
use crate::harness::{Link, NewTask, Sms, eventually, link, register};

fn held(register: &v1::Register, held: &[AttemptId]) -> v1::Register {
    v1::Register { held: held.iter().map(|attempt| attempt.encode()).collect(), ..register.clone() }
}

/// Waits until the SMS knows that the node's link is gone.
async fn is_gone(sms: &Sms, name: &str) {
    let gone = async || (sms.api.node(name).await.unwrap().state != NodeState::Live).then_some(());
    eventually("a broken link", gone).await;
}

#[tokio::test]
async fn an_attempt_goes_from_assigned_over_running_to_its_end() {
    let (sms, mut node, attempt) = with_one_task().await;
    assert_eq!(sms.api.task(attempt.task).await.unwrap().state.name(), "assigned");
    let number = node.report(attempt, link::started());
    node.is_acknowledged(number).await;
    assert_eq!(sms.api.task(attempt.task).await.unwrap().state.name(), "running");
    let number = node.report(attempt, link::succeeded("done"));
    node.is_acknowledged(number).await;
    assert_eq!(sms.api.ended(attempt.task).await.text(), "done");
}

#[tokio::test]
async fn an_end_that_is_said_again_is_the_same_end() {
    let (sms, mut node, attempt) = with_one_task().await;
    let number = node.report(attempt, link::succeeded("first"));
    node.is_acknowledged(number).await;
    let first = sms.api.ended(attempt.task).await;
    // As it was, by another link, as it is where an acknowledgement was lost; under a new number; another one altogether.
    let again = v1::Register { incarnation: node.incarnation.clone(), ..held(&register("one", 10), &[attempt]) };
    drop(node);
    is_gone(&sms, "one").await;
    let mut node = Link::open(&sms.api, again).await.unwrap();
    node.reported = number - 1;
    node.report(attempt, link::succeeded("first"));
    node.report(attempt, link::succeeded("first"));
    let failure = Failure { code: "x".to_owned(), message: String::new(), retryable: true, exit: None };
    node.report(attempt, link::ended(Outcome::Failed(failure)));
    let last = node.report(attempt, link::started());
    node.is_acknowledged(last).await;
    let again = sms.api.ended(attempt.task).await;
    assert_eq!((again.task, again.outcome), (first.task, first.outcome));
    assert_eq!(sms.api.list(None, &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_report_of_what_the_node_was_not_given_is_acknowledged_and_changes_nothing() {
    let (sms, mut one, attempt) = with_one_task().await;
    let mut two = Link::open(&sms.api, register("two", 10)).await.unwrap();
    let before = sms.api.task(attempt.task).await.unwrap();
    let next = AttemptId { attempt: 2, ..attempt };
    let never = AttemptId { task: TaskId::generate(), attempt: 1 };
    for kind in [link::started(), link::succeeded("a lie")] {
        let number = two.report(attempt, kind.clone());
        two.is_acknowledged(number).await;
        for attempt in [never, next] {
            let number = one.report(attempt, kind.clone());
            one.is_acknowledged(number).await;
        }
    }
    assert_eq!(sms.api.task(attempt.task).await.unwrap(), before);
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), [before]);
    // The link is as good as it was.
    one.report(attempt, link::succeeded("the truth"));
    assert_eq!(sms.api.ended(attempt.task).await.text(), "the truth");
}

#[tokio::test]
async fn a_task_that_waits_does_not_end_by_a_report() {
    let (sms, mut node, _) = with_one_task().await;
    let delayed = sms.api.submit(NewTask::of("echo", "").delay(super::HOUR)).await.unwrap();
    for attempt in [0, 1] {
        let number = node.report(AttemptId { task: delayed, attempt }, link::succeeded("a lie"));
        node.is_acknowledged(number).await;
    }
    assert_eq!(sms.api.task(delayed).await.unwrap().state.name(), "queued");
}

#[tokio::test]
async fn another_incarnation_has_nothing_of_what_the_one_before_had() {
    let (sms, node, first) = with_one_task().await;
    drop(node);
    is_gone(&sms, "one").await;
    let mut node = Link::open(&sms.api, register("one", 10)).await.unwrap();
    let second = node.assigned().await;
    assert_eq!(second, AttemptId { task: first.task, attempt: 2 });
    // What is said of the first is of an attempt that is over.
    let number = node.report(first, link::succeeded("late"));
    node.is_acknowledged(number).await;
    assert_eq!(sms.api.task(first.task).await.unwrap().state.name(), "assigned");
    node.report(second, link::succeeded("in time"));
    let ended = sms.api.ended(first.task).await;
    assert_eq!((ended.text(), ended.task.attempt), ("in time", 2));
}

#[tokio::test]
async fn the_same_incarnation_keeps_what_it_holds_and_is_told_again_what_it_does_not() {
    let sms = Sms::alone_set(PATIENT).await;
    sms.deploy("echo").await;
    let one = register("one", 10);
    let mut node = Link::open(&sms.api, one.clone()).await.unwrap();
    let (has, lacks, done) = (submit(&sms).await, submit(&sms).await, submit(&sms).await);
    let [has, lacks, done] = [has, lacks, done].map(|task| AttemptId { task, attempt: 1 });
    for attempt in [has, lacks, done] {
        assert_eq!(node.assigned().await, attempt);
    }
    drop(node);
    is_gone(&sms, "one").await;
    let mut node = Link::open(&sms.api, held(&one, &[has, done])).await.unwrap();
    assert_eq!(node.assigned().await, lacks);
    node.report(done, link::succeeded("done"));
    sms.api.ended(done.task).await;
    node.report(has, link::succeeded("has"));
    node.report(lacks, link::succeeded("lacks"));
    for (attempt, text) in [(has, "has"), (lacks, "lacks"), (done, "done")] {
        let ended = sms.api.ended(attempt.task).await;
        assert_eq!((ended.text(), ended.task.attempt), (text, 1));
    }
}

#[tokio::test]
async fn what_it_holds_and_should_not_it_is_told_to_cancel() {
    let sms = Sms::alone_set(PATIENT).await;
    sms.deploy("echo").await;
    let one = register("one", 10);
    let mut node = Link::open(&sms.api, one.clone()).await.unwrap();
    let task = submit(&sms).await;
    let attempt = node.assigned().await;
    drop(node);
    is_gone(&sms, "one").await;
    sms.api.cancel(task).await.unwrap();
    let unknown = AttemptId { task: TaskId::generate(), attempt: 3 };
    let mut node = Link::open(&sms.api, held(&one, &[attempt, unknown])).await.unwrap();
    let mut cancelled = [node.cancelled().await, node.cancelled().await];
    cancelled.sort();
    let mut wanted = [attempt, unknown];
    wanted.sort();
    assert_eq!(cancelled, wanted);
    node.report(attempt, link::ended(Outcome::Cancelled));
    assert_eq!(sms.api.ended(task).await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn after_a_restart_of_the_sms_the_node_goes_on_with_what_it_holds() {
    let (mut sms, node, attempt) = with_one_task().await;
    let mut one = register("one", 10);
    one.incarnation = node.incarnation.clone();
    drop(node);
    sms.kill_and_start_again("sms").await;
    assert_eq!(sms.api.task(attempt.task).await.unwrap().attempt, 1);
    let mut node = Link::open(&sms.api, held(&one, &[attempt])).await.unwrap();
    let another = submit(&sms).await;
    assert_eq!(node.assigned().await.task, another, "the first is not assigned again");
    // Its numbers begin where they were or anew: each program has its own.
    node.report(attempt, link::succeeded("after all"));
    let ended = sms.api.ended(attempt.task).await;
    assert_eq!((ended.text(), ended.task.attempt), ("after all", 1));
}

#[tokio::test]
async fn a_cancel_reaches_the_node_and_its_word_ends_the_task() {
    let failure = Failure { code: "x".to_owned(), message: String::new(), retryable: true, exit: None };
    for word in [
        // It was stopped.
        Outcome::Cancelled,
        // It had ended before the node heard of it.
        Outcome::Succeeded(Payload { body: "already".into(), ..Payload::default() }),
        Outcome::Failed(failure),
    ] {
        let (sms, mut node, attempt) = with_one_task().await;
        let number = node.report(attempt, link::started());
        node.is_acknowledged(number).await;
        let info = sms.api.cancel(attempt.task).await.unwrap();
        assert!(matches!(info.state, TaskState::Running { cancelling: true, .. }), "{info:?}");
        assert_eq!(node.cancelled().await, attempt);
        // It waits for the node's word, however often one asks.
        let info = sms.api.cancel(attempt.task).await.unwrap();
        assert!(matches!(info.state, TaskState::Running { cancelling: true, .. }), "{info:?}");
        node.report(attempt, link::ended(word.clone()));
        let ended = sms.api.ended(attempt.task).await;
        assert_eq!((ended.outcome, ended.task.attempt), (word, 1));
    }
}

#[tokio::test]
async fn orders_come_once_each_with_their_terms_before_them() {
    let sms = Sms::alone_set(PATIENT).await;
    for guest in ["echo", "hello"] {
        sms.deploy(guest).await;
    }
    let mut node = Link::open(&sms.api, register("one", 100)).await.unwrap();
    let (mut terms, mut assigned) = (Vec::new(), Vec::new());
    for round in 0..10 {
        for function in ["echo", "hello"] {
            sms.api.submit(NewTask::of(function, "").key(&round.to_string())).await.unwrap();
        }
    }
    while assigned.len() < 20 {
        match node.order().await {
            order::Kind::Terms(told) => terms.push((told.id, told.function)),
            order::Kind::Assign(assign) => {
                assert!(terms.iter().any(|(id, _)| *id == assign.terms), "{assign:?} before its terms");
                assigned.push(assign.attempt.unwrap().task);
            }
            order::Kind::Cancel(attempt) => panic!("nobody cancelled {attempt:?}"),
        }
    }
    assert_eq!(terms.len(), 2, "once each: {terms:?}");
    assigned.sort();
    assigned.dedup();
    assert_eq!(assigned.len(), 20);
}

#[tokio::test]
async fn lines_that_are_said_again_are_written_once() {
    let (sms, mut node, attempt) = with_one_task().await;
    let line = |text: &str| v1::LogLine {
        time: Some(spear_types::Timestamp::now().encode()),
        level: v1::Level::Info.into(),
        message: text.to_owned(),
        fields: Vec::new(),
    };
    let lines = |first, texts: &[&str]| {
        report::Kind::Log(v1::LogLines { first, lines: texts.iter().map(|text| line(text)).collect() })
    };
    for (first, texts) in [(1, &["1", "2"][..]), (1, &["1", "2"]), (2, &["2", "3"]), (3, &["3"]), (4, &["4"])] {
        let number = node.report(attempt, lines(first, texts));
        node.is_acknowledged(number).await;
    }
    node.report(attempt, link::succeeded(""));
    let followed = sms.api.follow(attempt.task, None).await.unwrap().rest().await;
    let numbered: Vec<_> = followed.iter().map(|((_, number), text)| (*number, text.as_str())).collect();
    assert_eq!(numbered, [(1, "1"), (2, "2"), (3, "3"), (4, "4")]);
}
