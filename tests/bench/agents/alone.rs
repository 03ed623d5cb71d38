//! The agents without a node around them: one sandbox after another.

use std::{path::Path, time::Instant};

use spear_agents::{
    docker::{self, Containers},
    process::{self, Processes},
    sandbox::{Bounds, Ended, Sandbox as _, Sandboxes, Spec},
};
use tokio::time::interval;

use crate::{REST, engine, floor, noop::Noop, times::Times};

/// How far a sandbox has come after so long.
#[derive(Default)]
struct Stations {
    started: Times,
    ended: Times,
    removed: Times,
}

impl Stations {
    fn show(&self, floor: &Times) {
        self.started.show("the agent alone: start", floor);
        self.ended.show("the agent alone: start → ended", floor);
        self.removed.show("the agent alone: start → ended → removed", floor);
    }
}

/// Processes beside `posix_spawn`; the floor.
pub(crate) async fn process(noop: &Noop, count: usize) -> Times {
    let folders = tempfile::tempdir().expect("a folder");
    let launcher = vec![env!("CARGO_BIN_EXE_spear").into(), "launch-process".into()];
    let prefix = format!("bench-{}", std::process::id());
    let processes = Processes::new(process::Config::new(launcher, prefix.clone(), folders.path()));
    let (mut floor, mut ours) = (Times::default(), Stations::default());
    let mut rest = interval(REST);
    for number in 0..count {
        rest.tick().await;
        floor.add(floor::spawn(&noop.path));
        let program = noop.path.display().to_string();
        let spec = spec(folders.path(), format!("{prefix}-{number}"), program, None);
        run(&processes, &spec, &mut ours).await;
        rest.reset();
    }
    processes.remove_left().await;
    floor.show("posix_spawn, to its end (floor)", &floor);
    ours.show(&floor);
    floor
}

/// Containers beside their engine; the floor is its API.
pub(crate) async fn docker(host: &str, count: usize) -> Times {
    let folders = tempfile::tempdir().expect("a folder");
    let prefix = format!("bench-{}", std::process::id());
    let config = docker::Config { host: Some(host.to_owned()), prefix: prefix.clone(), pull: false };
    let (client, containers) = (engine::client(host), Containers::new(config));
    let (mut floor, mut command, mut ours) = (Times::default(), Some(Times::default()), Stations::default());
    for number in 0..count {
        floor.add(floor::api(&client).await);
        match (floor::docker_run(host), &mut command) {
            (Some(time), Some(times)) => times.add(time),
            _ => command = None,
        }
        let image = Some(engine::IMAGE.to_owned());
        let spec = spec(folders.path(), format!("{prefix}-{number}"), "true".to_owned(), image);
        run(&containers, &spec, &mut ours).await;
    }
    floor.show("the engine's API: create, start, wait, remove (floor)", &floor);
    match command {
        Some(times) => times.show("docker run", &floor),
        None => println!("  docker run: skipped, there is no command `docker`"),
    }
    ours.show(&floor);
    floor
}

fn spec(folders: &Path, name: String, program: String, image: Option<String>) -> Spec {
    let folder = folders.join(&name);
    std::fs::create_dir(&folder).expect("a folder");
    let (memory, processes) = (floor::MEMORY as u64, floor::PROCESSES as u32);
    let bounds = Bounds { memory, cpu: None, processes, open_files: 128, file_size: 1 << 20 };
    Spec {
        name,
        command: vec![program],
        image,
        env: Vec::new(),
        files: None,
        folder,
        hostcalls: None,
        bounds,
        network: false,
    }
}

async fn run<S: Sandboxes>(sandboxes: &S, spec: &Spec, stations: &mut Stations) {
    let begun = Instant::now();
    let mut sandbox = sandboxes.start(spec).await.expect("it starts");
    stations.started.add(begun.elapsed());
    assert_eq!(sandbox.ended().await, Ended::Exited(0));
    stations.ended.add(begun.elapsed());
    sandbox.remove().await;
    stations.removed.add(begun.elapsed());
}
