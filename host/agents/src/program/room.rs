//! The folders of one sandbox.

use std::path::{Path, PathBuf};

use spear_types::Refusal;

use super::{call::Given, outcome, private, run::no_room};

/// Where the socket lies.
const HOSTCALLS: &str = "hostcalls";

/// The folders of one sandbox; removed with it.
pub(super) struct Room {
    folder: PathBuf,
}

impl Room {
    /// Made here and now: what is written is a few hundred bytes.
    pub(super) fn make(folder: PathBuf, given: Option<&Given>) -> Result<Self, Refusal> {
        let room = Self { folder };
        let work = room.work();
        let written = |()| given.map_or(Ok(()), |given| given.write(&work));
        private(&work).and_then(written).map_err(|error| no_room(&error))?;
        Ok(room)
    }

    /// What the program may write.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    pub(super) fn hostcalls(&self) -> PathBuf {
        self.folder.join(HOSTCALLS)
    }

    pub(super) async fn reply(&self) -> Result<outcome::Reply, String> {
        let work = self.work();
        let read = tokio::task::spawn_blocking(move || outcome::reply(&work)).await;
        read.unwrap_or_else(|error| Err(format!("the reply could not be read: {error}")))
    }

    pub(super) async fn remove(self) {
        // Dropped on a thread that may wait: what a program wrote can be much.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes the folders of runs that begin with a prefix. Blocks.
pub(super) fn remove_all(folders: &Path, prefix: &str) -> usize {
    let entries = std::fs::read_dir(folders).into_iter().flatten().flatten();
    let left = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)));
    left.map(|entry| remove(&entry.path())).count()
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "the folder of a run cannot be removed");
    }
}
