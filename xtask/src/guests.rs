//! What guests are built with.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::shell;

/// Adds a target's standard library where it is missing.
pub(crate) fn require_target(target: &str) -> anyhow::Result<()> {
    if is_installed(target)? {
        return Ok(());
    }
    let added = shell::run(Command::new("rustup").args(["target", "add", target]).current_dir(shell::root()));
    if added.is_err() || !is_installed(target)? {
        bail!(
            "functions are built for {target}, which is not installed and could not be added.\n\
             With rustup and a network: rustup target add {target}"
        );
    }
    Ok(())
}

/// Builds these guests of `examples-guests` the ordinary way.
pub(crate) fn build(names: &[&str]) -> anyhow::Result<()> {
    let mut cargo = shell::cargo(["build", "--release", "--locked", "--target", "wasm32-wasip2"]);
    cargo.current_dir(shell::root().join("examples-guests")).env_remove("CARGO_TARGET_DIR");
    shell::run(cargo.args(names.iter().flat_map(|name| ["--package", name])))
}

fn is_installed(target: &str) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    let printed = rustc.args(["--print", "target-libdir", "--target", target]).current_dir(shell::root()).output();
    let libdir = String::from_utf8(printed.context("cannot run rustc")?.stdout)?;
    Ok(Path::new(libdir.trim()).is_dir())
}
