//! Compiled code on disk, by component digest and by what the engine compiles for.
//!
//! Loading compiled code trusts it with the whole process. So the folder and the files are the owner's alone, files
//! appear whole or not at all, and a file is loaded only while it has the SHA-256 that was noted when it was written.

use std::{
    fs::{self, DirBuilder},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use spear_types::Digest;
use tempfile::NamedTempFile;
use wasmtime::component::Component;

/// The folder of compiled code.
pub(crate) struct CompiledCache {
    folder: PathBuf,
}

impl CompiledCache {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let found = fs::metadata(folder)?;
        if !is_ours_alone(&found) {
            let message = format!("{} is not a folder of ours alone: chmod 700, or another folder", folder.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The compiled code of this component for this engine, where there is one and it is sound.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Option<Component> {
        let file = self.file(engine, digest);
        match self.load_checked(engine, &file) {
            Ok(component) => Some(component),
            Err(Miss::Absent) => None,
            Err(Miss::Unsound(reason)) => {
                tracing::warn!(file = %file.display(), reason, "compiled code is not sound: compiling again");
                None
            }
        }
    }

    /// Keeps compiled code. A cache that cannot be written is slow and not wrong: it is logged.
    pub(crate) fn store(&self, engine: &wasmtime::Engine, digest: &Digest, component: &Component) {
        let file = self.file(engine, digest);
        if let Err(reason) = self.write(&file, component) {
            tracing::warn!(file = %file.display(), %reason, "compiled code is not kept");
        }
    }

    fn load_checked(&self, engine: &wasmtime::Engine, file: &Path) -> Result<Component, Miss> {
        let noted = fs::read_to_string(sum_of(file)).map_err(|_| Miss::Absent)?;
        check_owner(file)?;
        let code = fs::read(file).map_err(|_| Miss::Absent)?;
        if Digest::of(&code).to_string() != noted {
            return Err(Miss::Unsound("its SHA-256 is not the one noted".to_owned()));
        }
        #[expect(
            unsafe_code,
            reason = "the file is ours alone and has the SHA-256 of what this engine's compiler wrote"
        )]
        let loaded = unsafe { Component::deserialize_file(engine, file) };
        loaded.map_err(|error| Miss::Unsound(format!("{error:#}")))
    }

    /// The code first, its sum last: a file without a sum is none.
    fn write(&self, file: &Path, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        self.write_whole(file, &code)?;
        self.write_whole(&sum_of(file), Digest::of(&code).to_string().as_bytes())?;
        Ok(())
    }

    fn write_whole(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut temporary = NamedTempFile::new_in(&self.folder)?;
        temporary.write_all(bytes)?;
        temporary.persist(file)?;
        Ok(())
    }

    fn file(&self, engine: &wasmtime::Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

enum Miss {
    Absent,
    Unsound(String),
}

fn sum_of(file: &Path) -> PathBuf {
    file.with_extension("sha256")
}

fn check_owner(file: &Path) -> Result<(), Miss> {
    let found = fs::symlink_metadata(file).map_err(|_| Miss::Absent)?;
    if !found.is_file() || !is_ours_alone(&found) {
        return Err(Miss::Unsound("it is not a file of ours alone".to_owned()));
    }
    Ok(())
}

fn is_ours_alone(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Kept {
        cache: CompiledCache,
        engine: wasmtime::Engine,
        digest: Digest,
        _folder: tempfile::TempDir,
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = CompiledCache::open(&folder.path().join("cwasm")).unwrap();
            let engine = wasmtime::Engine::default();
            let bytes = wat::parse_str("(component)").unwrap();
            let digest = Digest::of(&bytes);
            cache.store(&engine, &digest, &Component::from_binary(&engine, &bytes).unwrap());
            Self { cache, engine, digest, _folder: folder }
        }

        fn file(&self) -> PathBuf {
            self.cache.file(&self.engine, &self.digest)
        }

        fn loads(&self) -> bool {
            self.cache.load(&self.engine, &self.digest).is_some()
        }
    }

    #[test]
    fn what_is_kept_is_loaded_and_readable_by_its_owner_only() {
        let kept = Kept::new();
        assert!(kept.loads());
        assert_eq!(fs::metadata(kept.file()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&kept.cache.folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_changed_or_cut_file_is_not_loaded() {
        let kept = Kept::new();
        let mut code = fs::read(kept.file()).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::write(kept.file(), &code).unwrap();
        assert!(!kept.loads());
        fs::write(kept.file(), &code[..middle]).unwrap();
        assert!(!kept.loads());
    }

    #[test]
    fn a_file_that_others_may_write_is_not_loaded() {
        let kept = Kept::new();
        fs::set_permissions(kept.file(), fs::Permissions::from_mode(0o620)).unwrap();
        assert!(!kept.loads());
    }

    #[test]
    fn code_for_another_engine_is_another_file() {
        let kept = Kept::new();
        let metered = wasmtime::Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap();
        assert!(kept.cache.load(&metered, &kept.digest).is_none());
    }
}
