//! Logs of tasks while they are written: every line once, in order, whatever breaks meanwhile.

use serde_json::json;
use spear_proto::v1;
use spear_types::{Code, LimitRequest, TaskId};
use tonic::Code as Grpc;

use crate::harness::{Function, Home, NewTask, Place, Program, Refused as _, Sms, Spearlet, assert_whole, retries};

const HEARTBEAT: &[(&str, &str)] = &[("SPEAR_SMS_HEARTBEAT", "20ms")];

/// A task that writes so many lines, one every few milliseconds.
fn slow(lines: u32, every_ms: u32) -> NewTask {
    NewTask::of("slow-log", json!({ "lines": lines, "every_ms": every_ms }).to_string())
}

async fn submit(sms: &Sms, task: NewTask) -> TaskId {
    sms.api.submit(task).await.unwrap()
}

/// `line 1`, `line 2`, …
fn numbered(lines: &[(Place, String)]) {
    for (place, line) in lines {
        assert_eq!(line, &format!("line {}", place.1));
    }
}

#[tokio::test]
async fn lines_come_while_the_task_runs_and_the_stream_ends_with_it() {
    let sms = Sms::with_node().await;
    sms.deploy("slow-log").await;
    let task = submit(&sms, slow(60, 20)).await;
    let mut follow = sms.api.follow(task, None).await.unwrap();
    let mut lines = follow.take(3).await;
    assert_eq!(sms.api.task(task).await.unwrap().state.name(), "running");
    lines.extend(follow.rest().await);
    assert_whole(&lines, None);
    numbered(&lines);
    assert_eq!(lines.len(), 60);
    // Who comes later sees the same.
    assert_eq!(sms.api.follow(task, None).await.unwrap().rest().await, lines);
    assert_eq!(sms.api.log(&task.to_string()).await.lines.len(), 60);
}

#[tokio::test]
async fn who_comes_back_goes_on_after_the_last_line_seen() {
    let sms = Sms::with_node().await;
    sms.deploy("slow-log").await;
    let task = submit(&sms, slow(100, 10)).await;
    let mut lines: Vec<(Place, String)> = Vec::new();
    for _ in 0..4 {
        let after = lines.last().map(|(place, _)| *place);
        lines.extend(sms.api.follow(task, after).await.unwrap().take(5).await);
    }
    let after = lines.last().map(|(place, _)| *place);
    lines.extend(sms.api.follow(task, after).await.unwrap().rest().await);
    assert_whole(&lines, None);
    assert_eq!(lines.len(), 100);
    assert_eq!(sms.api.follow(task, Some((1, 100))).await.unwrap().rest().await, []);
    assert_eq!(sms.api.follow(task, Some((1, 98))).await.unwrap().rest().await, lines[98..]);
}

#[tokio::test]
async fn no_line_is_lost_or_said_twice_when_the_sms_is_killed_under_it() {
    let mut sms = Sms::alone_set(HEARTBEAT).await;
    let _node = Spearlet::of(&sms, "one").await;
    sms.deploy("slow-log").await;
    let task = submit(&sms, slow(250, 20)).await;
    let mut lines: Vec<(Place, String)> = Vec::new();
    for _ in 0..3 {
        let after = lines.last().map(|(place, _)| *place);
        let mut follow = sms.api.follow(task, after).await.unwrap();
        lines.extend(follow.take(10).await);
        sms.kill_and_start_again("sms").await;
    }
    let after = lines.last().map(|(place, _)| *place);
    lines.extend(sms.api.follow(task, after).await.unwrap().rest().await);
    assert_whole(&lines, None);
    numbered(&lines);
    assert_eq!(lines.len(), 250);
    assert_eq!(sms.api.ended(task).await.task.attempt, 1, "the node had it all the time");
}

#[tokio::test]
async fn a_stream_goes_from_attempt_to_attempt() {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    let call = json!({ "succeed_on": 3 }).to_string();
    // It writes nothing itself; each attempt of this one does.
    let limits = LimitRequest { timeout: Some(std::time::Duration::from_millis(400)), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("slow-log").limits(limits)).await.unwrap();
    let on = vec![spear_types::OutcomeKind::TimedOut];
    let task = submit(&sms, slow(1_000, 20).retry(spear_types::RetryPolicy { on, ..retries(3) })).await;
    let lines = sms.api.follow(task, None).await.unwrap().rest().await;
    assert_whole(&lines, None);
    numbered(&lines);
    for attempt in 1..=3 {
        assert!(lines.iter().any(|((of, number), _)| *of == attempt && *number == 1), "{lines:?}");
    }
    // In the middle of the second.
    let second = lines.iter().position(|((attempt, _), _)| *attempt == 2).unwrap();
    let rest = sms.api.follow(task, Some(lines[second].0)).await.unwrap().rest().await;
    assert_eq!(rest, lines[second + 1..]);

    let silent = submit(&sms, NewTask::of("flaky", call).retry(retries(3))).await;
    assert_eq!(sms.api.follow(silent, None).await.unwrap().rest().await, []);
}

#[tokio::test]
async fn an_attempt_that_died_with_its_node_keeps_the_lines_that_were_said() {
    let sms = Sms::alone_set(HEARTBEAT).await;
    let mut node = Spearlet::of(&sms, "one").await;
    sms.deploy("slow-log").await;
    let task = submit(&sms, slow(100, 20).retry(retries(2))).await;
    let mut follow = sms.api.follow(task, None).await.unwrap();
    let mut lines = follow.take(5).await;
    node.start_again(&sms).await;
    lines.extend(follow.rest().await);
    assert_whole(&lines, None);
    let second = lines.iter().filter(|((attempt, _), _)| *attempt == 2).count();
    assert_eq!(second, 100);
    assert_eq!(sms.api.ended(task).await.task.attempt, 2);
}

#[tokio::test]
async fn many_lines_come_in_order_to_many_readers() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { log: Some(1 << 20), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("chatter").limits(limits)).await.unwrap();
    let task = submit(&sms, NewTask::of("chatter", "5000")).await;
    let readers = (0..4).map(async |_| sms.api.follow(task, None).await.unwrap().rest().await);
    for lines in futures::future::join_all(readers).await {
        assert_whole(&lines, None);
        assert_eq!(lines.len(), 5_000);
    }
}

#[tokio::test]
async fn a_log_over_its_limit_says_how_much_is_lacking() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { log: Some(10_000), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("chatter").limits(limits)).await.unwrap();
    let task = submit(&sms, NewTask::of("chatter", "1000")).await;
    let lines = sms.api.follow(task, None).await.unwrap().rest().await;
    assert_whole(&lines, None);
    let log = sms.api.log(&task.to_string()).await;
    assert_eq!((log.lines.len(), log.lines.len() as u64 + log.dropped), (lines.len(), 1_000));
}

#[tokio::test]
async fn the_command_line_follows_until_the_end() {
    let sms = Sms::with_node_in(Home::new().await, &[]).await;
    sms.deploy("slow-log").await;
    let task = submit(&sms, slow(30, 20)).await;
    let mut client = Program::start(sms.home.spear(["--sms", &sms.url, "logs", "-f", &task.to_string()]));
    client.stdout.line_with("line 2").await;
    assert_eq!(sms.api.task(task).await.unwrap().state.name(), "running");
    assert!(client.exited().await.success());
    let text = client.stdout.text();
    assert!((1..=30).all(|line| text.matches(&format!("line {line}\n")).count() == 1), "{text}");
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused() {
    let sms = Sms::alone().await;
    let unknown = sms.api.follow(TaskId::generate(), None).await.map(|_| ());
    unknown.refused(Code::UnknownTask, Grpc::NotFound);
    let request = v1::FollowLogsRequest { task: "x".to_owned(), after: None };
    let unsound = sms.api.logs().follow_logs(request).await.map(|_| ());
    unsound.refused(Code::InvalidRequest, Grpc::InvalidArgument);
}
