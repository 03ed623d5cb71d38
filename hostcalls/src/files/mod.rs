//! `wasi:filesystem` on granted folders of the node. The guest finds each at `/` and its name, and nothing above it.
//!
//! ```text
//! [spearlet.files]       once per version            once per instance
//! assets = "/srv/assets" ──▶ opened, by its path ──▶ the same handle, as `/assets`
//! ```
//!
//! The path is used once. From then on there is only the open folder: swapping what the path names changes nothing for
//! the versions that have it, and no guest is ever given a path of the host. What is below is opened by the
//! capability-based primitives of cap-std that wasmtime has: a symbolic link or a `..` that leads out of the folder is
//! refused, also where it is put there while it is looked at.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use spear_types::{Access, Code, FolderName, Granted, Refusal};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, filesystem::WasiFilesystemCtx};

/// The folders of the node that functions may be granted, by the names that grants have for them; a cheap clone.
#[derive(Debug, Clone, Default)]
pub struct Folders(Arc<BTreeMap<FolderName, PathBuf>>);

impl Folders {
    /// The folders as the node's operator named them.
    #[must_use]
    pub fn new(folders: BTreeMap<FolderName, PathBuf>) -> Self {
        Self(Arc::new(folders))
    }

    /// Opens what is granted.
    ///
    /// # Errors
    /// `NotGranted` for a folder that the node does not have or cannot open, and for `write` alone.
    pub(crate) fn open(&self, granted: &Granted) -> Result<WasiFilesystemCtx, Refusal> {
        let mut opened = WasiCtxBuilder::new();
        for (name, access) in &granted.effective.files {
            let path = self.0.get(name).ok_or_else(|| absent(name))?;
            let unopened = |error: wasmtime::Error| {
                // The path is the operator's business, not the author's.
                tracing::warn!(folder = %name, path = %path.display(), "cannot open a granted folder: {error:#}");
                unopened(name, &error)
            };
            opened.preopened_dir(path, format!("/{name}"), perms(name, *access)?).map_err(unopened)?;
        }
        Ok(opened.build().filesystem().clone())
    }
}

fn perms(name: &FolderName, access: Access) -> Result<FsPerms, Refusal> {
    match access {
        Access::Read => Ok(FsPerms::ReadOnly),
        Access::ReadWrite => Ok(FsPerms::ReadWrite),
        // In WASI, what may be written may be read.
        Access::Write => Err(Refusal::new(
            Code::NotGranted,
            format!("write access alone to the folder \"{name}\" cannot be enforced, reading comes with it"),
        )
        .help(format!("write [grants.files]\n{name} = \"read-write\""))),
    }
}

fn absent(name: &FolderName) -> Refusal {
    Refusal::new(Code::NotGranted, format!("the node has no folder \"{name}\""))
        .help(format!("the node's configuration has to say where it is:\n[spearlet.files]\n{name} = \"/path\""))
}

fn unopened(name: &FolderName, error: &wasmtime::Error) -> Refusal {
    let message = format!("the node cannot open its folder \"{name}\": {}", error.root_cause());
    Refusal::new(Code::NotGranted, message).help(format!("look at [spearlet.files] {name} in the node's configuration"))
}

#[cfg(test)]
mod tests {
    use spear_types::Grants;

    use super::*;

    fn refused(folders: &[(&str, &str)], access: Access) -> Refusal {
        let folders = folders.iter().map(|(name, path)| (name.parse().unwrap(), PathBuf::from(path))).collect();
        let grants = Grants { files: [("assets".parse().unwrap(), access)].into(), ..Grants::default() };
        Folders::new(folders).open(&Granted::all(grants)).err().unwrap()
    }

    #[test]
    fn a_folder_that_the_node_does_not_have_is_refused_with_the_line_of_its_configuration() {
        let refusal = refused(&[], Access::Read);
        assert!(refusal.help.unwrap().contains("[spearlet.files]\nassets = "));
        let refusal = refused(&[("assets", "/no/such/folder")], Access::Read);
        assert!(refusal.message.contains("\"assets\"") && !refusal.to_string().contains("/no/such"), "{refusal}");
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = std::env::current_exe().unwrap();
        assert_eq!(refused(&[("assets", file.to_str().unwrap())], Access::Read).code, Code::NotGranted);
    }

    #[test]
    fn write_alone_is_refused_with_what_to_write() {
        let refusal = refused(&[("assets", "/")], Access::Write);
        assert!(refusal.help.unwrap().contains("assets = \"read-write\""));
    }
}
