//! What the engine is told to make of a spec.

use std::{collections::HashMap, path::Path};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
};
use spear_types::Cpu;

use super::{image::Image, link::Facts, user::User};
use crate::sandbox::{Bounds, Spec};

/// Where the sandbox's own folder is.
pub(super) const WORK: &str = "/spear/work";
/// Where files are.
const FILES: &str = "/spear/files";
/// Where the socket for hostcalls is.
pub(super) const HOSTCALLS: &str = "/spear/hostcalls";
/// Of every container of this node's: the prefix of its names.
pub(super) const PREFIX_LABEL: &str = "spear.prefix";
/// Of every container: its sandbox.
const SANDBOX_LABEL: &str = "spear.sandbox";
/// The least that engines take, in thousandths of a core.
const LEAST_CPU: i64 = 10;
/// The init process, beside those of the program.
const INIT: i64 = 1;

/// What is to be made.
pub(super) fn body(spec: &Spec, prefix: &str, image: &Image, facts: &Facts, user: &User) -> ContainerCreateBody {
    let labels = [(PREFIX_LABEL, prefix), (SANDBOX_LABEL, &spec.name)];
    ContainerCreateBody {
        image: spec.image.clone(),
        // With an entrypoint of ours nothing of the image's command is left.
        entrypoint: Some(spec.command.clone()).filter(|command| !command.is_empty()),
        user: user.told.clone(),
        env: Some(environment(spec)),
        working_dir: Some(if spec.files.is_some() { FILES } else { WORK }.to_owned()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The end of our input is the end of its input.
        stdin_once: Some(true),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
        host_config: Some(host_config(spec, image, facts, user)),
        ..Default::default()
    }
}

/// A name without a value takes it away: the engine would say its own host name for the container.
fn environment(spec: &Spec) -> Vec<String> {
    let own = ["HOME", "TMPDIR"].into_iter().filter(|name| spec.env.iter().all(|(given, _)| given != name));
    let own = own.map(|name| format!("{name}={WORK}"));
    let given = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
    std::iter::once("HOSTNAME".to_owned()).chain(own).chain(given).collect()
}

fn host_config(spec: &Spec, image: &Image, facts: &Facts, user: &User) -> HostConfig {
    let Bounds { memory, cpu, processes, open_files, file_size } = spec.bounds;
    let memory = signed(memory);
    HostConfig {
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: cpu.and_then(|cpu| nano_cpus(cpu, facts)),
        pids_limit: Some(i64::from(processes) + INIT),
        ulimits: Some(vec![
            ulimit("nofile", i64::from(open_files)),
            ulimit("fsize", signed(file_size)),
            ulimit("core", 0),
        ]),
        init: Some(true),
        network_mode: (!spec.network).then(|| "none".to_owned()),
        readonly_rootfs: Some(true),
        tmpfs: Some(in_memory(image, memory, user.inside.filter(|_| !facts.podman))),
        mounts: Some(mounts(spec)),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        // Else the engine would write all output to its disk as well.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..Default::default()
    }
}

fn mounts(spec: &Spec) -> Vec<Mount> {
    let mut mounts = vec![bind(&spec.folder, WORK, false)];
    mounts.extend(spec.files.as_deref().map(|files| bind(files, FILES, true)));
    mounts.extend(spec.hostcalls.as_deref().map(|hostcalls| bind(hostcalls, HOSTCALLS, true)));
    mounts
}

/// Folders in memory: `/tmp`, and the image's volumes, which else were on the engine's disk and without a bound.
///
/// They belong to the program's user where that is told: Docker's runtime gives them the mode that the image has there, and
/// not the one told. Podman's gives them the mode, and knows no owners.
fn in_memory(image: &Image, size: i64, owner: Option<(u32, u32)>) -> HashMap<String, String> {
    let owner = owner.map(|(uid, gid)| format!(",uid={uid},gid={gid}")).unwrap_or_default();
    let options = format!("rw,noexec,nosuid,nodev,mode=1777,size={size}{owner}");
    let folders = image.volumes.iter().map(String::as_str).chain(["/tmp"]);
    folders.map(|folder| (folder.to_owned(), options.clone())).collect()
}

fn bind(from: &Path, to: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(from.to_string_lossy().into_owned()),
        target: Some(to.to_owned()),
        read_only: Some(read_only),
        ..Default::default()
    }
}

fn ulimit(name: &str, most: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) }
}

/// None where it is as much as the machine has: engines refuse more.
fn nano_cpus(cpu: Cpu, facts: &Facts) -> Option<i64> {
    let millis = i64::from(cpu.as_millis()).max(LEAST_CPU);
    (millis < facts.cores || facts.cores == 0).then_some(millis * 1_000_000)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::docker) fn spec(image: Option<&str>) -> Spec {
        Spec {
            name: "n-1".to_owned(),
            command: vec!["true".to_owned()],
            image: image.map(str::to_owned),
            env: vec![("TOKEN".to_owned(), "hush".to_owned()), ("HOME".to_owned(), "/elsewhere".to_owned())],
            files: None,
            folder: "/f".into(),
            hostcalls: None,
            bounds: Bounds { memory: u64::MAX, cpu: None, processes: 8, open_files: 64, file_size: 1 << 20 },
            network: false,
        }
    }

    fn nobody() -> User {
        User::of(None, &Facts::ROOTFUL, (0, 0))
    }

    #[test]
    fn a_secret_is_in_the_environment_and_nowhere_else() {
        let mut made = body(&spec(Some("a")), "n", &Image::default(), &Facts::ROOTFUL, &nobody());
        let env = made.env.take().unwrap();
        assert_eq!(env, ["HOSTNAME", "TMPDIR=/spear/work", "TOKEN=hush", "HOME=/elsewhere"]);
        assert!(!serde_json::to_string(&made).unwrap().contains("hush"));
    }

    #[test]
    fn a_share_of_all_cores_is_no_bound_and_a_tiny_one_is_the_least() {
        let nano = |millis| nano_cpus(Cpu::from_millis(millis), &Facts::ROOTFUL);
        assert_eq!(nano(2_000), None);
        assert_eq!(nano(1_500), Some(1_500_000_000));
        assert_eq!(nano(1), Some(10_000_000));
    }

    #[test]
    fn an_image_cannot_bring_a_folder_of_its_own_on_the_disk() {
        let image = Image { user: None, volumes: vec!["/data".to_owned()] };
        let folders = in_memory(&image, 5, nobody().inside);
        assert_eq!(folders["/data"], "rw,noexec,nosuid,nodev,mode=1777,size=5,uid=65534,gid=65534");
        assert_eq!(folders.len(), 2);
    }
}
