//! What is kept of tasks that have ended, and for how long.

use std::collections::BTreeSet;

use spear_types::{Code, TaskId};
use tonic::Code as Grpc;

use crate::harness::{NewTask, Refused as _, Sms, eventually};

/// Runs so many tasks to their ends, one after the other.
async fn ended(sms: &Sms, tasks: u32) -> Vec<TaskId> {
    let mut all = Vec::new();
    for number in 0..tasks {
        let task = NewTask::of("hello", number.to_string()).key(&number.to_string());
        let task = sms.api.submit(task).await.unwrap();
        sms.api.ended(task).await;
        all.push(task);
    }
    all
}

#[tokio::test]
async fn a_result_is_there_after_a_restart() {
    let mut sms = Sms::with_node().await;
    for guest in ["hello", "fail"] {
        sms.deploy(guest).await;
    }
    let hello = sms.api.submit(NewTask::of("hello", "Ada")).await.unwrap();
    let fail = sms.api.submit(NewTask::of("fail", "no-stock")).await.unwrap();
    let (before_hello, before_fail) = (sms.api.ended(hello).await, sms.api.ended(fail).await);
    let before = sms.api.list(None, &[]).await.unwrap();
    sms.kill_and_start_again("up").await;
    let (hello, fail) = (sms.api.ended(hello).await, sms.api.ended(fail).await);
    assert_eq!(
        (&hello.task, &hello.outcome, hello.usage),
        (&before_hello.task, &before_hello.outcome, before_hello.usage)
    );
    assert_eq!((&fail.task, &fail.outcome), (&before_fail.task, &before_fail.outcome));
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), before);
    assert_eq!(sms.api.log(&hello.task.id.to_string()).await.messages(), ["greeting Ada"]);
}

#[tokio::test]
async fn the_oldest_over_a_number_are_forgotten_with_their_keys_and_logs() {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_KEEP", "5")]).await;
    sms.deploy("hello").await;
    let all = ended(&sms, 12).await;
    let few = async || (sms.api.list(None, &[]).await.unwrap().len() == 5).then_some(());
    eventually("the others to be forgotten", few).await;
    let kept: BTreeSet<_> = sms.api.list(None, &[]).await.unwrap().into_iter().map(|task| task.id).collect();
    assert_eq!(kept, all[7..].iter().copied().collect());
    for task in &all[..7] {
        sms.api.task(*task).await.refused(Code::UnknownTask, Grpc::NotFound);
        sms.api.result(*task, None).await.map(|_| ()).refused(Code::UnknownTask, Grpc::NotFound);
        sms.api.follow(*task, None).await.map(|_| ()).refused(Code::UnknownTask, Grpc::NotFound);
    }
    let again = sms.api.submit_all([NewTask::of("hello", "0").key("0"), NewTask::of("hello", "11").key("11")]).await;
    let again = again.unwrap();
    assert!(!again[0].1 && again[0].0 != all[0], "its key was forgotten with it");
    assert_eq!(again[1], (all[11], true));
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_waits_is_not() {
    let mut sms = Sms::with_node_set(&[("SPEAR_SMS_KEEP_FOR", "1s")]).await;
    sms.deploy("hello").await;
    let waiting = sms.api.submit(NewTask::of("hello", "").delay(super::HOUR)).await.unwrap();
    ended(&sms, 3).await;
    let one = async || (sms.api.list(None, &[]).await.unwrap().len() == 1).then_some(());
    eventually("the others to be forgotten", one).await;
    sms.kill_and_start_again("up").await;
    assert_eq!(sms.api.list(None, &[]).await.unwrap()[0].id, waiting);
}
