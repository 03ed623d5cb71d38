//! What a project's ways to run it are made of: components as they were built, folders as archives.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use spear_types::{Artifact, Code, Implementation, Refusal, manifest::Run, manifest::Source};

use super::{Project, below};

/// An implementation with the bytes that go to the SMS for it.
pub(crate) struct Built {
    pub(crate) implementation: Implementation,
    pub(crate) bytes: Bytes,
}

impl Project {
    /// Every way to run it, in order.
    ///
    /// # Errors
    /// When a component was not built, or a folder cannot be read or has what no archive for a node may have.
    pub(crate) fn implementations(&self) -> Result<Vec<Built>, Refusal> {
        self.manifest.run.iter().map(|run| self.implementation(run)).collect()
    }

    fn implementation(&self, run: &Run) -> Result<Built, Refusal> {
        let bytes: Bytes = match run.source() {
            Source::Component(path) => read(&below(&self.folder, path))?.into(),
            Source::Files(path) => archive(&below(&self.folder, path))?.into(),
            Source::None => Bytes::new(),
        };
        let artifact = (run.source() != Source::None).then(|| Artifact::of(&bytes));
        Ok(Built { implementation: run.implementation(artifact)?, bytes })
    }
}

/// A component's bytes.
///
/// # Errors
/// When it was not built.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Refusal> {
    fs::read(file).map_err(|error| {
        Refusal::new(Code::InvalidComponent, format!("cannot read the component {}: {error}", file.display()))
            .help("build it with `spear build`")
    })
}

/// The files of a folder as a tar archive: the same files make the same bytes, whoever packs them and when.
fn archive(folder: &Path) -> Result<Vec<u8>, Refusal> {
    let failed = |error| {
        Refusal::new(Code::InvalidManifest, format!("cannot pack the files in {}: {error}", folder.display()))
            .help("`files` names a folder beside spear.toml; `spear build` runs the `build` command that fills it")
    };
    let mut paths = Vec::new();
    list(folder, Path::new(""), &mut paths).map_err(failed)?;
    paths.sort();
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    for path in &paths {
        archive.append_path_with_name(folder.join(path), path).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

/// The files below a folder, relative to it.
fn list(folder: &Path, below: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            list(folder, &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        } else {
            let message = format!("{} is neither a file nor a folder", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive_and_a_link_makes_none() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&one, &other] {
            fs::create_dir(folder.path().join("lib")).unwrap();
            fs::write(folder.path().join("lib/b.py"), "b").unwrap();
            fs::write(folder.path().join("main.py"), "a").unwrap();
        }
        let packed = archive(one.path()).unwrap();
        assert_eq!(packed, archive(other.path()).unwrap());
        let mut read = tar::Archive::new(packed.as_slice());
        let names = read.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["lib/b.py", "main.py"]);
        std::os::unix::fs::symlink("/etc/passwd", one.path().join("link")).unwrap();
        assert!(archive(one.path()).unwrap_err().message.contains("link is neither a file nor a folder"));
        assert!(archive(&one.path().join("nothing")).is_err());
    }
}
