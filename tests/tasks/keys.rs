//! Idempotency keys: what is submitted again is what was submitted.

use spear_types::Code;
use tonic::Code as Grpc;

use crate::harness::{Api, NewTask, Refused as _, Sms};

fn ada() -> NewTask {
    NewTask::of("hello", "Ada").key("order 7")
}

/// Submits it; its id, and whether it was there.
async fn submit(api: &Api, task: NewTask) -> (String, bool) {
    let (task, existing) = api.submit_all([task]).await.unwrap()[0];
    (task.to_string(), existing)
}

#[tokio::test]
async fn the_same_key_is_the_same_task_before_and_after_its_end() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let task = sms.api.submit(ada()).await.unwrap();
    assert_eq!(submit(&sms.api, ada()).await, (task.to_string(), true));
    sms.api.ended(task).await;
    assert_eq!(submit(&sms.api, ada()).await, (task.to_string(), true));
    assert_eq!(sms.api.list(None, &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_one_functions_own() {
    let sms = Sms::alone().await;
    for guest in ["hello", "echo"] {
        sms.deploy(guest).await;
    }
    let (hello, _) = submit(&sms.api, ada()).await;
    let (echo, existing) = submit(&sms.api, NewTask::of("echo", "Ada").key("order 7")).await;
    assert!(hello != echo && !existing);
}

#[tokio::test]
async fn another_call_under_the_key_is_refused() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let task = sms.api.submit(ada()).await.unwrap();
    for _ in ["while it may run", "when it has ended"] {
        let other = NewTask::of("hello", "Grace").key("order 7");
        let refusal = sms.api.submit(other).await.refused(Code::KeyTaken, Grpc::AlreadyExists);
        assert!(refusal.message.contains(&task.to_string()), "{refusal}");
        sms.api.ended(task).await;
    }
}

#[tokio::test]
async fn twice_in_one_batch_it_is_one_task() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let submitted = sms.api.submit_all([ada(), NewTask::of("hello", ""), ada()]).await.unwrap();
    assert_eq!((submitted[0].0, true), submitted[2]);
    assert!(!submitted[0].1 && submitted[1].0 != submitted[0].0);
    assert_eq!(sms.api.list(None, &[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn keys_outlive_a_restart_of_queued_and_of_ended_tasks() {
    let mut sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let ended = sms.api.submit(ada()).await.unwrap();
    sms.api.ended(ended).await;
    let waiting = || NewTask::of("hello", "Ada").key("order 8").delay(super::HOUR);
    let queued = sms.api.submit(waiting()).await.unwrap();
    sms.kill_and_start_again("up").await;
    assert_eq!(submit(&sms.api, ada()).await, (ended.to_string(), true));
    assert_eq!(submit(&sms.api, waiting()).await, (queued.to_string(), true));
    for key in ["order 7", "order 8"] {
        let other = NewTask::of("hello", "Grace").key(key);
        sms.api.submit(other).await.refused(Code::KeyTaken, Grpc::AlreadyExists);
    }
}

#[tokio::test]
async fn many_clients_with_one_key_make_one_task() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let clients = (0..32).map(|_| {
        let api = Api::new(&sms.url);
        async move { submit(&api, ada()).await }
    });
    let answers = futures::future::join_all(clients).await;
    assert_eq!(answers.iter().filter(|(_, existing)| !existing).count(), 1);
    assert!(answers.iter().all(|(task, _)| *task == answers[0].0));
}
