//! Where tasks and calls go, and why.

use std::{collections::BTreeMap, time::Duration};

use spear_proto::v1::{self, considered::Verdict, order};
use spear_types::{AgentInfo, AgentKind, Code, Constraints, Cpu, Placement, PlacementPolicy, TaskId, TaskState};
use tonic::Code as Grpc;

use crate::{
    harness::{FullNode, Function, Link, NewTask, Refused as _, Sms, Spearlet, eventually, link, register},
    own_door,
};

const HOUR: Duration = Duration::from_secs(3600);
const GIB: u64 = 1 << 30;

/// A node without a program that has these labels.
async fn node(sms: &Sms, name: &str, labels: &[(&str, &str)]) -> Link {
    let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
    Link::open(&sms.api, v1::Register { labels, ..register(name, 100) }).await.unwrap()
}

fn constraints(texts: &[&str]) -> Constraints {
    texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap()
}

/// A function whose runs are placed like this.
async fn function(sms: &Sms, name: &str, placement: Placement) {
    sms.api.deploy(&Function::guest("echo").named(name).placement(placement)).await.unwrap();
}

async fn submit(sms: &Sms, function: &str, tasks: usize) -> Vec<TaskId> {
    let submitted = sms.api.submit_all((0..tasks).map(|_| NewTask::of(function, ""))).await.unwrap();
    submitted.into_iter().map(|(task, _)| task).collect()
}

/// How many of these tasks each node was given.
async fn shares(sms: &Sms, tasks: &[TaskId]) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for task in tasks {
        let place = match sms.api.task(*task).await.unwrap().state {
            TaskState::Assigned { node } | TaskState::Running { node, .. } => node.to_string(),
            state => state.name().to_owned(),
        };
        *shares.entry(place).or_default() += 1;
    }
    shares
}

fn all_on(node: &str, tasks: usize) -> BTreeMap<String, usize> {
    [(node.to_owned(), tasks)].into()
}

#[tokio::test]
async fn calls_find_room_while_tasks_wait_for_it() {
    let sms = Sms::alone().await;
    let _node = Spearlet::of_set(&sms, "one", &[("SPEAR_SPEARLET_SLOTS", "16")]).await;
    sms.deploy("slow-log").await;
    sms.deploy("hello").await;
    let long = || NewTask::of("slow-log", r#"{"lines": 1, "every_ms": 25000}"#);
    let tasks = sms.api.submit_all((0..20).map(|_| long())).await.unwrap();
    sms.is_running(15).await;
    assert_eq!(sms.api.task(tasks[19].0).await.unwrap().state.name(), "queued");
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
}

#[tokio::test]
async fn constraints_hold() {
    let sms = Sms::alone().await;
    let _nodes = [
        node(&sms, "plain", &[]).await,
        node(&sms, "gpu-a", &[("gpu", "true"), ("zone", "a")]).await,
        node(&sms, "gpu-b", &[("gpu", "true"), ("zone", "b")]).await,
        node(&sms, "disk-b", &[("disk", "ssd"), ("zone", "b")]).await,
    ];
    for (number, (texts, wanted)) in [
        (&["gpu = true", "zone = a"][..], "gpu-a"),
        (&["gpu=true", "zone != a"], "gpu-b"),
        (&["zone in [b, c]", "gpu != true"], "disk-b"),
        (&["zone not in [a,b]"], "plain"),
        (&["node = disk-b"], "disk-b"),
        (&["disk = ssd"], "disk-b"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("f{number}");
        function(&sms, &name, Placement { constraints: constraints(texts), ..Placement::default() }).await;
        assert_eq!(shares(&sms, &submit(&sms, &name, 5).await).await, all_on(wanted, 5), "{texts:?}");
    }
    let never = Placement { constraints: constraints(&["zone = c"]), ..Placement::default() };
    function(&sms, "never", never).await;
    let refusal = sms.api.submit(NewTask::of("never", "")).await.refused(Code::NoNodeFits, Grpc::Unavailable);
    for name in ["plain", "gpu-a", "gpu-b", "disk-b"] {
        assert!(refusal.message.contains(name) && refusal.message.contains("zone = c"), "{refusal}");
    }
}

#[tokio::test]
async fn what_is_preferred_or_avoided_counts_where_there_is_a_choice() {
    let sms = Sms::alone().await;
    let _a = node(&sms, "a", &[("zone", "a")]).await;
    let b = node(&sms, "b", &[("zone", "b")]).await;
    for (name, prefer, avoid) in [("prefers", &["zone = b"][..], &[][..]), ("avoids", &[], &["zone = a"])] {
        let placement = Placement { prefer: constraints(prefer), avoid: constraints(avoid), ..Placement::default() };
        function(&sms, name, placement).await;
        assert_eq!(shares(&sms, &submit(&sms, name, 3).await).await, all_on("b", 3), "{name}");
    }
    // Better there than nowhere.
    drop(b);
    let gone = async || (sms.api.live_nodes().await.len() == 1).then_some(());
    eventually("a broken link", gone).await;
    for name in ["prefers", "avoids"] {
        assert_eq!(shares(&sms, &submit(&sms, name, 3).await).await, all_on("a", 3), "{name}");
    }
}

#[tokio::test]
async fn runs_are_spread_or_packed() {
    let cpu = Cpu::from_millis(1_000);
    for policy in [PlacementPolicy::Spread, PlacementPolicy::Pack] {
        let sms = Sms::alone().await;
        let mut nodes = Vec::new();
        for name in ["one", "two", "three"] {
            nodes.push(node(&sms, name, &[]).await);
        }
        function(&sms, "f", Placement { cpu, policy, ..Placement::default() }).await;
        let shares = shares(&sms, &submit(&sms, "f", 30).await).await;
        let shares: Vec<_> = shares.into_values().collect();
        match policy {
            PlacementPolicy::Spread => assert_eq!(shares, [10, 10, 10]),
            PlacementPolicy::Pack => assert_eq!(shares, [30]),
        }
    }
}

#[tokio::test]
async fn a_node_is_never_oversold() {
    let sms = Sms::alone().await;
    let small = v1::Register { cpu_millis: 4_000, memory_bytes: 2 * GIB, ..register("small", 10) };
    let mut small = Link::open(&sms.api, small).await.unwrap();
    let placed = |cpu, memory| Placement { cpu: Cpu::from_millis(cpu), memory: Some(memory), ..Placement::default() };
    for (name, placement, fit) in [
        ("cores", placed(1_500, 1 << 20), 2),
        ("memory", placed(0, GIB - (1 << 20)), 2),
        ("slots", placed(0, 1 << 20), 10),
    ] {
        function(&sms, name, placement).await;
        let tasks = submit(&sms, name, fit + 3).await;
        let shared = shares(&sms, &tasks).await;
        assert_eq!((shared.get("small"), shared.get("queued")), (Some(&fit), Some(&3)), "{name}");
        // An end makes room for the next one, to the last.
        for _ in 0..fit + 3 {
            let attempt = small.assigned().await;
            let number = small.report(attempt, link::succeeded(""));
            small.is_acknowledged(number).await;
        }
        assert_eq!(sms.api.node("small").await.unwrap().reserved.slots, 0);
    }
}

#[tokio::test]
async fn why_shows_every_node_with_its_filter_or_its_terms() {
    let sms = Sms::alone().await;
    let _a = node(&sms, "a", &[("zone", "a")]).await;
    let _b = node(&sms, "b", &[("zone", "b")]).await;
    let _c = Link::open(&sms.api, register("full", 0)).await.map(drop);
    let placement = Placement {
        cpu: Cpu::from_millis(500),
        constraints: constraints(&["zone = b"]),
        prefer: constraints(&["zone in [b]"]),
        ..Placement::default()
    };
    function(&sms, "f", placement).await;
    let task = submit(&sms, "f", 1).await[0];
    let why = sms.api.why(task).await.unwrap().unwrap();
    assert_eq!((why.node.as_deref(), why.cpu_millis, why.policy.as_str()), (Some("b"), 500, "spread"));
    assert_eq!(why.constraints, ["zone = b"]);
    assert!(!why.summary.is_empty());
    let verdict = |name: &str| why.nodes.iter().find(|node| node.node == name).unwrap().verdict.clone().unwrap();
    let Verdict::Rejected(rejected) = verdict("a") else { panic!("{why:?}") };
    assert_eq!(rejected.filter, "constraints");
    assert!(rejected.reason.contains("zone = b"), "{rejected:?}");
    let Verdict::Scored(scored) = verdict("b") else { panic!("{why:?}") };
    let sum: f64 = scored.terms.iter().map(|term| term.value).sum();
    assert!((sum - scored.score).abs() < 1e-9, "{scored:?}");
    assert!(scored.terms.iter().any(|term| term.name == "prefer" && term.value > 0.0), "{scored:?}");

    let shown = sms.spear(["task", "why", &task.to_string()]).await.answer();
    for part in ["zone = b", "PREFER", "constraints"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[tokio::test]
async fn why_says_what_keeps_a_task_waiting() {
    let sms = Sms::alone().await;
    let _one = Link::open(&sms.api, register("one", 1)).await.unwrap();
    function(&sms, "f", Placement::default()).await;
    let tasks = submit(&sms, "f", 2).await;
    let why = sms.api.why(tasks[1]).await.unwrap().unwrap();
    let Some(Verdict::Rejected(rejected)) = &why.nodes[0].verdict else { panic!("{why:?}") };
    assert_eq!((why.node, rejected.filter.as_str()), (None, "slots"));
}

#[tokio::test]
async fn tasks_and_calls_take_from_the_same_room() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let one_slot = &[("SPEAR_SPEARLET_SLOTS", "1")];
    let _nodes = [Spearlet::of_set(&sms, "one", one_slot).await, Spearlet::of_set(&sms, "two", one_slot).await];
    function(&sms, "echo", Placement::default()).await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let first = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    let TaskState::Running { node: busy, .. } = sms.api.runs(first).await.state else { unreachable!() };
    for _ in 0..3 {
        assert_ne!(sms.api.invoke("echo", "").await.unwrap().node, busy.as_str());
    }
    let second = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    sms.api.runs(second).await;
    let refusal = sms.api.invoke("echo", "").await.refused(Code::QueueFull, Grpc::ResourceExhausted);
    assert!(refusal.message.contains("one") && refusal.message.contains("two"), "{refusal}");
    for task in [first, second] {
        sms.api.cancel(task).await.unwrap();
        sms.api.ended(task).await;
    }
    // A call takes the room from a task in turn.
    let api = sms.api.clone();
    let calls = tokio::spawn(async move { tokio::join!(api.invoke("spin", ""), api.invoke("spin", "")) });
    sms.is_running(2).await;
    let waits = submit(&sms, "echo", 1).await;
    assert_eq!(shares(&sms, &waits).await, all_on("queued", 1));
    calls.abort();
    assert_eq!(sms.api.ended(waits[0]).await.outcome.name(), "succeeded");
    assert!(sms.api.all_nodes().await.iter().all(|node| node.reserved.slots == 0));
}

#[tokio::test]
async fn a_call_that_a_node_cannot_begin_goes_to_the_next_one() {
    let sms = Sms::alone().await;
    let _real = Spearlet::of(&sms, "real").await;
    // Nobody answers there, and it has more room than the other.
    let _dead = node(&sms, "dead", &[("better", "yes")]).await;
    let prefer = constraints(&["better = yes"]);
    function(&sms, "echo", Placement { prefer, ..Placement::default() }).await;
    for _ in 0..3 {
        let invoked = sms.api.invoke("echo", "Ada").await.unwrap();
        assert_eq!((invoked.node.as_str(), invoked.text()), ("real", "Ada"));
    }
    assert!(sms.api.all_nodes().await.iter().all(|node| node.reserved.slots == 0));
}

#[tokio::test]
async fn what_a_full_node_refuses_goes_to_the_next_one_whoever_filled_it() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let better = &[("SPEAR_SPEARLET_SLOTS", "1"), ("SPEAR_SPEARLET_LABELS", r#"{better="yes"}"#)];
    let full = Spearlet::of_set(&sms, "full", better).await;
    let _other = Spearlet::of(&sms, "other").await;
    let spin = sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let prefer = constraints(&["better = yes"]);
    function(&sms, "echo", Placement { prefer, ..Placement::default() }).await;
    // The SMS knows nothing of this run.
    let (api, run) = (full.api.clone(), own_door::request(&spin, ""));
    let by_another = tokio::spawn(async move { api.spearlet().run(run).await.map(drop) });
    sms.is_running(1).await;
    let invoked = sms.api.invoke("echo", "Ada").await.unwrap();
    assert_eq!((invoked.node.as_str(), invoked.text()), ("other", "Ada"));
    let task = sms.api.submit(NewTask::of("echo", "Ada").once()).await.unwrap();
    let ended = sms.api.ended(task).await;
    let TaskState::Ended { node, .. } = &ended.task.state else { unreachable!() };
    assert_eq!((node.as_ref().unwrap().as_str(), ended.text()), ("other", "Ada"));
    by_another.abort();
}

#[tokio::test]
async fn a_call_that_nobody_begins_is_offered_to_three_nodes_and_refused_as_the_last_one_refused_it() {
    let sms = Sms::alone().await;
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        nodes.push(FullNode::of(&sms.api, name).await);
    }
    function(&sms, "echo", Placement::default()).await;
    let refusal = sms.api.invoke("echo", "").await.refused(Code::QueueFull, Grpc::ResourceExhausted);
    assert_eq!(refusal.message, "somebody else has all of it");
    let mut offered: Vec<u32> = nodes.iter().map(FullNode::calls).collect();
    offered.sort_unstable();
    assert_eq!(offered, [0, 0, 1, 1, 1]);
    assert!(sms.api.all_nodes().await.iter().all(|node| node.reserved.slots == 0));
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_task_that_a_node_returns_unstarted_goes_to_another_one() {
    let sms = Sms::alone().await;
    let mut picky = node(&sms, "picky", &[("better", "yes")]).await;
    let prefer = constraints(&["better = yes"]);
    function(&sms, "echo", Placement { prefer, ..Placement::default() }).await;
    let task = sms.api.submit(NewTask::of("echo", "Ada").once()).await.unwrap();
    let attempt = picky.assigned().await;
    let mut other = node(&sms, "other", &[]).await;
    let full = v1::Returned { code: Code::QueueFull.to_string(), message: "all 1 slots are taken".to_owned() };
    picky.report(attempt, v1::report::Kind::Returned(full));
    let again = other.assigned().await;
    assert_eq!((again.task, again.attempt), (task, attempt.attempt + 1));
    // That one does not count: it never ran.
    other.report(again, link::succeeded("here"));
    assert_eq!(sms.api.ended(task).await.text(), "here");
}

#[tokio::test]
async fn a_node_says_what_it_has_as_its_settings_say() {
    let sms = Sms::alone().await;
    let settings = &[
        ("SPEAR_SPEARLET_CPU", "1.5"),
        ("SPEAR_SPEARLET_MEMORY", "3GiB"),
        ("SPEAR_SPEARLET_LABELS", r#"{zone="a",gpu="true"}"#),
        ("SPEAR_SPEARLET_SLOTS", "7"),
    ];
    let _node = Spearlet::of_set(&sms, "one", settings).await;
    let info = sms.api.node("one").await.unwrap();
    assert_eq!((info.capacity.slots, info.capacity.cpu.as_millis(), info.capacity.memory), (7, 1_500, 3 * GIB));
    let labels: Vec<_> = info.labels.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
    // Beside those it has of itself.
    assert!(labels.contains(&("gpu", "true")) && labels.contains(&("zone", "a")), "{labels:?}");
    assert!(labels.iter().any(|(label, _)| *label == "arch") && labels.iter().any(|(label, _)| *label == "os"));
    assert_eq!(info.agents, [AgentInfo::able(AgentKind::Wasm)]);
    let listed = sms.json(["node", "ls"]).await;
    assert_eq!((&listed[0]["labels"]["gpu"], &listed[0]["labels"]["zone"]), (&"true".into(), &"a".into()));
}

#[tokio::test]
async fn a_node_that_holds_the_artifact_is_better() {
    let sms = Sms::alone().await;
    let echo = Function::guest("echo");
    let digest = echo.described().digest.to_string();
    let _without = node(&sms, "without", &[]).await;
    let holds = v1::Register { artifacts: vec![digest], ..register("holds", 100) };
    let mut holds = Link::open(&sms.api, holds).await.unwrap();
    sms.api.deploy(&echo).await.unwrap();
    let task = submit(&sms, "echo", 1).await[0];
    assert_eq!(shares(&sms, &[task]).await, all_on("holds", 1));
    let order::Kind::Terms(terms) = holds.order().await else { panic!("terms come before what refers to them") };
    assert_eq!(terms.function, "echo");
}
