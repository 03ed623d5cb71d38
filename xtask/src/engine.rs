//! What the tests of containers need of the machine. They start `dockerd` themselves, in a folder of their own, and end it.

use std::{env, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::shell;

/// The engine, what their image is made of, and what makes the network that a container is kept from.
const PACKAGES: [&str; 3] = ["docker.io", "busybox-static", "iproute2"];

/// With `TEST_ENGINE=required`, installs what is missing. Without it the tests of containers say why they are skipped.
pub(crate) fn install_if_required() -> anyhow::Result<()> {
    if !env::var("TEST_ENGINE").is_ok_and(|value| value == "required") || is_there() {
        return Ok(());
    }
    install().with_context(|| {
        format!(
            "a container engine is required and cannot be started by the tests.\n\
             As root on Debian: apt-get install {}; else name a running one in DOCKER_HOST.",
            PACKAGES.join(" ")
        )
    })
}

/// An engine that runs or one that can be started, and what the image is made of.
fn is_there() -> bool {
    let can_start =
        || [("dockerd", "--version"), ("ip", "-V")].into_iter().all(|(program, version)| says(program, version));
    Path::new("/bin/busybox").exists() && (env::var_os("DOCKER_HOST").is_some() || can_start())
}

fn says(program: &str, version: &str) -> bool {
    shell::succeeds(Command::new(program).arg(version))
}

fn install() -> anyhow::Result<()> {
    let apt_get = || {
        let mut apt_get = Command::new("apt-get");
        apt_get.env("DEBIAN_FRONTEND", "noninteractive");
        apt_get
    };
    shell::run(apt_get().args(["-qq", "update"]))?;
    shell::run(apt_get().args(["-qq", "install", "--yes", "--no-install-recommends"]).args(PACKAGES))?;
    ensure!(is_there(), "they are installed, and dockerd or ip is not in PATH, or /bin/busybox not there");
    Ok(())
}
