//! A daemon that goes away and comes back.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use spear_agents::sandbox::{Ended, Sandbox, Sandboxes, Status};

use crate::{
    engine,
    trial::{Trial, containers, soon, until},
};

async fn is_available(trial: &Trial) -> bool {
    matches!(soon(trial.containers.status()).await, Status::Available { .. })
}

#[test]
fn a_test_without_an_engine_skips() {
    assert_eq!(engine::or_skip(Ok::<_, &str>(1), true), Some(1));
    assert_eq!(engine::or_skip(Err::<(), _>("nobody started it"), false), None);
}

#[test]
#[should_panic(expected = "one is required: nobody started it")]
fn a_test_without_an_engine_fails_where_one_is_required() {
    engine::or_skip(Err::<(), _>("nobody started it"), true);
}

#[tokio::test]
async fn where_no_engine_is_a_reason_is_given_at_once() {
    let nowhere = containers("unix:///nowhere/docker.sock", "t0");
    let begun = Instant::now();
    let Status::Unavailable { reason } = nowhere.status().await else { panic!("there is none") };
    assert!(reason.contains("/nowhere/docker.sock"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(nowhere.remove_left().await, 0);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_holds_nobody_up_for_long() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("docker.sock");
    let _deaf = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let containers = containers(&path.display().to_string(), "t0");
    let begun = Instant::now();
    let Status::Unavailable { reason } = soon(containers.status()).await else { panic!("it says nothing") };
    assert!(reason.contains("does not answer"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stops_is_noticed_and_one_that_comes_back_is_used_again() {
    let Some(mut engine) = engine::own().await else { return };
    let trial = Trial::on(engine.host());
    assert!(is_available(&trial).await);
    engine.stop();
    until(async || !is_available(&trial).await).await;
    let why = trial.refused(&trial.spec(&["true"])).await.reason;
    assert!(why.contains("docker.sock"), "{why}");
    engine.run(false).await.unwrap();
    until(async || is_available(&trial).await).await;
    assert_eq!(trial.run(&trial.shell("exit 4"), b"").await.ended, Ended::Exited(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_dies_loses_its_containers_and_what_it_left_is_removed_when_it_is_back() {
    let Some(mut engine) = engine::own().await else { return };
    let trial = Trial::on(engine.host());
    let (mut container, _streams) = trial.start(&trial.spec(&["sleep", "1000"])).await;
    let (dropped, _streams) = trial.start(&trial.spec(&["sleep", "1000"])).await;
    engine.kill();
    assert_eq!(soon(container.ended()).await, Ended::Lost);
    soon(container.stop(Duration::from_secs(1))).await;
    drop(dropped);
    soon(container.remove()).await;
    engine.run(false).await.unwrap();
    until(async || is_available(&trial).await && trial.there().await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_hangs_holds_nobody_up_who_stops_a_container() {
    let Some(engine) = engine::own().await else { return };
    let trial = Trial::on(engine.host());
    let (mut container, _streams) = trial.start(&trial.spec(&["sleep", "1000"])).await;
    engine.signal(Signal::STOP);
    let begun = Instant::now();
    soon(container.stop(Duration::from_millis(100))).await;
    assert_eq!(soon(container.ended()).await, Ended::Lost);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    engine.signal(Signal::CONT);
    soon(container.remove()).await;
    assert_eq!(trial.there().await, Vec::<String>::new());
}
