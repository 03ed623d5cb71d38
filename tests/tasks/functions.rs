//! Tasks whose function changes while they wait.

use spear_proto::v1;
use spear_types::{Code, Outcome};
use tonic::Code as Grpc;

use super::busy;
use crate::harness::{Function, NewTask, Refused as _, Sms};

async fn delete(sms: &Sms, function: &str) {
    let request = v1::DeleteFunctionRequest { name: function.to_owned() };
    sms.api.functions().delete_function(request).await.unwrap();
}

#[tokio::test]
async fn the_queued_tasks_of_a_function_that_was_removed_end_and_say_so() {
    let mut sms = Sms::alone().await;
    for guest in ["hello", "echo"] {
        sms.deploy(guest).await;
    }
    let hello = sms.api.submit(NewTask::of("hello", "Ada")).await.unwrap();
    let echo = sms.api.submit(NewTask::of("echo", "Ada")).await.unwrap();
    delete(&sms, "hello").await;
    let ended = sms.api.ended(hello).await;
    let Outcome::Refused { code: Code::UnknownFunction, message } = ended.outcome else { panic!("{}", ended.outcome) };
    assert!(message.contains("hello"), "{message}");
    assert_eq!(sms.api.task(echo).await.unwrap().state.name(), "queued");
    sms.api.submit(NewTask::of("hello", "Ada")).await.refused(Code::UnknownFunction, Grpc::NotFound);
    // It is kept as everything else is that has ended.
    sms.kill_and_start_again("sms").await;
    assert_eq!(sms.api.ended(hello).await.task, ended.task);
}

#[tokio::test]
async fn a_running_one_ends_as_it_would_have() {
    let (sms, spin) = busy().await;
    delete(&sms, "spin").await;
    assert_eq!(sms.api.task(spin).await.unwrap().state.name(), "running");
    sms.api.cancel(spin).await.unwrap();
    assert_eq!(sms.api.ended(spin).await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_new_version_does_not_change_what_was_submitted() {
    let (sms, spin) = busy().await;
    sms.api.deploy(&Function::guest("counter").named("f")).await.unwrap();
    let task = sms.api.submit(NewTask::of("f", "x")).await.unwrap();
    sms.api.deploy(&Function::guest("echo").named("f")).await.unwrap();
    sms.api.cancel(spin).await.unwrap();
    assert_eq!(sms.api.ended(task).await.text(), "1");
}
