use std::time::{Duration, Instant};

use spear_agents::sandbox::{Ended, Sandbox, Sandboxes};
use spear_types::Cpu;

use crate::common::{HELPER, Node, finish};

#[tokio::test]
async fn who_takes_more_memory_than_it_may_ends_out_of_memory() {
    let node = Node::new("memory");
    let mut spec = node.spec(0, &[HELPER, "hog"]).await;
    spec.bounds.memory = 64 << 20;
    let mut process = node.processes.start(&spec).await.unwrap();
    if node.counts_memory().await {
        assert_eq!(process.ended().await, Ended::OutOfMemory);
        let used = process.used().await;
        assert!((32 << 20..=65 << 20).contains(&used.peak_memory), "{used:?}");
    } else {
        eprintln!("without a control group the program has to say why it fails");
        assert_ne!(process.ended().await, Ended::Exited(0));
    }
    process.remove().await;
}

#[tokio::test]
async fn a_child_that_takes_too_much_is_the_programs_end_too() {
    let node = Node::new("memory-child");
    let mut spec = node.spec(0, &["sh", "-c", &format!("{HELPER} hog; exit $?")]).await;
    spec.bounds.memory = 64 << 20;
    let ended = finish(node.processes.start(&spec).await.unwrap()).await.0;
    assert!(ended == Ended::OutOfMemory || !node.counts_memory().await && ended != Ended::Exited(0), "{ended:?}");
}

#[tokio::test]
async fn without_control_groups_the_kernel_bounds_each_process() {
    let node = Node::with("rlimit", |config| config.groups = false);
    let mut spec = node.spec(0, &["sh", "-c", "ulimit -v; ulimit -n; ulimit -c; ulimit -f"]).await;
    spec.bounds.memory = 512 << 20;
    let (_, output, _) = finish(node.processes.start(&spec).await.unwrap()).await;
    let limits: Vec<_> = output.lines().collect();
    assert_eq!(limits[..3], ["524288", "64", "0"]);
    assert!(["8192", "16384"].contains(&limits[3]), "blocks of 1024 or 512 bytes: {output}");
    spec.command = vec![HELPER.into(), "hog".into()];
    let (ended, ..) = finish(node.processes.start(&spec).await.unwrap()).await;
    assert_ne!(ended, Ended::Exited(0));
}

#[tokio::test]
async fn a_fork_bomb_is_stopped_by_the_bound_of_processes() {
    let node = Node::new("bomb");
    if !node.enforces("processes").await {
        eprintln!("not tested: nothing bounds processes here");
        return;
    }
    let mut spec = node.spec(0, &["sh", "-c", "bomb() { bomb | bomb & }; bomb; echo set; exec sleep 1000"]).await;
    spec.bounds.processes = 30;
    let mut process = node.processes.start(&spec).await.unwrap();
    let mut streams = process.streams().unwrap();
    let mut errors = String::new();
    // A shell says that it cannot fork.
    while !errors.to_lowercase().contains("fork") {
        errors += &crate::common::line(&mut streams.stderr).await;
    }
    let begun = Instant::now();
    process.remove().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn half_a_core_computes_half_of_the_time() {
    let node = Node::new("cpu");
    if !node.enforces("cpu").await {
        eprintln!("not tested: nothing bounds cores here");
        return;
    }
    let mut spec = node.spec(0, &["sh", "-c", "while :; do :; done"]).await;
    spec.bounds.cpu = Some(Cpu::from_millis(200));
    let process = node.processes.start(&spec).await.unwrap();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let used = loop {
        ticks.tick().await;
        let used = process.used().await;
        if used.cpu > Duration::from_millis(150) {
            break used;
        }
    };
    let share = used.cpu.as_secs_f64() / begun.elapsed().as_secs_f64();
    assert!(share < 0.5, "{share} of a core");
    process.remove().await;
}

#[tokio::test]
async fn what_was_used_is_known_with_and_without_control_groups() {
    for groups in [true, false] {
        let node = Node::with("used", |config| config.groups = groups);
        let mut process = node.shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").await;
        assert_eq!(process.ended().await, Ended::Exited(0));
        let used = process.used().await;
        assert!(used.cpu >= Duration::from_millis(10), "{groups}: {used:?}");
        assert!(used.cpu < Duration::from_secs(20), "{groups}: {used:?}");
        process.remove().await;
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_written() {
    let node = Node::new("file");
    let (ended, ..) = node.run("exec head -c 20000000 /dev/zero > $HOME/large").await;
    assert_eq!(ended, Ended::Killed(25), "SIGXFSZ");
}
