use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use spear_agents::sandbox::{Sandbox, Sandboxes};

use crate::common::Node;

const RUNS: usize = 40;

/// A tenth is faster, half is, and all but a hundredth are.
fn parts(mut all: Vec<Duration>) -> [Duration; 3] {
    all.sort_unstable();
    [10, 50, 99].map(|part| all[all.len() * part / 100])
}

/// Prints what a cold `true` takes, from the order to its end, beside the floor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_start_beside_posix_spawn() {
    for (groups, namespaces) in [(true, true), (true, false), (false, true), (false, false)] {
        println!("groups {groups}, namespaces {namespaces}");
        measure(groups, namespaces).await;
    }
}

async fn measure(groups: bool, namespaces: bool) {
    let node = Node::with("bench", |config| (config.ahead, config.groups, config.namespaces) = (4, groups, namespaces));
    let spec = node.spec(0, &["true"]).await;
    let (mut spawns, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut child =
            Command::new("true").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.wait().unwrap();
        spawns.push(begun.elapsed());
        let begun = Instant::now();
        let mut process = node.processes.start(&spec).await.unwrap();
        starts.push(begun.elapsed());
        process.ended().await;
        ends.push(begun.elapsed());
        process.remove().await;
        // Cells are made ahead while nothing is asked for.
        tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await.unwrap_err();
    }
    for (name, all) in [("posix_spawn of true, to its end", spawns), ("start", starts), ("start to end", ends)] {
        let [few, half, most] = parts(all);
        println!("{name}: p10 {few:?} p50 {half:?} p99 {most:?}");
    }
}
