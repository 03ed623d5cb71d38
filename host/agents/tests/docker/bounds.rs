//! Bounds are held by the machine.

use std::time::Duration;

use spear_agents::sandbox::{Ended, Sandbox, Sandboxes, Status};
use spear_types::Cpu;
use tokio::io::AsyncReadExt;

use crate::trial::{Trial, soon, until};

#[tokio::test]
async fn the_engine_says_what_it_enforces() {
    let Some(trial) = Trial::new() else { return };
    let Status::Available { enforces, .. } = soon(trial.containers.status()).await else { panic!("it runs") };
    let bounds: Vec<_> = enforces.iter().map(|(bound, _)| *bound).collect();
    assert_eq!(bounds, ["memory", "cpu", "processes", "open-files", "file-size"]);
}

#[tokio::test]
async fn more_memory_than_allowed_ends_it_also_when_a_child_took_it() {
    let Some(trial) = Trial::new() else { return };
    let greedy = trial.spec(&["dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"]);
    assert_eq!(trial.run(&greedy, b"").await.ended, Ended::OutOfMemory);
    let child = trial.shell("dd if=/dev/zero of=/dev/null bs=128M count=1; exit 3");
    assert_eq!(trial.run(&child, b"").await.ended, Ended::OutOfMemory);
    let in_tmp = trial.shell("ulimit -f unlimited; dd if=/dev/zero of=/tmp/x bs=1M count=128");
    assert_ne!(trial.run(&in_tmp, b"").await.ended, Ended::Exited(0));
}

#[tokio::test]
async fn a_fork_bomb_stays_small_and_is_removed() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.shell("bomb() { bomb | bomb & }; bomb; sleep 1000 & wait; sleep 1000");
    spec.bounds.processes = 16;
    let (mut container, mut streams) = trial.start(&spec).await;
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("fork") {
        let read = soon(streams.stderr.read_buf(&mut said)).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&said));
    }
    drop(streams);
    soon(container.stop(Duration::ZERO)).await;
    soon(container.remove()).await;
    assert_eq!(trial.there().await, Vec::<String>::new());
}

#[tokio::test]
async fn files_their_size_and_cores_are_bounded() {
    let Some(trial) = Trial::new() else { return };
    let mut spec =
        trial.shell("ulimit -n; ulimit -c; dd if=/dev/zero of=big bs=1M count=4 2>/dev/null; busybox stat -c %s big");
    spec.bounds.open_files = 99;
    spec.bounds.file_size = 3 << 20;
    let ran = trial.run(&spec, b"").await;
    assert_eq!(ran.out(), format!("99\n0\n{}\n", 3 << 20), "{}", ran.err());
}

#[tokio::test]
async fn a_share_of_a_core_is_held_and_what_was_used_is_told_also_afterwards() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.shell("while :; do :; done");
    spec.bounds.cpu = Some(Cpu::from_millis(300));
    let (mut container, _streams) = trial.start(&spec).await;
    let begun = std::time::Instant::now();
    until(async || container.used().await.cpu > Duration::from_millis(300)).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(600), "300 ms of computing at 0.3 cores were over after {took:?}");
    soon(container.stop(Duration::ZERO)).await;
    assert_eq!(soon(container.ended()).await, Ended::Killed(9));
    let used = container.used().await;
    assert!(used.cpu > Duration::from_millis(300) && used.peak_memory > 100_000, "{used:?}");
}
