//! What is accepted, and that each task ends once.

use std::collections::BTreeSet;

use spear_types::{Code, OutcomeKind, Priority, TaskState};
use tonic::Code as Grpc;

use crate::harness::{Function, NewTask, Refused as _, Sms, Spearlet, eventually};

#[tokio::test]
async fn a_task_runs_once_and_its_answer_is_kept() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let task = sms.api.submit(NewTask::of("hello", "Ada")).await.unwrap();
    let ended = sms.api.ended(task).await;
    assert_eq!(ended.text(), "Hello, Ada!");
    assert!(ended.usage.wall > ended.usage.cpu / 2 && !ended.usage.cpu.is_zero(), "{:?}", ended.usage);

    let info = sms.api.task(task).await.unwrap();
    assert_eq!((&info, info.attempt, info.version), (&ended.task, 1, 1));
    assert_eq!((info.function.as_str(), info.priority, &info.schedule), ("hello", Priority::DEFAULT, &None));
    let node = sms.api.live_nodes().await.pop().unwrap().name;
    let TaskState::Ended { outcome, at, node: ran_on } = info.state else { panic!("{info:?}") };
    assert_eq!((outcome, ran_on), (OutcomeKind::Succeeded, Some(node)));
    assert!(at > info.submitted);
    assert_eq!(sms.api.log(&task.to_string()).await.messages(), ["greeting Ada"]);
}

#[tokio::test]
async fn what_waits_for_a_node_runs_when_there_is_one() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    let submitted = sms.api.submit_all((0..20).map(|number| NewTask::of("echo", number.to_string()))).await.unwrap();
    assert_eq!(sms.api.list(None, &["queued"]).await.unwrap().len(), 20);
    assert!(sms.api.result(submitted[0].0, None).await.unwrap().is_none());
    let _node = Spearlet::of(&sms, "one").await;
    for (number, (task, existing)) in submitted.into_iter().enumerate() {
        assert_eq!((sms.api.ended(task).await.text(), existing), (number.to_string().as_str(), false));
    }
}

#[tokio::test]
async fn ten_thousand_are_accepted_in_one_call_and_one_more_is_too_many() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    let tasks = |count: u32| (0..count).map(|number| NewTask::of("echo", number.to_string()));
    let refusal = sms.api.submit_all(tasks(10_001)).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert!(refusal.message.contains("10001") && refusal.message.contains("10000"), "{refusal}");
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), []);
    sms.api.submit_all([]).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);

    let submitted = sms.api.submit_all(tasks(10_000)).await.unwrap();
    let ids: BTreeSet<_> = submitted.iter().map(|(task, _)| *task).collect();
    assert_eq!(ids.len(), 10_000);
    let listed: BTreeSet<_> = sms.api.list(None, &[]).await.unwrap().into_iter().map(|task| task.id).collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn of_a_thousand_tasks_on_two_nodes_each_ends_once_with_its_own_answer() {
    let sms = Sms::alone().await;
    let _nodes = [Spearlet::of(&sms, "one").await, Spearlet::of(&sms, "two").await];
    sms.deploy("echo").await;
    let submitted = sms.api.submit_all((0..1_000).map(|number| NewTask::of("echo", number.to_string()))).await.unwrap();
    let all = async || (sms.api.list(None, &["succeeded"]).await.unwrap().len() == 1_000).then_some(());
    eventually("all ends", all).await;
    let ended = sms.api.list(Some("echo"), &["ended"]).await.unwrap();
    assert_eq!(ended.iter().map(|task| task.id).collect::<BTreeSet<_>>().len(), 1_000);
    assert!(ended.iter().all(|task| task.attempt == 1));
    for number in [0, 1, 499, 999] {
        assert_eq!(sms.api.ended(submitted[number].0).await.text(), number.to_string());
    }
}

#[tokio::test]
async fn of_a_batch_with_one_unsound_task_none_is_accepted() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let sound = || NewTask::of("hello", "Ada").key("sound");
    for (unsound, code, grpc) in [
        (NewTask::of("nobody", ""), Code::UnknownFunction, Grpc::NotFound),
        (NewTask::of("hello", "").version(2), Code::UnknownVersion, Grpc::NotFound),
        (NewTask::of("No Name", ""), Code::InvalidName, Grpc::InvalidArgument),
        (NewTask::of("hello", "").priority(101), Code::InvalidRequest, Grpc::InvalidArgument),
        (NewTask::of("hello", "another call").key("sound"), Code::KeyTaken, Grpc::AlreadyExists),
    ] {
        sms.api.submit_all([sound(), unsound, NewTask::of("hello", "")]).await.refused(code, grpc);
    }
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), []);
    // Not even the key is taken.
    assert!(!sms.api.submit_all([sound()]).await.unwrap()[0].1);
}

#[tokio::test]
async fn a_version_that_is_asked_for_runs_though_there_is_a_newer_one() {
    let sms = Sms::with_node().await;
    let first = Function::guest("counter").named("f");
    sms.api.deploy(&first).await.unwrap();
    sms.api.deploy(&Function::guest("echo").named("f")).await.unwrap();
    let old = sms.api.submit(NewTask::of("f", "x").version(1)).await.unwrap();
    let new = sms.api.submit(NewTask::of("f", "x")).await.unwrap();
    let (old, new) = (sms.api.ended(old).await, sms.api.ended(new).await);
    assert_eq!((old.text(), old.task.version), ("1", 1));
    assert_eq!((new.text(), new.task.version), ("x", 2));
}
