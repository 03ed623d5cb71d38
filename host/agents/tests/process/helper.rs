//! Started by the tests of processes: as a launcher, as a node, and as programs.

use std::{env, hint::black_box, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use spear_agents::{
    process::{Config, Processes, launch},
    sandbox::{Bounds, Sandbox, Sandboxes, Spec},
};
use tokio::io::AsyncReadExt;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["launch", ..] => launch(),
        ["node", prefix, folders, groups, namespaces, script] => {
            let mut config = Config::new(launcher(), *prefix, *folders);
            (config.groups, config.namespaces) = (*groups == "true", *namespaces == "true");
            node(config, script)
        }
        ["hog"] => hog(),
        other => {
            eprintln!("no such helper: {other:?}");
            ExitCode::from(2)
        }
    }
}

fn launcher() -> Vec<std::ffi::OsString> {
    vec![env::current_exe().expect("own path").into(), "launch".into()]
}

/// Runs a shell script in a sandbox, repeats what it writes, and never ends it: it is there to be killed.
#[tokio::main]
async fn node(config: Config, script: &str) -> ExitCode {
    let name = format!("{}-task", config.prefix);
    let folder: PathBuf = config.folders.join(&name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let namespaces = config.namespaces;
    let processes = Processes::new(config);
    let bounds = Bounds { memory: 256 << 20, cpu: None, processes: 50, open_files: 100, file_size: 1 << 20 };
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let spec = Spec {
        name,
        command,
        image: None,
        env: vec![],
        files: None,
        folder,
        hostcalls: None,
        bounds,
        network: !namespaces,
    };
    let mut sandbox = processes.start(&spec).await.expect("a program");
    let mut streams = sandbox.streams().expect("its streams");
    let mut some = [0; 4096];
    loop {
        match streams.stdout.read(&mut some).await {
            Ok(0) | Err(_) => std::future::pending().await,
            Ok(length) => {
                std::io::stdout().write_all(&some[..length]).expect("an open output");
                std::io::stdout().flush().expect("an open output");
            }
        }
    }
}

/// Takes memory until somebody stops it.
fn hog() -> ExitCode {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        all.push(vec![7; 1 << 20]);
        black_box(&all);
    }
    ExitCode::SUCCESS
}
