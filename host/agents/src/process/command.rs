//! Where a command is.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::layout::Layout;
use crate::sandbox::{Spec, Unrunnable};

/// Where commands are looked for unless the operator or the manifest says otherwise.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The file to execute, as the program has it: with a slash from where it starts, without one from its `PATH`.
///
/// # Errors
/// Where it was looked for.
pub(super) fn find(spec: &Spec, layout: &Layout, path: &str) -> Result<PathBuf, Unrunnable> {
    let Some(name) = spec.command.first().filter(|name| !name.is_empty()) else {
        return Err(Unrunnable::new("there is no command"));
    };
    if name.contains('/') {
        let file = spec.files.as_deref().unwrap_or(&spec.folder).join(name);
        let found = executable(&file).then(|| layout.directory().join(name));
        return found.ok_or_else(|| missing(name, &file.display().to_string()));
    }
    let path = spec.env.iter().find(|(name, _)| name == "PATH").map_or(path, |(_, value)| value);
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|file| executable(file)).ok_or_else(|| missing(name, path))
}

fn missing(name: &str, searched: &str) -> Unrunnable {
    Unrunnable::new(format_args!(
        "command `{name}` is not on this node, or cannot be executed: looked for in {searched}"
    ))
}

fn executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The whole environment of a program.
pub(super) fn environment(spec: &Spec, layout: &Layout, path: &str) -> Vec<(String, String)> {
    let folder = layout.folder.to_string_lossy();
    let ours = [("PATH", path), ("HOME", &folder), ("TMPDIR", &folder)];
    let told = |name: &str| spec.env.iter().any(|(told, _)| told == name);
    let ours = ours.into_iter().filter(|(name, _)| !told(name)).map(|(name, value)| (name.into(), value.into()));
    ours.chain(spec.env.iter().cloned()).collect()
}
