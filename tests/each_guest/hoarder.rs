//! One instance for one call after another: what it keeps, what ends it, and what of one call is never in the next.

use std::{fs, time::Duration};

use futures::future::join_all;
use spear_types::{
    Access, AgentKind, Failure, Grants, Implementation, InstanceCounts, LimitRequest, Outcome, Payload, Pool, Reuse,
};

use crate::harness::{Function, Home, Invoked, NewTask, Sms, eventually};

/// A guest whose instances serve one call after another.
fn serial(guest: &str, pool: Pool) -> Function {
    let function = Function::guest(guest);
    let reuse = Reuse::Serial(pool);
    let implementation = Implementation { reuse, ..Implementation::wasm(function.described()) };
    function.run_as([implementation])
}

/// The guest of this file, with what it is granted.
fn hoarder(pool: Pool) -> Function {
    granted(serial("hoarder", pool))
}

fn granted(function: Function) -> Function {
    let secrets = ["api-key".parse().unwrap()].into();
    let objects = [("shelf".parse().unwrap(), Access::ReadWrite)].into();
    function.grants(Grants { secrets, objects, ..Grants::default() })
}

async fn with(pool: Pool, limits: LimitRequest) -> Sms {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.api.deploy(&hoarder(pool).limits(limits)).await.unwrap();
    sms
}

async fn call(sms: &Sms, way: &str) -> Invoked {
    sms.api.invoke("hoarder", way.to_owned()).await.unwrap()
}

async fn says(sms: &Sms, way: &str) -> String {
    call(sms, way).await.text().to_owned()
}

async fn failure(sms: &Sms, way: &str) -> Failure {
    match call(sms, way).await.outcome {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{way}: {outcome}"),
    }
}

/// The counts of components, once they are as expected.
async fn counts_become(sms: &Sms, what: &str, expected: impl Fn(&InstanceCounts) -> bool) -> InstanceCounts {
    let look = async || {
        let node = sms.api.live_nodes().await.pop()?;
        let counts = node.agents.into_iter().find(|agent| agent.kind == AgentKind::Wasm)?.instances;
        expected(&counts).then_some(counts)
    };
    eventually(what, look).await
}

#[tokio::test]
async fn one_instance_counts_up_over_its_calls_and_an_ordinary_failure_keeps_it() {
    let sms = with(Pool::default(), LimitRequest::default()).await;
    assert_eq!([says(&sms, "").await, says(&sms, "").await], ["1", "2"]);
    assert_eq!(failure(&sms, "fail").await.code, "asked-for");
    let task = sms.api.submit(NewTask::of("hoarder", "")).await.unwrap();
    assert_eq!(sms.api.ended(task).await.text(), "4", "a task is served as a call is");
    let expected = InstanceCounts { idle: 1, hits: 3, misses: 1, starts: 1 };
    counts_become(&sms, "four calls", |counts| *counts == expected).await;
    let json = sms.json(["node", "ls"]).await.to_string();
    assert!(json.contains(r#""instances":{"hits":3,"idle":1,"misses":1,"starts":1}"#), "{json}");
    let text = sms.spear(["node", "get", sms.api.live_nodes().await[0].name.as_ref()]).await;
    assert!(text.stdout.contains("wasm: 1 idle, 1 started, 3 hits, 1 misses"), "{text:?}");
}

#[tokio::test]
async fn what_does_not_end_as_it_should_takes_its_instance_with_it() {
    let limits = LimitRequest { timeout: Some(Duration::from_millis(300)), ..LimitRequest::default() };
    let sms = with(Pool::default(), limits).await;
    for (way, outcome) in [("panic", "trapped"), ("spin", "timed-out"), ("eat", "out-of-memory")] {
        says(&sms, "").await;
        assert_eq!(call(&sms, way).await.outcome.name(), outcome);
        assert_eq!([says(&sms, "").await, says(&sms, "").await], ["1", "2"], "after it {outcome}");
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_takes_its_instance_with_it() {
    let sms = with(Pool::default(), LimitRequest::default()).await;
    says(&sms, "").await;
    let task = sms.api.submit(NewTask::of("hoarder", "spin")).await.unwrap();
    sms.is_running(1).await;
    sms.spear(["task", "cancel", &task.to_string()]).await;
    assert_eq!(sms.api.ended(task).await.outcome.name(), "cancelled");
    assert_eq!(says(&sms, "").await, "1");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_instance_that_a_call_broke_off_in() {
    let sms = with(Pool { max: 1, ..Pool::default() }, LimitRequest::default()).await;
    says(&sms, "").await;
    let gone = tokio::spawn({
        let api = sms.api.clone();
        async move { api.invoke("hoarder", "spin").await }
    });
    sms.is_running(1).await;
    gone.abort();
    sms.is_running(0).await;
    assert_eq!(says(&sms, "").await, "1");
}

#[tokio::test]
async fn fuel_is_each_calls_own_and_who_runs_out_of_it_is_replaced() {
    let limits = LimitRequest { fuel: Some(5_000_000), ..LimitRequest::default() };
    let sms = with(Pool::default(), limits).await;
    let mut used = Vec::new();
    for calls in 1..=20 {
        let invoked = call(&sms, "work").await;
        assert_eq!(invoked.text(), calls.to_string());
        used.push(invoked.usage.fuel.unwrap());
    }
    assert!(used.iter().sum::<u64>() > 5_000_000, "one call's fuel would not do for all: {used:?}");
    assert_eq!(call(&sms, "spin").await.outcome.name(), "out-of-fuel");
    assert_eq!(says(&sms, "").await, "1");
}

#[tokio::test]
async fn an_instance_is_replaced_after_so_many_calls() {
    let sms = with(Pool { calls: 2, ..Pool::default() }, LimitRequest::default()).await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(says(&sms, "").await);
    }
    assert_eq!(answers, ["1", "2", "1", "2", "1"]);
}

#[tokio::test]
async fn calls_at_once_take_no_more_instances_than_there_may_be() {
    let sms = with(Pool { max: 2, ..Pool::default() }, LimitRequest::default()).await;
    let calls = join_all((0..30).map(|_| call(&sms, "work"))).await;
    let served: u32 = calls.iter().filter(|invoked| invoked.text() == "1").count().try_into().unwrap();
    assert!((1..=2).contains(&served), "{served} instances");
    // An answer may be there before its instance waits again.
    let over = |counts: &InstanceCounts| counts.hits + counts.misses == 30 && counts.idle == served;
    let counts = counts_become(&sms, "30 calls", over).await;
    assert_eq!(counts.starts, u64::from(served), "{counts:?}");
}

#[tokio::test]
async fn so_many_are_ready_before_a_second_call_and_are_replaced_ahead() {
    let sms = with(Pool { min: 3, ..Pool::default() }, LimitRequest::default()).await;
    assert_eq!(says(&sms, "").await, "1");
    let before = counts_become(&sms, "three that wait", |counts| counts.idle >= 3).await;
    assert_eq!(call(&sms, "panic").await.outcome.name(), "trapped");
    let lost = |counts: &InstanceCounts| counts.idle >= 3 && counts.hits == before.hits + 1;
    let after = counts_become(&sms, "another one", lost).await;
    assert_eq!(after.misses, before.misses, "the second call found one: {after:?}");
}

#[tokio::test]
async fn a_version_that_is_not_the_newest_any_more_keeps_none() {
    let idle = Duration::from_millis(100);
    let sms = with(Pool { min: 3, idle, ..Pool::default() }, LimitRequest::default()).await;
    says(&sms, "").await;
    counts_become(&sms, "three that wait", |counts| counts.idle >= 3).await;
    sms.api.deploy(&hoarder(Pool { min: 1, idle, ..Pool::default() })).await.unwrap();
    says(&sms, "").await;
    counts_become(&sms, "one that waits", |counts| counts.idle == 1).await;
}

#[tokio::test]
async fn nothing_that_is_told_of_one_call_is_told_of_the_next() {
    let sms = with(Pool::default(), LimitRequest::default()).await;
    let printed = call(&sms, "print").await;
    let quiet = call(&sms, "").await;
    assert_eq!(quiet.text(), "2");
    assert_eq!(sms.api.log(&printed.task).await.messages().len(), 4);
    assert_eq!(sms.api.log(&quiet.task).await.messages(), [""; 0]);
    assert!(printed.usage.hostcalls > 0 && quiet.usage.hostcalls == 0, "{:?}", quiet.usage);
    assert!(quiet.usage.bytes_out < printed.usage.bytes_out, "{:?}", quiet.usage);
    let trapped = call(&sms, "panic").await.outcome;
    assert!(trapped.to_string().contains("as it was told"), "{trapped}");

    for _ in 0..2 {
        let invoked = call(&sms, "who").await;
        assert!(invoked.text().contains(&invoked.task), "{}", invoked.text());
        assert!(says(&sms, "usage").await.contains("hostcalls: 1,"));
    }
    let small = call(&sms, "").await.usage.peak_memory;
    let large = call(&sms, "grow").await.usage.peak_memory;
    assert!(large >= small + (8 << 20), "{small}, {large}");
    assert_eq!(call(&sms, "").await.usage.peak_memory, large, "memory that a guest took is the instance's for good");
}

#[tokio::test]
async fn a_denial_is_the_calls_that_asked() {
    let sms = with(Pool::default(), LimitRequest::default()).await;
    for _ in 0..2 {
        let denied = call(&sms, "be denied").await;
        assert_eq!(sms.api.log(&denied.task).await.messages().len(), 1, "each call is told of its own");
        let claims = call(&sms, "claim a denial").await;
        assert_eq!(claims.outcome.name(), "failed", "{}", claims.outcome);
        assert_eq!(sms.api.log(&claims.task).await.messages(), [""; 0]);
    }
}

#[tokio::test]
async fn a_handle_and_a_secret_are_kept_and_the_secret_is_shown_in_no_later_call() {
    const KEY: &str = "hunter2-and-more";
    let home = Home::new().await;
    let folder = home.path().join("secrets");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("api-key"), KEY).unwrap();
    let sms = Sms::with_node_in(home, &[("SPEAR_SPEARLET_SECRETS", folder.to_str().unwrap())]).await;
    sms.deploy("hoarder").await;
    assert_eq!([says(&sms, "read secret").await, says(&sms, "open").await], ["1", "2"]);
    assert_eq!(says(&sms, "put").await, "3");
    assert_eq!(sms.api.get("shelf", "x").await.unwrap(), b"kept");
    for _ in 0..2 {
        let told = call(&sms, "tell secret").await;
        let shown = format!("{:?}{:?}", told.outcome, sms.api.log(&told.task).await);
        assert!(!shown.contains(KEY) && shown.matches("it is •••").count() == 2, "{shown}");
    }
}

#[tokio::test]
async fn another_function_of_the_same_component_never_meets_its_instances() {
    let sms = with(Pool::default(), LimitRequest::default()).await;
    sms.api.deploy(&hoarder(Pool::default()).named("other")).await.unwrap();
    assert_eq!([says(&sms, "").await, says(&sms, "").await], ["1", "2"]);
    assert_eq!(sms.api.invoke("other", "").await.unwrap().text(), "1");
    sms.api.deploy(&hoarder(Pool::default())).await.unwrap();
    assert_eq!(says(&sms, "").await, "3", "the same version is not deployed again");
}

#[tokio::test]
async fn instances_that_wait_make_room_for_calls_that_need_it() {
    let settings = [("SPEAR_SPEARLET_SLOTS", "2"), ("SPEAR_SMS_HEARTBEAT", "20ms")];
    let sms = Sms::with_node_set(&settings).await;
    for name in ["one", "two", "three"] {
        sms.api.deploy(&hoarder(Pool::default()).named(name)).await.unwrap();
    }
    for name in ["one", "two", "three"] {
        assert_eq!(sms.api.invoke(name, "").await.unwrap().text(), "1");
    }
    counts_become(&sms, "as many as there is room for", |counts| counts.idle == 2 && counts.starts == 3).await;
    assert_eq!(sms.api.invoke("three", "").await.unwrap().text(), "2");
    assert_eq!(sms.api.invoke("one", "").await.unwrap().text(), "1", "the one that waited longest went");
}

#[tokio::test]
async fn http_handlers_and_functions_are_served_in_one_instance_too() {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.api.deploy(&serial("web", Pool::default())).await.unwrap();
    sms.api.deploy(&serial("calc", Pool::default())).await.unwrap();
    for _ in 0..3 {
        assert_eq!(sms.api.invoke("web", "").await.unwrap().outcome.name(), "succeeded");
        let called = sms.api.invoke_by("calc", spear_types::Call::Typed("add(1, 2)".to_owned())).await.unwrap();
        assert_eq!(called.text(), "3");
    }
    sms.api.invoke_by("calc", spear_types::Call::Typed("add(1)".to_owned())).await.unwrap_err();
    let expected = InstanceCounts { idle: 2, hits: 5, misses: 2, starts: 2 };
    counts_become(&sms, "a call that fits nothing harms nothing", |counts| *counts == expected).await;
}

#[tokio::test]
async fn an_http_handler_that_was_ended_in_its_response_is_replaced_and_one_that_returned_is_not() {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let limits = LimitRequest { payload: Some(1 << 20), ..LimitRequest::default() };
    sms.api.deploy(&serial("web", Pool::default()).limits(limits)).await.unwrap();
    let get = async |path: &str| {
        let headers = vec![(":path".to_owned(), path.to_owned())];
        sms.api.invoke_by("web", Payload { headers, ..Payload::default() }).await.unwrap().outcome
    };
    for path in ["/silent", "/error", "/unfinished", "/leaked", "/after"] {
        get(path).await;
        assert_eq!(get("/").await.name(), "succeeded", "after {path}");
    }
    counts_become(&sms, "one start", |counts| counts.hits == 9 && counts.starts == 1).await;
    let Outcome::Failed(failure) = get("/fill?20000000").await else { panic!("it is too large") };
    assert_eq!(failure.code, "reply-too-large");
    assert_eq!(get("/").await.name(), "succeeded");
    counts_become(&sms, "another start", |counts| counts.starts == 2).await;
}

#[tokio::test]
async fn who_waits_for_a_turn_can_be_cancelled_and_harms_nobody() {
    let sms = with(Pool { max: 1, ..Pool::default() }, LimitRequest::default()).await;
    says(&sms, "").await;
    let first = sms.api.submit(NewTask::of("hoarder", "spin")).await.unwrap();
    sms.is_running(1).await;
    let second = sms.api.submit(NewTask::of("hoarder", "")).await.unwrap();
    sms.is_running(2).await;
    for task in [second, first] {
        sms.spear(["task", "cancel", &task.to_string()]).await;
        assert_eq!(sms.api.ended(task).await.outcome.name(), "cancelled");
    }
    assert_eq!(says(&sms, "").await, "1");
}

#[tokio::test]
async fn a_command_runs_once_and_is_refused() {
    let sms = Sms::with_node().await;
    let refused = sms.api.deploy(&serial("cli", Pool::default())).await.unwrap_err();
    assert!(refused.message().contains("a command runs once"), "{refused}");
}

#[tokio::test]
async fn without_a_word_each_call_gets_a_fresh_instance_and_none_waits() {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.api.deploy(&granted(Function::guest("hoarder"))).await.unwrap();
    assert_eq!([says(&sms, "").await, says(&sms, "").await], ["1", "1"]);
    sms.is_running(0).await;
    counts_become(&sms, "counts", |counts| *counts == InstanceCounts::default()).await;
}
