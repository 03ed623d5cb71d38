//! A node that is killed while its programs run.

use std::time::Duration;

use spear_types::{LimitRequest, Outcome};

use super::stage::{Mark, Stage};
use crate::harness::{NewTask, eventually};

super::on! {
    [process, docker]:
    once_it_is_back_none_of_them_is_left;
}

const RUNS: usize = 3;

async fn once_it_is_back_none_of_them_is_left(mut stage: Stage) {
    let hour = LimitRequest { timeout: Some(Duration::from_secs(3600)), ..LimitRequest::default() };
    let script = "busybox sleep MARK & (busybox setsid busybox sh -c 'trap \"\" TERM HUP; busybox sleep MARK' &); wait";
    for round in 0..3 {
        let mark = Mark::new();
        stage.script("sleep", &mark.of(script), hour.clone()).await;
        let tasks = (0..RUNS).map(|_| NewTask::of("sleep", "").once());
        let tasks = stage.sms.api.submit_all(tasks).await.unwrap();
        mark.sleeps(2 * RUNS).await;
        let before = stage.traces().groups();
        assert_eq!(stage.traces().folders().len(), RUNS, "round {round}");

        stage.sms.kill_and_start_again("up").await;
        eventually("its node", async || stage.sms.api.live_nodes().await.pop()).await;
        assert_eq!(mark.processes(), [""; 0], "round {round}");
        assert_eq!(stage.traces().containers().await, [""; 0]);
        assert_eq!(stage.traces().folders().len(), 0, "round {round}");
        let left: Vec<_> = before.into_iter().filter(|group| group.exists()).collect();
        assert!(left.is_empty(), "{left:?}");
        for (task, _) in tasks {
            let outcome = stage.sms.api.ended(task).await.outcome;
            assert!(matches!(outcome, Outcome::NodeLost { .. }), "{outcome}");
        }
        assert_eq!(stage.says("echo it runs again").await, "it runs again\n");
    }
    assert_eq!(stage.sms.stop().await, Some(0));
    eventually("no process", async || stage.traces().processes().is_empty().then_some(())).await;
    eventually("no control group", async || stage.traces().groups().is_empty().then_some(())).await;
    assert_eq!(stage.traces().mounts(), [""; 0]);
}
