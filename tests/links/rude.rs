//! Nodes that say what no node would: it costs them their link, and nobody else anything.

use spear_proto::v1::{self, link_request::Message, report};
use spear_types::{AttemptId, Code};
use spear_wire::{Encode as _, from_status};
use tonic::Code as Grpc;

use super::{PATIENT, submit, with_one_task};
use crate::harness::{Link, NewTask, Refused as _, Sms, link, register};

fn reports(number: u64, attempt: Option<v1::Attempt>, kind: Option<report::Kind>) -> Message {
    Message::Reports(v1::Reports { number, reports: vec![v1::Report { attempt, kind }] })
}

#[tokio::test]
async fn what_is_malformed_breaks_the_link_only() {
    let sms = Sms::alone_set(PATIENT).await;
    sms.deploy("echo").await;
    let attempt = AttemptId { task: submit(&sms).await, attempt: 1 };
    let sound = || Some(attempt.encode());
    let named = |task: &str| Some(v1::Attempt { task: task.to_owned(), number: 1 });
    let line = v1::LogLine { level: 77, ..v1::LogLine::default() };
    let lines = |first, line: &v1::LogLine| Some(report::Kind::Log(v1::LogLines { first, lines: vec![line.clone()] }));
    let no_outcome = v1::AttemptEnded { outcome: None, usage: None, log_dropped: 0, ran: None };
    for rude in [
        Message::Register(register("one", 1)),
        reports(1, None, Some(link::started())),
        reports(1, named("x"), Some(link::started())),
        reports(1, named(&"x".repeat(1 << 20)), Some(link::started())),
        reports(1, sound(), None),
        reports(1, sound(), Some(report::Kind::Ended(no_outcome))),
        reports(1, sound(), lines(1, &line)),
        reports(1, sound(), lines(0, &v1::LogLine::default())),
        Message::Received(u64::MAX),
    ] {
        let shown = format!("{rude:?}").chars().take(300).collect::<String>();
        let node = Link::open(&sms.api, register("one", 10)).await.unwrap();
        node.say(rude);
        let status = node.closed().await.unwrap_or_else(|| panic!("it was believed: {shown}"));
        let refusal = from_status(status);
        let known = matches!(refusal.code, Code::InvalidRequest | Code::InvalidName);
        assert!(known && refusal.message.len() < 1_000, "{shown}: {refusal}");
    }
    // The task is there as it was, and a node that behaves ends it.
    let mut node = Link::open(&sms.api, register("one", 10)).await.unwrap();
    let attempt = node.assigned().await;
    node.report(attempt, link::succeeded("in the end"));
    assert_eq!(sms.api.ended(attempt.task).await.text(), "in the end");
}

#[tokio::test]
async fn the_last_number_there_is_is_taken_and_one_that_jumps_ends_the_link_and_hides_nothing_said_later() {
    let (sms, mut node, attempt) = with_one_task().await;
    // A link's first number may be any: what was said under those before is remembered.
    node.report_as(u64::MAX, attempt, link::started());
    node.is_acknowledged(u64::MAX).await;
    assert_eq!(sms.api.task(attempt.task).await.unwrap().state.name(), "running");
    let other = submit(&sms).await;
    assert_eq!(node.assigned().await, AttemptId { task: other, attempt: 1 });
    // No number comes after it: what is said under another one is not believed, and the link ends.
    node.report_as(1, attempt, link::succeeded("a lie"));
    let refusal = from_status(node.closed().await.expect("a reason"));
    assert!(refusal.code == Code::InvalidRequest && refusal.message.contains("its reports 1 came"), "{refusal}");
    // Another program of the node's name is a new beginning, once the SMS knows that the link is gone.
    let mut node = loop {
        match Link::open(&sms.api, register("one", 10)).await {
            Ok(node) => break node,
            taken => drop(taken.map(|_| ()).refused(Code::NameTaken, Grpc::AlreadyExists)),
        }
    };
    for _ in 0..2 {
        let attempt = node.assigned().await;
        let number = node.report(attempt, link::succeeded("x"));
        node.is_acknowledged(number).await;
    }
    for task in [attempt.task, other] {
        assert_eq!(sms.api.ended(task).await.text(), "x");
    }
}

#[tokio::test]
async fn a_registration_that_is_not_sound_is_refused() {
    let sms = Sms::alone().await;
    let one = || register("one", 1);
    let labels = |count: u32| (0..count).map(|number| (format!("l{number}"), "x".to_owned())).collect();
    let label = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let held = v1::Attempt { task: "x".to_owned(), number: 1 };
    for unsound in [
        v1::Register { incarnation: String::new(), ..one() },
        v1::Register { incarnation: "x".repeat(1 << 20), ..one() },
        v1::Register { cpu_millis: u32::MAX, ..one() },
        v1::Register { labels: labels(65), ..one() },
        v1::Register { labels: label("a label", "x"), ..one() },
        v1::Register { labels: label("l", &"x".repeat(1 << 20)), ..one() },
        v1::Register { agents: vec![v1::Agent::default(); 1 << 10], ..one() },
        v1::Register { artifacts: vec!["../1".to_owned()], ..one() },
        v1::Register { held: vec![held], ..one() },
        v1::Register { spear_version: "x".repeat(1 << 20), ..one() },
        v1::Register { address: "http://".to_owned() + &"x".repeat(1 << 20), ..one() },
    ] {
        let shown = format!("{unsound:?}").chars().take(300).collect::<String>();
        let status = Link::open(&sms.api, unsound).await.map(|_| ()).expect_err(&shown);
        let refusal = from_status(status);
        let known = matches!(refusal.code, Code::InvalidRequest | Code::InvalidName);
        assert!(known && refusal.message.len() < 1_000, "{shown}: {refusal}");
    }
    assert!(sms.api.live_nodes().await.is_empty());
}

#[tokio::test]
async fn a_name_of_a_live_node_is_not_given_to_another_link_and_its_tasks_stay() {
    let (sms, mut node, attempt) = with_one_task().await;
    let elsewhere = v1::Register { address: "http://127.0.0.1:2".to_owned(), ..register("one", 10) };
    let thief = Link::open(&sms.api, elsewhere).await.map(|_| ());
    thief.refused(Code::NameTaken, Grpc::AlreadyExists);
    node.report(attempt, link::succeeded("still mine"));
    assert_eq!(sms.api.ended(attempt.task).await.text(), "still mine");
}

#[tokio::test]
async fn a_node_that_takes_no_orders_holds_nobody_else_up() {
    let sms = Sms::alone_set(PATIENT).await;
    sms.deploy("echo").await;
    // It never reads what it is told.
    let _idle = Link::open(&sms.api, register("idle", 100_000)).await.unwrap();
    let mut busy = Link::open(&sms.api, register("busy", 100_000)).await.unwrap();
    let tasks = (0..2_000).map(|_| NewTask::of("echo", vec![b'x'; 10_000]));
    sms.api.submit_all(tasks).await.unwrap();
    for _ in 0..20 {
        let attempt = busy.assigned().await;
        busy.report(attempt, link::succeeded("x"));
        assert_eq!(sms.api.ended(attempt.task).await.text(), "x");
    }
}
