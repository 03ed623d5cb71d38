//! Streams, ends, and nothing that is left.

use std::time::Duration;

use spear_agents::{
    docker::Output,
    sandbox::{Ended, Sandbox, Sandboxes, Streams},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    engine::{IMAGE_THAT_SAYS, client},
    trial::{DEADLINE, Trial, containers, soon},
};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_program_says_how_it_ended() {
    let Some(trial) = Trial::new() else { return };
    for (script, ended) in [
        ("exit 0", Ended::Exited(0)),
        ("exit 7", Ended::Exited(7)),
        ("exit 255", Ended::Exited(255)),
        ("kill -9 $$", Ended::Killed(9)),
        ("kill -SEGV $$", Ended::Killed(11)),
    ] {
        assert_eq!(trial.run(&trial.shell(script), b"").await.ended, ended, "{script}");
    }
    trial.nothing_is_left().await;
}

#[tokio::test]
async fn outputs_are_apart_and_what_is_said_at_once_is_not_lost() {
    let Some(trial) = Trial::new() else { return };
    let ran = trial.run(&trial.shell("echo out; echo err >&2; exit 3"), b"").await;
    assert_eq!((ran.out().as_str(), ran.err().as_str(), ran.ended), ("out\n", "err\n", Ended::Exited(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_mebibytes_go_through_byte_for_byte() {
    let Some(trial) = Trial::new() else { return };
    let mut bytes = vec![0_u8; 64 << 20];
    let mut state = 1_u64;
    for eight in bytes.chunks_exact_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        eight.copy_from_slice(&state.to_le_bytes());
    }
    let ran = trial.run(&trial.spec(&["cat"]), &bytes).await;
    assert_eq!(ran.ended, Ended::Exited(0));
    assert!(ran.stdout == bytes, "{} of {} bytes", ran.stdout.len(), bytes.len());
}

#[tokio::test]
async fn the_end_of_input_reaches_a_program_that_goes_on_to_speak() {
    let Some(trial) = Trial::new() else { return };
    let (mut container, streams) = trial.start(&trial.shell("cat; echo after")).await;
    let Streams { mut stdin, mut stdout, .. } = streams;
    stdin.write_all(b"before ").await.unwrap();
    let mut first = [0; 7];
    soon(stdout.read_exact(&mut first)).await.unwrap();
    drop(stdin);
    let mut rest = String::new();
    soon(stdout.read_to_string(&mut rest)).await.unwrap();
    assert_eq!((&first, rest.as_str()), (b"before ", "after\n"));
    assert_eq!(soon(container.ended()).await, Ended::Exited(0));
}

#[tokio::test]
async fn a_program_that_nobody_reads_is_held_up_and_one_whose_output_was_dropped_is_not() {
    let Some(trial) = Trial::new() else { return };
    let (mut unread, _streams) = trial.start(&trial.spec(&["yes"])).await;
    let held_up = timeout(Duration::from_secs(2), unread.ended()).await;
    assert!(held_up.is_err(), "it is nobody's: {held_up:?}");
    soon(unread.stop(Duration::ZERO)).await;
    assert_eq!(soon(unread.ended()).await, Ended::Killed(9), "its end is told though nobody reads");
    soon(unread.remove()).await;
    assert_eq!(trial.there().await, Vec::<String>::new());

    let (mut dropped, streams) = trial.start(&trial.spec(&["dd", "if=/dev/zero", "bs=1M", "count=16"])).await;
    drop(streams);
    assert_eq!(soon(dropped.ended()).await, Ended::Exited(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_at_the_end_of_a_program_loses_nothing() {
    let Some(trial) = Trial::new() else { return };
    // A little more than what is held between a program and its reader: the rest is in the pipe when the program ends.
    let sizes = [1_200_u64, 1_250, 1_300, 1_325, 1_350, 1_400, 1_450].map(|kib| kib << 10);
    let read = futures::future::join_all(sizes.map(|size| read_after_a_pause(&trial, size)));
    assert_eq!(read.await, sizes);
}

async fn read_after_a_pause(trial: &Trial, size: u64) -> u64 {
    let mut spec = trial.spec(&["head", "-c", &size.to_string(), "/dev/zero"]);
    spec.bounds.memory = 32 << 20;
    let (mut container, mut streams) = trial.start(&spec).await;
    // The engine's patience is 2 s, from the end of the program.
    let _early = timeout(Duration::from_secs(8), container.ended()).await;
    let mut all = Vec::new();
    soon(streams.stdout.read_to_end(&mut all)).await.unwrap();
    assert_eq!(soon(container.ended()).await, Ended::Exited(0));
    all.len() as u64
}

#[tokio::test]
async fn a_program_that_is_asked_to_stop_may_do_so_in_its_own_way() {
    let Some(trial) = Trial::new() else { return };
    let (mut polite, streams) = trial.start(&trial.shell("trap 'exit 5' TERM; echo ready; sleep 1000 & wait")).await;
    ready(streams).await;
    soon(polite.stop(LONG)).await;
    assert_eq!(soon(polite.ended()).await, Ended::Exited(5));

    let (mut deaf, streams) = trial.start(&trial.shell("trap '' TERM; echo ready; sleep 1000")).await;
    ready(streams).await;
    soon(deaf.stop(Duration::from_millis(200))).await;
    assert_eq!(soon(deaf.ended()).await, Ended::Killed(9));

    let (mut ended, _streams) = trial.start(&trial.spec(&["true"])).await;
    assert_eq!(soon(ended.ended()).await, Ended::Exited(0));
    soon(ended.stop(LONG)).await;
}

async fn ready<I>(mut streams: Streams<I, Output>) {
    let mut word = [0; 6];
    soon(streams.stdout.read_exact(&mut word)).await.unwrap();
}

#[tokio::test]
async fn a_sandbox_that_is_dropped_leaves_nothing() {
    let Some(trial) = Trial::new() else { return };
    let (container, _streams) = trial.start(&trial.spec(&["sleep", "1000"])).await;
    assert_eq!(trial.there().await.len(), 1);
    drop(container);
    trial.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_waits_for_any_more_leaves_nothing_wherever_it_was() {
    let Some(trial) = Trial::new() else { return };
    let mut cut = 0;
    for millis in [0, 1, 5, 10, 20, 40, 60, 80, 120, 160, 200, 300, 400] {
        let spec = trial.spec(&["sleep", "1000"]);
        let started = timeout(Duration::from_millis(millis), trial.containers.start(&spec)).await;
        cut += u32::from(started.is_err());
    }
    assert!(cut > 3, "only {cut} starts were cut off");
    trial.nothing_is_left().await;
}

#[tokio::test]
async fn what_an_earlier_program_left_is_removed_and_what_others_have_is_not() {
    let Some(trial) = Trial::new() else { return };
    let Some(other) = Trial::new() else { return };
    let (theirs, _streams) = other.start(&other.spec(&["sleep", "1000"])).await;
    for _ in 0..3 {
        // As a node that is killed does.
        std::mem::forget(trial.start(&trial.spec(&["sleep", "1000"])).await.0);
    }
    assert_eq!(soon(trial.containers.remove_left()).await, 0, "this program's own are no orphans");
    assert_eq!(soon(containers(&trial.host, &trial.prefix).remove_left()).await, 3);
    assert_eq!(trial.there().await, Vec::<String>::new());
    assert_eq!(other.there().await.len(), 1);
    soon(theirs.remove()).await;
    assert_eq!(other.there().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_image_says_what_runs_and_as_whom_and_its_volumes_leave_nothing_on_the_disk() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.spec(&[]);
    spec.image = Some(IMAGE_THAT_SAYS.to_owned());
    let ran = trial.run(&spec, b"").await;
    assert_eq!((ran.out().as_str(), ran.err().as_str()), ("33\nwrote\n", ""));
    let volumes =
        client(&trial.host).list_volumes(None::<bollard::query_parameters::ListVolumesOptions>).await.unwrap();
    assert_eq!(volumes.volumes.unwrap_or_default(), []);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_unrunnable_with_a_reason() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.spec(&["true"]);
    assert_eq!(soon(trial.containers.check(&spec)).await, Ok(()));
    spec.image = Some("127.0.0.1:9/nowhere:1".to_owned());
    let why = soon(trial.containers.check(&spec)).await.unwrap_err().reason;
    assert_eq!(why, "the image 127.0.0.1:9/nowhere:1 is not there, and none is fetched here");

    let config =
        spear_agents::docker::Config { host: Some(trial.host.clone()), prefix: trial.prefix.clone(), pull: true };
    let fetching = spear_agents::docker::Containers::new(config);
    let why = timeout(DEADLINE, fetching.check(&spec)).await.unwrap().unwrap_err().reason;
    assert!(why.contains("127.0.0.1:9"), "the engine's own words: {why}");
}

#[tokio::test]
async fn what_does_not_start_leaves_nothing_and_says_why() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.spec(&["true"]);
    spec.bounds.memory = 1;
    let why = trial.refused(&spec).await.reason;
    assert!(why.to_lowercase().contains("memory"), "{why}");
    let missing = trial.run(&trial.spec(&["no-such-command"]), b"").await;
    assert_eq!(missing.ended, Ended::Exited(127));
    assert!(missing.err().contains("no-such-command"), "{}", missing.err());
    assert_eq!(trial.there().await, Vec::<String>::new());
}
