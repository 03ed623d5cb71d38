//! `cargo xtask ci`: what CI checks besides the tests.

use std::{fs, process::Command};

use anyhow::ensure;

use crate::{
    chaos::Chaos,
    cluster::{Build, Cluster},
    demo::Demo,
    guests, shell,
};

/// The version that guests are proved with.
const CARGO_COMPONENT: &str = "0.21.1";

pub(crate) fn run() -> anyhow::Result<()> {
    let guests = shell::root().join("examples-guests");
    shell::run(&mut shell::cargo(["fmt", "--all", "--check"]))?;
    shell::run(shell::cargo(["fmt", "--all", "--check"]).current_dir(&guests))?;
    shell::run(&mut shell::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut clippy = shell::cargo(["clippy", "--release", "--target", "wasm32-wasip2", "--", "-D", "warnings"]);
    shell::run(clippy.current_dir(&guests))?;
    // What an author does on his own machine: the guests that have tests, natively.
    shell::run(shell::cargo(["test", "--package", "hello", "--package", "thumbnail"]).current_dir(&guests))?;
    let mut doc = shell::cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    Demo::with_tests().run()?;
    let kills = Chaos::whole().run()?;
    ensure!(kills.are_all_done(), "the machine is too slow for all kills in the time that there is: {kills:?}");
    with_cargo_component()
}

/// A guest that `cargo component build` built runs like any other.
fn with_cargo_component() -> anyhow::Result<()> {
    guests::require_target("wasm32-wasip1")?;
    if !shell::succeeds(Command::new("cargo-component").arg("--version")) {
        // Unoptimized, it is there in half the time.
        let mut install =
            shell::cargo(["install", "--debug", "--locked", "cargo-component", "--version", CARGO_COMPONENT]);
        shell::run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    let guests = shell::root().join("examples-guests");
    shell::run(shell::cargo(["component", "build", "--release", "--package", "hello"]).current_dir(&guests))?;
    let project = tempfile::tempdir()?;
    fs::copy(guests.join("target/wasm32-wasip1/release/hello.wasm"), project.path().join("hello.wasm"))?;
    fs::write(project.path().join("spear.toml"), MANIFEST)?;
    let cluster = Cluster::start(Build::WithTests)?;
    cluster.deploy(project.path())?;
    let invoked = cluster.ask(["invoke", "hello", "--data", "component"])?;
    ensure!(invoked["outcome"]["body"] == "Hello, component!", "the guest of cargo-component answered {invoked}");
    Ok(())
}

const MANIFEST: &str = r#"
spear = 1
[function]
name = "hello"
[[run]]
kind = "wasm"
component = "hello.wasm"
"#;
