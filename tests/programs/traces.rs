//! What a node's programs have on the machine: all of it begins with a name that is of the node's data.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bollard::query_parameters::ListContainersOptionsBuilder;
use spear_types::Digest;

use super::engine;

/// Where to look for what one node has.
pub(crate) struct Traces {
    data: PathBuf,
    prefix: String,
    with_engine: bool,
}

impl Traces {
    /// Of a node whose home this is.
    pub(crate) fn of(home: &Path, with_engine: bool) -> Self {
        let data = home.join("state/spear/spearlet");
        let digest = Digest::of(data.as_os_str().as_encoded_bytes()).to_string();
        Self { data, prefix: format!("spear-{}", &digest[..12]), with_engine }
    }

    /// All of it, in words.
    pub(crate) async fn all(&self) -> Vec<String> {
        let path = |path: PathBuf| path.display().to_string();
        let processes = self.processes().into_iter().map(|line| line.replace('\0', " "));
        let (folders, groups) = (self.folders().into_iter().map(path), self.groups().into_iter().map(path));
        processes.chain(self.containers().await).chain(groups).chain(self.mounts()).chain(folders).collect()
    }

    /// The folders of its runs.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        entries(&self.data.join("runs"))
    }

    /// The command lines of its processes that are no containers.
    pub(crate) fn processes(&self) -> Vec<String> {
        with_argument(&format!("{}-p", self.prefix))
    }

    /// Its containers, also those that have ended.
    pub(crate) async fn containers(&self) -> Vec<String> {
        if !self.with_engine {
            return Vec::new();
        }
        let client = engine::client(engine::host().unwrap());
        let label = format!("spear.prefix={}-d", self.prefix);
        let filters = [("label".to_owned(), vec![label])].into();
        let of_this_node = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = client.list_containers(Some(of_this_node)).await.unwrap();
        containers.into_iter().map(|container| format!("{:?} {:?}", container.names, container.status)).collect()
    }

    /// The control groups of its processes.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let prefix = format!("{}-p", self.prefix);
        below(Path::new("/sys/fs/cgroup"), 6)
            .into_iter()
            .filter(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
            .collect()
    }

    /// What is mounted in its data.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let data = self.data.display().to_string();
        mounts.lines().filter(|line| line.contains(&data)).map(str::to_owned).collect()
    }
}

/// The command lines of what runs on this machine, with this in them.
pub(super) fn with_argument(text: &str) -> Vec<String> {
    let lines = entries(Path::new("/proc")).into_iter().filter_map(|process| fs::read(process.join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(text)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    // What is not there has nothing in it.
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Folders below a folder that others change.
fn below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    folders.flat_map(|folder| [vec![folder.clone()], below(&folder, depth)].concat()).collect()
}
