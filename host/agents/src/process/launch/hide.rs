//! What a program is not to see, and what it is given in its place.

use std::{
    fs,
    io::{self, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open},
    mount::{MountFlags, mount, mount_bind, mount_remount},
};

use super::confine::again;
use crate::process::{
    layout::{FOLDERS, OWN, RUN},
    mounts,
    orders::Bind,
};

/// Nothing can be executed there, and nothing is a device.
const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Where names are looked up: a link into [`RUN`] on many machines.
const RESOLVER: &str = "/etc/resolv.conf";

/// What was hidden, still open here: a starter mounts from it what is its program's, and closes it by becoming that.
pub(super) struct Hidden(Vec<(PathBuf, OwnedFd)>);

impl Hidden {
    /// Nothing.
    pub(super) fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Hides [`RUN`] and what else is there of `paths`, and makes the places for a program's folders.
    pub(super) fn hide(paths: &[PathBuf]) -> io::Result<Self> {
        let resolver = fs::canonicalize(RESOLVER).ok().filter(|path| path.starts_with(RUN));
        let resolver = resolver.and_then(|path| Some((fs::read(&path).ok()?, path)));
        let mut hidden = Vec::new();
        for path in paths.iter().map(PathBuf::as_path).chain([Path::new(RUN)]) {
            match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(file) => hidden.push((path.to_owned(), file)),
                Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            }
        }
        for (path, _) in hidden.iter().filter(|(path, _)| path != Path::new(RUN)) {
            cover(path)?;
        }
        own(resolver)?;
        // The innermost is what a path is reached from.
        hidden.sort_by_key(|(path, _)| std::cmp::Reverse(path.as_os_str().len()));
        Ok(Self(hidden))
    }

    /// Mounts one of a program's folders.
    pub(super) fn bind(&self, bind: &Bind) -> io::Result<()> {
        mount_bind(self.reached(&bind.from), &bind.to)?;
        let flags = if bind.writable { MountFlags::empty() } else { MountFlags::RDONLY };
        again(&bind.to, flags)
    }

    /// The path as it can be taken here.
    fn reached(&self, path: &Path) -> PathBuf {
        let below = |(hidden, file): &(PathBuf, OwnedFd)| {
            let rest = path.strip_prefix(hidden).ok()?;
            Some(Path::new("/proc/self/fd").join(file.as_raw_fd().to_string()).join(rest))
        };
        self.0.iter().find_map(below).unwrap_or_else(|| path.to_owned())
    }
}

/// Lays nothing over a folder, or over a file. One in a folder that is hidden already is not there any more.
fn cover(path: &Path) -> io::Result<()> {
    let covered = match fs::metadata(path) {
        Ok(found) if found.is_dir() => mount(
            "tmpfs",
            path,
            "tmpfs",
            PLAIN | MountFlags::RDONLY,
            Some(mounts::data("size=4k,mode=555")?.as_c_str()),
        ),
        Ok(_) => mount_bind("/dev/null", path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    covered.map_err(|error| io::Error::new(error.kind(), format!("{} cannot be hidden: {error}", path.display())))
}

/// Lays over [`RUN`] what has a program's folders, and nothing else but the file of the resolver where that was there.
fn own(resolver: Option<(Vec<u8>, PathBuf)>) -> io::Result<()> {
    mount("tmpfs", RUN, "tmpfs", PLAIN, Some(mounts::data("size=1m,mode=755")?.as_c_str()))?;
    for folder in std::iter::once(OWN).chain(FOLDERS) {
        folder_for_all(Path::new(folder))?;
    }
    if let Some((text, path)) = resolver {
        path.parent().map_or(Ok(()), folder_for_all)?;
        fs::File::create(&path)?.write_all(&text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(mount_remount(RUN, PLAIN | MountFlags::RDONLY, "")?)
}

/// Whoever the program is, and however the node was started, it gets through.
fn folder_for_all(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
