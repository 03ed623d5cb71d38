//! Limits, and who pays for going over them.

use std::time::Duration;

use spear_types::{AgentKind, Call, Cpu, Failure, LimitRequest, Outcome};

use super::stage::{Mark, Stage};

super::on! {
    [process, docker]:
    one_that_never_ends_is_ended,
    one_that_may_have_a_fifth_of_a_core_takes_no_more,
    one_that_takes_memory_without_end_is_ended,
    one_that_writes_without_end_is_ended,
    nothing_of_one_that_is_out_of_time_is_left,
    one_that_hears_no_signal_is_ended,
    memory_is_bounded_for_what_it_starts_too,
    a_fork_bomb_hurts_itself_alone,
    a_log_has_an_end,
    a_reply_has_an_end,
    a_file_has_an_end;
    [wasm]:
    one_that_never_ends_is_ended,
    one_that_takes_memory_without_end_is_ended,
    one_that_writes_without_end_is_ended;
}

/// A container starts within this time, also on a busy machine: a start takes from the run's time.
const STARTS: u64 = 2_500;

fn timeout(milliseconds: u64) -> LimitRequest {
    LimitRequest { timeout: Some(Duration::from_millis(milliseconds)), ..LimitRequest::default() }
}

/// Whoever comes after it finds the node as it was.
async fn the_next_one_runs(stage: &Stage) {
    stage.guest_or("echo", "exec busybox cat", LimitRequest::default()).await;
    assert_eq!(stage.sms.api.invoke("echo", "next").await.unwrap().text(), "next");
    stage.is_empty().await;
}

async fn one_that_never_ends_is_ended(stage: Stage) {
    stage.guest_or("spin", "while :; do :; done", timeout(1_000)).await;
    let invoked = stage.sms.api.invoke("spin", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::TimedOut { limit: Duration::from_millis(1_000) });
    // Of a container that ends as soon as it is started, an engine cannot say what it has used.
    let counted = stage.agent == AgentKind::Docker || !invoked.usage.cpu.is_zero();
    assert!(invoked.usage.wall >= Duration::from_millis(1_000) && counted, "{:?}", invoked.usage);
    the_next_one_runs(&stage).await;
}

async fn one_that_may_have_a_fifth_of_a_core_takes_no_more(stage: Stage) {
    let limits = LimitRequest { cpu: Some(Cpu::from_millis(200)), ..timeout(2_000) };
    stage.script("slow", "(while :; do :; done) & while :; do :; done", limits).await;
    let usage = stage.sms.api.invoke("slow", "").await.unwrap().usage;
    // Two that spin had 2 s or more of a machine of one core; a fifth of one is 400 ms.
    assert!(usage.cpu < Duration::from_secs(1), "{usage:?}");
    let shown = stage.sms.spear(["function", "get", "slow"]).await.stdout;
    assert!(
        shown.lines().any(|line| line.contains("cpu") && line.contains("0.2") && line.contains("machine")),
        "{shown}"
    );
}

async fn one_that_takes_memory_without_end_is_ended(stage: Stage) {
    let limits = LimitRequest { memory: Some(32 << 20), ..LimitRequest::default() };
    stage.guest_or("hog", "exec busybox dd if=/dev/zero of=/dev/null bs=512M count=1", limits).await;
    let outcome = stage.sms.api.invoke("hog", "").await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::OutOfMemory { limit: 0x200_0000, .. }), "{outcome}");
    assert_eq!(stage.sms.spear(["invoke", "hog"]).await.code, 137);
    the_next_one_runs(&stage).await;
}

async fn one_that_writes_without_end_is_ended(stage: Stage) {
    stage.guest_or("flood", "busybox yes >&2 & exec busybox yes", timeout(500)).await;
    let outcome = stage.sms.api.invoke("flood", "").await.unwrap().outcome;
    assert_eq!(outcome, Outcome::TimedOut { limit: Duration::from_millis(500) });
    the_next_one_runs(&stage).await;
}

async fn nothing_of_one_that_is_out_of_time_is_left(stage: Stage) {
    let mark = Mark::new();
    let script = "busybox sleep MARK & (busybox setsid busybox sleep MARK &); wait";
    stage.script("late", &mark.of(script), timeout(STARTS)).await;
    let invoked = stage.sms.api.invoke("late", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::TimedOut { limit: Duration::from_millis(STARTS) });
    assert_eq!(mark.processes(), [""; 0]);
    the_next_one_runs(&stage).await;
}

async fn one_that_hears_no_signal_is_ended(stage: Stage) {
    let mark = Mark::new();
    let script = "trap '' TERM INT HUP; busybox sleep MARK & while :; do wait; done";
    stage.script("deaf", &mark.of(script), timeout(STARTS)).await;
    let invoked = stage.sms.api.invoke("deaf", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::TimedOut { limit: Duration::from_millis(STARTS) });
    assert_eq!(mark.processes(), [""; 0]);
    // One that hears it may say so.
    stage.script("polite", "trap 'echo I go >&2; exit 0' TERM; while :; do :; done", timeout(STARTS)).await;
    let invoked = stage.sms.api.invoke("polite", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::TimedOut { limit: Duration::from_millis(STARTS) });
    assert_eq!(stage.sms.api.log(&invoked.task).await.messages(), ["I go"]);
}

async fn memory_is_bounded_for_what_it_starts_too(stage: Stage) {
    let limits = LimitRequest { memory: Some(32 << 20), ..LimitRequest::default() };
    let script = "busybox dd if=/dev/zero of=/dev/null bs=512M count=1; code=$?; echo went on; exit ${1:-$code}";
    stage.script("hogs", script, limits).await;
    let outcome = stage.sms.api.invoke("hogs", "").await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::OutOfMemory { limit: 0x200_0000, .. }), "{outcome}");
    // Who can do without what it started has succeeded.
    let call = Call::Command { args: vec!["0".to_owned()], stdin: "".into() };
    assert_eq!(stage.sms.api.invoke_by("hogs", call).await.unwrap().text(), "went on\n");
    the_next_one_runs(&stage).await;
}

async fn a_fork_bomb_hurts_itself_alone(stage: Stage) {
    let mark = Mark::new();
    let limits = LimitRequest { memory: Some(512 << 20), ..timeout(60_000) };
    let count = "i=0; while [ $i -lt 2000 ]; do busybox sleep MARK & i=$((i+1)); done; echo all";
    stage.script("bomb", &mark.of(count), limits).await;
    let outcome = stage.sms.api.invoke("bomb", "").await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Failed(_)), "it could start 2,000: {outcome}");
    assert_eq!(mark.processes(), [""; 0]);
    let mark = Mark::new();
    let script = mark.of(": MARK; bomb() { bomb | bomb & }; bomb; wait; while :; do :; done");
    stage.script("bomb", &script, timeout(1_000)).await;
    // Who cannot fork fails, and may go on until time is over, or memory.
    let outcome = stage.sms.api.invoke("bomb", "").await.unwrap().outcome;
    assert!(!matches!(outcome, Outcome::Succeeded(_)), "{outcome}");
    assert_eq!(mark.processes(), [""; 0]);
    the_next_one_runs(&stage).await;
}

async fn a_log_has_an_end(stage: Stage) {
    let limits = LimitRequest { log: Some(4 << 10), ..timeout(60_000) };
    let script = "i=0; while [ $i -lt 5000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; \
                  busybox head -c 9000000 /dev/zero >&2; echo done";
    stage.script("chatter", script, limits).await;
    let invoked = stage.sms.api.invoke("chatter", "").await.unwrap();
    assert_eq!(invoked.text(), "done\n");
    let log = stage.sms.api.log(&invoked.task).await;
    assert!((10..1_000).contains(&log.lines.len()) && log.dropped > 4_000, "{} {}", log.lines.len(), log.dropped);
    assert_eq!(log.lines[0].message, "line 0");
    assert!(log.lines.iter().map(|line| line.message.len()).sum::<usize>() <= 4 << 10);
}

async fn a_reply_has_an_end(stage: Stage) {
    let limits = LimitRequest { payload: Some(1_000), ..LimitRequest::default() };
    stage.script("much", "busybox head -c $1 /dev/zero", limits).await;
    for (size, fits) in [("1000", true), ("1001", false), ("50000000", false)] {
        let call = Call::Command { args: vec![size.to_owned()], stdin: "".into() };
        let outcome = stage.sms.api.invoke_by("much", call).await.unwrap().outcome;
        match outcome {
            Outcome::Succeeded(reply) => assert!(fits && reply.body.len() == 1_000, "{size}"),
            Outcome::Failed(Failure { code, .. }) => assert_eq!((code.as_str(), fits), ("reply-too-large", false)),
            other => panic!("{size}: {other}"),
        }
    }
}

async fn a_file_has_an_end(stage: Stage) {
    let script = "busybox dd if=/dev/zero of=$HOME/big bs=1M seek=1024 count=1 2>/dev/null; echo $?";
    assert_ne!(stage.says(script).await, "0\n");
}
