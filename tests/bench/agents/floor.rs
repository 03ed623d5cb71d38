//! The same without us.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig},
    query_parameters::{
        CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions, WaitContainerOptions,
    },
};
use futures::StreamExt as _;

use crate::engine;

/// The bounds of a container, here and at the agent.
pub(crate) const MEMORY: i64 = 64 << 20;
pub(crate) const PROCESSES: i64 = 32;

/// A program with pipes, from its start to its end: the standard library does it with `posix_spawn`.
pub(crate) fn spawn(program: &Path) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let status = command.spawn().expect("it starts").wait().expect("it ends");
    assert!(status.success(), "{status}");
    begun.elapsed()
}

/// A container by the engine's API: create, start, wait, remove.
pub(crate) async fn api(docker: &Docker) -> Duration {
    let begun = Instant::now();
    let created = docker.create_container(None::<CreateContainerOptions>, body()).await.expect("a container");
    docker.start_container(&created.id, None::<StartContainerOptions>).await.expect("it starts");
    let ended = docker.wait_container(&created.id, None::<WaitContainerOptions>).next().await;
    assert_eq!(ended.expect("an answer").expect("an exit code").status_code, 0);
    let all = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    docker.remove_container(&created.id, Some(all)).await.expect("it is removed");
    begun.elapsed()
}

/// Shut in as the agent's are.
fn body() -> ContainerCreateBody {
    let host_config = HostConfig {
        memory: Some(MEMORY),
        memory_swap: Some(MEMORY),
        pids_limit: Some(PROCESSES + 1),
        init: Some(true),
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(engine::IMAGE.to_owned()),
        entrypoint: Some(vec!["true".to_owned()]),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    }
}

/// The engine's own command for the same; none where it is not installed.
pub(crate) fn docker_run(host: &str) -> Option<Duration> {
    let begun = Instant::now();
    let mut run = Command::new("docker");
    run.args(["-H", host, "run", "--rm", "-i", "--init", "--network", "none", "--read-only", "--cap-drop", "ALL"]);
    run.args(["--memory", "64m", "--memory-swap", "64m", "--pids-limit", "33", "--log-driver", "none"]);
    run.args(["--security-opt", "no-new-privileges", engine::IMAGE, "true"]).stdin(Stdio::null());
    let status = run.status().ok()?;
    assert!(status.success(), "{status}");
    Some(begun.elapsed())
}
