use std::time::Duration;

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use spear_agents::sandbox::{Ended, Sandbox, Sandboxes};

use crate::common::{LONG, Node, groups_with, launchers, line, processes_with, until};

/// What is done with one program.
#[derive(Debug, Clone, Copy)]
enum Then {
    Wait,
    Stop,
    Remove,
    Drop,
    NeverStart,
}

const SCRIPTS: [&str; 4] = [
    "true",
    "exec sleep 100",
    "(setsid sleep 100 &) ; sleep 0.01; exit 3",
    "trap '' TERM; (sleep 100 | sleep 100) & wait",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_random_starts_and_ends_leave_nothing() {
    let node = Node::with("random", |config| config.ahead = 2);
    let mut random = TestRunner::deterministic();
    let thens = proptest::sample::select(vec![Then::Wait, Then::Stop, Then::Remove, Then::Drop, Then::NeverStart]);
    let some = (0..SCRIPTS.len(), thens, 0..3000_u64);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (script, then, after) = some.new_tree(&mut random).unwrap().current();
        let spec = node.spec(number, &["sh", "-c", SCRIPTS[script]]).await;
        let processes = node.processes.clone();
        running.spawn(async move {
            one(processes, &spec, then, after).await;
            std::fs::remove_dir_all(spec.folder).unwrap();
        });
        if running.len() == 8 {
            running.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let home = format!("HOME={}", node.folders.path().display());
    until(Vec::new(), || processes_with(&home)).await;
    drop(node.processes);
    until(Vec::new(), || processes_with(&node.prefix)).await;
    until(Vec::new(), || groups_with(&node.prefix)).await;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(node.folders.path().to_str().unwrap()), "{mounts}");
    assert_eq!(std::fs::read_dir(node.folders.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn launchers_that_were_killed_are_started_again() {
    let node = Node::new("mother");
    let mut process = node.shell("(setsid sleep 100 &); echo runs; exec sleep 100").await;
    let mut streams = process.streams().unwrap();
    assert_eq!(line(&mut streams.stdout).await, "runs");
    let mothers = launchers(&node.prefix, &["mother"]);
    assert!(!mothers.is_empty());
    for mother in mothers {
        rustix::process::kill_process(mother, rustix::process::Signal::KILL).unwrap();
    }
    for _ in 0..4 {
        assert_eq!(node.run("exit 4").await.0, Ended::Exited(4));
    }
    process.remove().await;
    let home = format!("HOME={}", node.folders.path().display());
    until(Vec::new(), || processes_with(&home)).await;
}

async fn one(processes: spear_agents::process::Processes, spec: &spear_agents::sandbox::Spec, then: Then, after: u64) {
    let after = Duration::from_micros(after);
    if let Then::NeverStart = then {
        // Whatever a start that is given up has begun ends by itself.
        let _ = tokio::time::timeout(after, processes.start(spec)).await;
        return;
    }
    let mut process = processes.start(spec).await.unwrap();
    match then {
        Then::Wait => {
            let _ = tokio::time::timeout(after * 10, process.ended()).await;
            process.remove().await;
        }
        Then::Stop => {
            tokio::time::timeout(LONG, process.stop(after)).await.unwrap();
            process.remove().await;
        }
        Then::Remove => tokio::time::timeout(LONG, process.remove()).await.unwrap(),
        Then::Drop | Then::NeverStart => drop(process),
    }
}
