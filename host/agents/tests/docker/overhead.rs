//! What a container costs here, beside the engine's own command.

use std::{process::Command, time::Instant};

use spear_agents::sandbox::Ended;

use crate::{engine, trial::Trial};

const RUNS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures: cargo test -p spear-agents --test docker overhead -- --ignored --nocapture --test-threads 1"]
async fn the_overhead_over_docker_run() {
    let Some(trial) = Trial::new() else { return };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let spec = trial.spec(&["true"]);
        let begun = Instant::now();
        assert_eq!(trial.run(&spec, b"").await.ended, Ended::Exited(0));
        ours.push(begun.elapsed());

        let begun = Instant::now();
        let mut run = Command::new("docker");
        run.args(["-H", &trial.host, "run", "--rm", "-i", "--init", "--network", "none", "--read-only", "--cap-drop"]);
        run.args(["ALL", "--memory", "64m", "--memory-swap", "64m", "--pids-limit", "33", "--log-driver", "none"]);
        let status = run.args(["--security-opt", "no-new-privileges", engine::IMAGE, "true"]).status();
        assert!(status.expect("the docker command is there").success());
        theirs.push(begun.elapsed());
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    let ratio = ours[RUNS / 2].as_secs_f64() / theirs[RUNS / 2].as_secs_f64();
    eprintln!("p50 {:?}, docker run {:?}: ratio {ratio:.2}", ours[RUNS / 2], theirs[RUNS / 2]);
    eprintln!("p99 {:?}, docker run {:?}", ours[RUNS - 1], theirs[RUNS - 1]);
}
