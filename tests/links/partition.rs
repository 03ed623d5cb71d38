//! Networks that fail and programs that die, with real nodes.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use spear_types::{AttemptId, NodeState, OutcomeKind, TaskState};

use super::{HOUR, PATIENT};
use crate::harness::{Cable, Function, NewTask, Proxy, Sms, Spearlet, assert_whole, ended_at, eventually, retries};

/// A node is given up soon.
const HASTY: &[(&str, &str)] = &[
    ("SPEAR_SMS_LEASE", "600ms"),
    ("SPEAR_SMS_HEARTBEAT", "50ms"),
    // It says which reports it refuses.
    ("SPEAR_LOG_LEVEL", "info,sms::nodes=debug"),
];

/// Waits until the SMS has not heard of a node for so long.
async fn silent_for(sms: &Sms, name: &str, time: Duration) {
    let silent = async || {
        let heard = sms.api.node(name).await.unwrap().last_heard;
        heard.elapsed().is_ok_and(|silence| silence > time).then_some(())
    };
    eventually("silence", silent).await;
}

async fn is_lost(sms: &Sms, name: &str) {
    let lost = async || matches!(sms.api.node(name).await.unwrap().state, NodeState::Lost { .. }).then_some(());
    eventually("a lost node", lost).await;
}

#[tokio::test]
async fn one_that_is_shorter_than_the_lease_heals_without_a_lost_or_doubled_end() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_LEASE", "5m"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let cable = Proxy::to(&sms.url).await;
    let few = &[("SPEAR_SPEARLET_SLOTS", "8"), ("SPEAR_SPEARLET_RECONNECT", "50ms")];
    let _node = Spearlet::by_way_of(&cable.url, &sms, "one", few).await;
    sms.deploy("hello").await;
    sms.deploy_compiled(&Function::spin(Duration::from_millis(30))).await;
    let mut submitted = BTreeSet::new();
    for round in 0..3 {
        let tasks = |function: &'static str| (0..50).map(move |_| NewTask::of(function, "x"));
        submitted.extend(sms.api.submit_all(tasks("hello").chain(tasks("spin"))).await.unwrap());
        // Where in their lives they are is different each time.
        let some = async || (sms.api.list(None, &["ended"]).await.unwrap().len() > 80 * round).then_some(());
        eventually("some ends", some).await;
        cable.cut();
        silent_for(&sms, "one", Duration::from_millis(300)).await;
        submitted.extend(sms.api.submit_all(tasks("hello")).await.unwrap());
        cable.heal();
    }
    for (task, _) in &submitted {
        assert_eq!(sms.api.ended(*task).await.task.attempt, 1);
    }
    let ended: Vec<_> = sms.api.list(None, &["ended"]).await.unwrap().into_iter().map(|task| task.id).collect();
    assert_eq!((ended.len(), submitted.len()), (450, 450));
    assert_eq!(ended.iter().collect::<BTreeSet<_>>().len(), 450);
    let hello = submitted.iter().next().unwrap().0;
    assert_eq!(sms.api.log(&hello.to_string()).await.messages(), ["greeting x"]);
}

#[tokio::test]
async fn one_that_is_longer_moves_the_tasks_and_what_the_old_attempts_say_later_is_refused() {
    let sms = Sms::alone_set(HASTY).await;
    let cable = Proxy::to(&sms.url).await;
    let soon = &[("SPEAR_SPEARLET_RECONNECT", "50ms")];
    let one = Spearlet::by_way_of(&cable.url, &sms, "one", soon).await;
    // It ends on the cut-off node too, before that is back.
    sms.deploy_compiled(&Function::spin(Duration::from_secs(1)).named("brief")).await;
    sms.deploy("echo").await;
    let brief = sms.api.submit(NewTask::of("brief", "")).await.unwrap();
    sms.api.runs(brief).await;
    let _two = Spearlet::of(&sms, "two").await;
    cable.cut();
    is_lost(&sms, "one").await;
    let ended = sms.api.ended(brief).await;
    let TaskState::Ended { node, outcome, .. } = &ended.task.state else { unreachable!() };
    assert_eq!((node.as_ref().unwrap().as_str(), *outcome), ("two", OutcomeKind::TimedOut));
    assert_eq!(ended.task.attempt, 2);

    cable.heal();
    one.is_live(&sms).await;
    let late = AttemptId { task: brief, attempt: 1 };
    let refused = sms.program.stderr.line_with(&format!("{late} is over")).await;
    assert!(refused.contains("a report is refused") && refused.contains("node=one"), "{refused}");
    assert_eq!(sms.api.ended(brief).await.task, ended.task);
    let log = one.program.stderr.text();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn one_in_which_only_the_answers_are_lost_records_nothing_twice() {
    let sms = Sms::alone_set(PATIENT).await;
    let cable = Proxy::to(&sms.url).await;
    let _node = Spearlet::by_way_of(&cable.url, &sms, "one", &[("SPEAR_SPEARLET_RECONNECT", "50ms")]).await;
    sms.deploy("slow-log").await;
    let call = json!({ "lines": 20, "every_ms": 10 }).to_string();
    let task = sms.api.submit(NewTask::of("slow-log", call)).await.unwrap();
    sms.api.runs(task).await;
    cable.set(Cable::Deaf);
    let ended = sms.api.ended(task).await;
    cable.heal();
    cable.sever();
    // It has to come by another link, and after all that was said on the one before.
    let last = sms.api.submit(NewTask::of("slow-log", json!({ "lines": 1, "every_ms": 0 }).to_string())).await.unwrap();
    sms.api.ended(last).await;
    assert_eq!(sms.api.ended(task).await.task, ended.task);
    let lines = sms.api.follow(task, None).await.unwrap().rest().await;
    assert_whole(&lines, None);
    assert_eq!(lines.len(), 20);
}

#[tokio::test]
async fn links_that_break_again_and_again_lose_nothing() {
    let sms = Sms::alone_set(PATIENT).await;
    let cable = Proxy::to(&sms.url).await;
    let _node = Spearlet::by_way_of(&cable.url, &sms, "one", &[("SPEAR_SPEARLET_RECONNECT", "20ms")]).await;
    sms.deploy("echo").await;
    let submitted = sms.api.submit_all((0..500).map(|number| NewTask::of("echo", number.to_string()))).await.unwrap();
    let mut before = 0;
    loop {
        let ended = sms.api.list(None, &["ended"]).await.unwrap().len();
        if ended == 500 {
            break;
        }
        // Not more often than it gets on.
        if ended > before {
            cable.sever();
            before = ended;
        }
    }
    for (number, (task, _)) in submitted.into_iter().enumerate() {
        let ended = sms.api.ended(task).await;
        assert_eq!((ended.text(), ended.task.attempt), (number.to_string().as_str(), 1));
    }
}

#[tokio::test]
async fn what_a_killed_node_had_is_tried_again_as_soon_as_it_is_back_or_ends_by_its_policy() {
    let sms = Sms::alone_set(PATIENT).await;
    let mut node = Spearlet::of(&sms, "one").await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let again = sms.api.submit(NewTask::of("spin", "").retry(retries(2))).await.unwrap();
    let once = sms.api.submit(NewTask::of("spin", "").once()).await.unwrap();
    let running = sms.api.runs(again).await;
    sms.api.runs(once).await;
    node.start_again(&sms).await;
    let second = sms.api.reaches(again, |state| matches!(state, TaskState::Running { .. })).await;
    let info = if second.attempt == 1 {
        let moved = async || Some(sms.api.runs(again).await).filter(|info| info.attempt == 2);
        eventually("a second attempt", moved).await
    } else {
        second
    };
    assert_eq!((running.attempt, info.attempt), (1, 2));
    let lost = sms.api.ended(once).await;
    assert_eq!((lost.outcome.kind(), lost.task.attempt), (OutcomeKind::NodeLost, 1));
    assert!(lost.outcome.to_string().contains("one"), "{}", lost.outcome);
    sms.api.cancel(again).await.unwrap();
    let cancelled = sms.api.ended(again).await;
    assert!(ended_at(&cancelled.task) > ended_at(&lost.task));
}

#[tokio::test]
async fn a_node_that_stays_away_loses_its_tasks_with_its_lease_and_says_so() {
    let sms = Sms::alone_set(HASTY).await;
    let mut one = Spearlet::of(&sms, "one").await;
    sms.deploy("echo").await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let spin = sms.api.submit(NewTask::of("spin", "").retry(retries(2))).await.unwrap();
    sms.api.runs(spin).await;
    one.program.kill();
    let gone = async || Some(sms.api.node("one").await.unwrap().state).filter(|state| *state != NodeState::Live);
    let state = eventually("a broken link", gone).await;
    assert!(!state.to_string().is_empty());
    is_lost(&sms, "one").await;
    let queued = |state: &TaskState| matches!(state, TaskState::Queued { after: Some(OutcomeKind::NodeLost), .. });
    sms.api.reaches(spin, queued).await;
    let _two = Spearlet::of(&sms, "two").await;
    let TaskState::Running { node, .. } = sms.api.runs(spin).await.state else { unreachable!() };
    assert_eq!(node.as_str(), "two");
}

#[tokio::test]
async fn both_programs_may_die_at_once() {
    let mut sms = Sms::alone_set(PATIENT).await;
    let mut node = Spearlet::of(&sms, "one").await;
    sms.deploy("echo").await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let spin = sms.api.submit(NewTask::of("spin", "").retry(retries(2))).await.unwrap();
    sms.api.runs(spin).await;
    let later = sms.api.submit(NewTask::of("echo", "later").delay(Duration::from_secs(1))).await.unwrap();
    node.program.kill();
    sms.kill_and_start_again("sms").await;
    node.start_again(&sms).await;
    let moved = async || Some(sms.api.task(spin).await.unwrap()).filter(|info| info.attempt == 2);
    eventually("a second attempt", moved).await;
    assert_eq!(sms.api.ended(later).await.text(), "later");
}

#[tokio::test]
async fn tasks_run_on_while_the_sms_is_dead_and_are_not_begun_again() {
    let mut sms = Sms::alone_set(&[("SPEAR_SMS_LEASE", "5m"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let node = Spearlet::of_set(&sms, "one", &[("SPEAR_SPEARLET_RECONNECT", "50ms")]).await;
    sms.deploy("slow-log").await;
    let call = json!({ "lines": 30, "every_ms": 20 }).to_string();
    let tasks = (0..5).map(|_| NewTask::of("slow-log", call.clone()));
    let submitted = sms.api.submit_all(tasks).await.unwrap();
    for (task, _) in &submitted {
        sms.api.runs(*task).await;
    }
    sms.kill_and_start_again("sms").await;
    node.is_live(&sms).await;
    for (task, _) in &submitted {
        let ended = sms.api.ended(*task).await;
        assert_eq!((ended.outcome.name(), ended.task.attempt), ("succeeded", 1));
        let lines = sms.api.follow(*task, None).await.unwrap().rest().await;
        assert_whole(&lines, None);
        assert_eq!(lines.len(), 30);
    }
}
