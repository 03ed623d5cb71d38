//! Listings: filters and pages.

use std::collections::BTreeMap;

use spear_proto::v1;
use spear_types::{Code, TaskId};
use tonic::Code as Grpc;

use super::{HOUR, busy};
use crate::harness::{NewTask, Refused as _, Sms};

fn request(limit: u32) -> v1::ListTasksRequest {
    v1::ListTasksRequest { limit: Some(limit), ..v1::ListTasksRequest::default() }
}

/// All tasks, in pages of this size.
async fn paged(sms: &Sms, mut request: v1::ListTasksRequest) -> Vec<TaskId> {
    let mut all = Vec::new();
    loop {
        let (page, next) = sms.api.page(request.clone()).await.unwrap();
        assert!(page.len() <= request.limit.unwrap() as usize);
        all.extend(page.into_iter().map(|task| task.id));
        let Some(next) = next else { return all };
        request.after = Some(next);
    }
}

#[tokio::test]
async fn tasks_are_found_by_function_and_by_state() {
    let (sms, spin) = busy().await;
    for guest in ["echo", "fail"] {
        sms.deploy(guest).await;
    }
    let echo = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
    let fail = sms.api.submit(NewTask::of("fail", "x")).await.unwrap();
    let find = async |function, states: &[&str]| {
        let found = sms.api.list(function, states).await.unwrap();
        found.into_iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(find(None, &[]).await, [fail, echo, spin], "newest first");
    assert_eq!(find(None, &["running"]).await, [spin]);
    assert_eq!(find(None, &["queued"]).await, [fail, echo]);
    assert_eq!(find(Some("echo"), &[]).await, [echo]);
    assert_eq!(find(Some("echo"), &["running", "ended"]).await, []);
    sms.api.cancel(spin).await.unwrap();
    for task in [spin, echo, fail] {
        sms.api.ended(task).await;
    }
    assert_eq!(find(None, &["ended"]).await, [fail, echo, spin]);
    assert_eq!(find(None, &["failed", "cancelled"]).await, [fail, spin]);
    assert_eq!(find(Some("spin"), &["cancelled"]).await, [spin]);
    assert_eq!(find(Some("spin"), &["failed"]).await, []);
    assert_eq!(find(Some("nobody"), &[]).await, []);
}

#[tokio::test]
async fn pages_hold_each_task_once_newest_first_whatever_its_state() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let mut all = BTreeMap::new();
    for number in 0..50 {
        let task = NewTask::of("echo", number.to_string());
        let delayed = number % 3 == 0;
        let task = sms.api.submit(if delayed { task.delay(HOUR) } else { task }).await.unwrap();
        all.insert(task, delayed);
    }
    for (task, _) in all.iter().filter(|(_, delayed)| !**delayed) {
        sms.api.ended(*task).await;
    }
    let newest_first: Vec<_> = all.keys().rev().copied().collect();
    for size in [1, 7, 50, 1_000] {
        assert_eq!(paged(&sms, request(size)).await, newest_first, "in pages of {size}");
    }
    let queued: Vec<_> = all.iter().rev().filter(|(_, delayed)| **delayed).map(|(task, _)| *task).collect();
    let states = vec!["queued".to_owned()];
    assert_eq!(paged(&sms, v1::ListTasksRequest { states, ..request(4) }).await, queued);

    // What comes while somebody reads pages is newer than all that is left to read.
    let (page, next) = sms.api.page(request(10)).await.unwrap();
    sms.api.submit(NewTask::of("echo", "late").delay(HOUR)).await.unwrap();
    let rest = paged(&sms, v1::ListTasksRequest { after: next, ..request(10) }).await;
    assert_eq!(page.into_iter().map(|task| task.id).chain(rest).collect::<Vec<_>>(), newest_first);
}

#[tokio::test]
async fn a_page_without_a_size_has_a_hundred() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    sms.api.submit_all((0..150).map(|_| NewTask::of("echo", ""))).await.unwrap();
    let (page, next) = sms.api.page(v1::ListTasksRequest::default()).await.unwrap();
    assert!(page.len() == 100 && next.is_some());
}

#[tokio::test]
async fn what_no_listing_can_be_is_refused() {
    let sms = Sms::alone().await;
    let text = |text: &str| Some(text.to_owned());
    for unsound in [
        request(0),
        request(1_001),
        v1::ListTasksRequest { after: text("nonsense"), ..request(1) },
        v1::ListTasksRequest { states: vec!["asleep".to_owned()], ..request(1) },
        v1::ListTasksRequest { states: vec!["queued".to_owned(); 100_000], ..request(1) },
        v1::ListTasksRequest { after: text(&"x".repeat(1 << 20)), ..request(1) },
    ] {
        sms.api.page(unsound).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
    let function = v1::ListTasksRequest { function: text("No Name"), ..request(1) };
    sms.api.page(function).await.refused(Code::InvalidName, Grpc::InvalidArgument);
    sms.api.task(TaskId::generate()).await.refused(Code::UnknownTask, Grpc::NotFound);
    let get = sms.api.tasks().get_task(v1::GetTaskRequest { task: "x".to_owned() }).await;
    get.refused(Code::InvalidRequest, Grpc::InvalidArgument);
}
