use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use spear_agents::sandbox::{Ended, Sandbox, Sandboxes};

use crate::common::{HELPER, LONG, Node, groups_with, launchers, line, processes_with, until};

/// Leaves processes in every way there is, and then says so. `MARK` shows in their arguments.
const LEAVES: &str = "(sleep 1000 MARK 2>/dev/null; sleep 1001) & \
    (setsid sh -c 'sleep 1002 & sleep 1003; : MARK' &) & \
    setsid setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1004; done; : MARK' & \
    (( (sh -c 'trap \"\" TERM; sleep 1005; : MARK' & ) & ) & ) ; \
    sh -c 'exec env -i setsid sleep 1006' & \
    sleep 0.2; echo left; exec sleep 1007";

const KINDS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

fn leaves(mark: &str) -> String {
    LEAVES.replace("MARK", mark)
}

/// What of a test's processes is there, whatever they made of their arguments and environments.
fn there(prefix: &str) -> Vec<String> {
    processes_with(prefix)
}

#[tokio::test]
async fn no_child_is_left_when_a_program_is_removed() {
    for (groups, namespaces) in KINDS {
        let node = Node::with("children", |config| (config.groups, config.namespaces) = (groups, namespaces));
        // One of them has an empty environment: only how long it sleeps tells it from those of other tests.
        let mut process = node.shell(&leaves(&node.prefix).replace("sleep 100", "sleep 900")).await;
        let mut streams = process.streams().unwrap();
        assert_eq!(line(&mut streams.stdout).await, "left");
        assert!(sleepers().len() >= 5, "{:?}", sleepers());
        process.remove().await;
        assert_eq!(sleepers(), Vec::<String>::new(), "groups {groups}, namespaces {namespaces}");
    }
}

fn sleepers() -> Vec<String> {
    processes_with("sleep\0900")
}

#[tokio::test]
async fn no_child_is_left_when_the_node_is_killed() {
    for (groups, namespaces) in KINDS {
        let node = Node::with("killed", |config| (config.groups, config.namespaces) = (groups, namespaces));
        let kinds = [groups, namespaces].map(|one| one.to_string());
        let folders = node.folders.path().to_str().unwrap();
        let mut other = Command::new(HELPER)
            .args(["node", &node.prefix, folders, &kinds[0], &kinds[1], &leaves(&node.prefix)])
            .env("NODES_SECRET", "not for programs")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(other.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "left\n");
        other.kill().unwrap();
        other.wait().unwrap();
        until(Vec::new(), || there(&node.prefix)).await;
        until(Vec::new(), || groups_with(&node.prefix)).await;
        assert_eq!(node.processes.remove_left().await, 1, "its folder was left");
        assert_eq!(std::fs::read_dir(node.folders.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn what_outlived_its_launchers_is_found_when_the_node_starts() {
    for (groups, namespaces) in KINDS {
        let node = Node::with("found", |config| (config.groups, config.namespaces) = (groups, namespaces));
        let kinds = [groups, namespaces].map(|one| one.to_string());
        let folders = node.folders.path().to_str().unwrap();
        let script = "setsid sleep 2000 & sleep 0.1; echo left; exec sleep 2001";
        let mut other = Command::new(HELPER)
            .args(["node", &node.prefix, folders, &kinds[0], &kinds[1], script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(other.stdout.take().unwrap()).read_line(&mut said).unwrap();
        // Launchers that are stopped do not see that the node is gone.
        for launcher in launchers(&node.prefix, &["mother", "keeper"]) {
            rustix::process::kill_process(launcher, rustix::process::Signal::STOP).unwrap();
        }
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(!there(&node.prefix).is_empty());
        assert!(node.processes.remove_left().await >= 1);
        until(Vec::new(), || there(&node.prefix)).await;
        assert_eq!(groups_with(&node.prefix), Vec::<String>::new());
        assert_eq!(std::fs::read_dir(node.folders.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn who_is_asked_to_end_may_tidy_up() {
    let node = Node::new("stop");
    let mut process = node.shell("trap 'echo tidy; exit 3' TERM; echo ready; while :; do sleep 0.05; done").await;
    let mut streams = process.streams().unwrap();
    assert_eq!(line(&mut streams.stdout).await, "ready");
    process.stop(LONG).await;
    assert_eq!(line(&mut streams.stdout).await, "tidy");
    assert_eq!(process.ended().await, Ended::Exited(3));
    process.remove().await;
}

#[tokio::test]
async fn who_does_not_end_is_killed_after_its_grace_with_all_that_it_started() {
    for (groups, namespaces) in KINDS {
        let node = Node::with("grace", |config| (config.groups, config.namespaces) = (groups, namespaces));
        let mut process = node.shell(&format!("trap '' TERM; {}", leaves("x"))).await;
        let mut streams = process.streams().unwrap();
        assert_eq!(line(&mut streams.stdout).await, "left");
        let begun = Instant::now();
        process.stop(Duration::from_millis(200)).await;
        assert!(begun.elapsed() >= Duration::from_millis(200) && begun.elapsed() < LONG);
        assert_eq!(process.ended().await, Ended::Killed(9));
        process.remove().await;
    }
}

#[tokio::test]
async fn a_program_that_kills_what_it_sees_leaves_nothing_either() {
    for (groups, namespaces) in KINDS {
        let node = Node::with("kills", |config| (config.groups, config.namespaces) = (groups, namespaces));
        // Its parent is its keeper, unless that is out of its reach.
        let mut process = node.shell("(setsid sleep 3000 &); kill -9 $PPID; echo done; exec sleep 3001").await;
        let mut streams = process.streams().unwrap();
        // Without a namespace it may be ended before it says so.
        line(&mut streams.stdout).await;
        process.remove().await;
        let home = format!("HOME={}", node.folders.path().display());
        assert_eq!(processes_with(&home), Vec::<String>::new(), "groups {groups}, namespaces {namespaces}");
    }
}

#[tokio::test]
async fn a_sandbox_that_is_dropped_is_ended() {
    let node = Node::new("dropped");
    let mut process = node.shell(&leaves(&node.prefix)).await;
    let mut streams = process.streams().unwrap();
    assert_eq!(line(&mut streams.stdout).await, "left");
    let folder = node.spec(0, &[]).await.folder;
    drop(process);
    until(Vec::new(), || processes_with(&format!("HOME={}", folder.display()))).await;
    drop(node.processes);
    until(Vec::new(), || there(&node.prefix)).await;
    until(Vec::new(), || groups_with(&node.prefix)).await;
}
