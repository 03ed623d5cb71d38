//! The files of a directory of blobs. Everything here blocks.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use spear_types::Digest;
use tempfile::NamedTempFile;

use super::{BlobReader, NewBlob};
use crate::{Error, error::at};

/// Where files in the making are.
const TMP: &str = "tmp";

/// An open directory of blobs.
#[derive(Debug)]
pub(crate) struct Dir {
    root: PathBuf,
    /// Held as long as the directory is open: another process would empty `tmp` under our feet.
    _lock: File,
}

impl Dir {
    /// See [`super::Blobs::open`].
    pub(crate) fn open(root: PathBuf) -> Result<Self, Error> {
        let tmp = root.join(TMP);
        make_dir(&tmp)?;
        let lock = File::open(&root).map_err(at(&root))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { dir: root }),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        for leftover in fs::read_dir(&tmp).map_err(at(&tmp))? {
            let leftover = leftover?.path();
            fs::remove_file(&leftover).map_err(at(&leftover))?;
        }
        Ok(Self { root, _lock: lock })
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(name)
    }

    /// A new file that is removed on drop, open to its owner only.
    pub(super) fn temporary(&self) -> Result<NamedTempFile, Error> {
        Ok(NamedTempFile::new_in(self.root.join(TMP))?)
    }

    /// Moves a blob to its place, which is durable once its shelf is [synced](sync_dir): the shelf. It replaces equal
    /// bytes: one that is there may not be durable yet.
    pub(crate) fn place(&self, blob: NewBlob) -> Result<PathBuf, Error> {
        let path = self.path(&blob.digest());
        let shelf = path.parent().unwrap_or(&self.root);
        if !shelf.try_exists()? {
            make_dir(shelf)?;
            sync_dir(&self.root)?;
        }
        blob.persist(&path)?;
        Ok(shelf.to_owned())
    }

    pub(crate) fn open_read(&self, digest: &Digest) -> Result<BlobReader, Error> {
        match File::open(self.path(digest)) {
            Ok(file) => BlobReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::UnknownBlob { digest: *digest }),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        match fs::remove_file(self.path(digest)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The digests of at most `limit` blobs.
    pub(crate) fn digests(&self, limit: usize) -> Result<Vec<Digest>, Error> {
        let mut found = Vec::new();
        self.each(|digest| {
            found.push(digest);
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }

    /// Removes every blob that is not `wanted`, and says how many.
    pub(crate) fn sweep(&self, wanted: impl Fn(&Digest) -> Result<bool, Error>) -> Result<u64, Error> {
        let mut swept = 0;
        self.each(|digest| {
            if !wanted(&digest)? {
                swept += u64::from(self.remove(&digest)?);
            }
            Ok(true)
        })?;
        Ok(swept)
    }

    /// Visits every blob, as long as the visitor wants to go on. Files that are no blobs are not ours.
    fn each(&self, mut visit: impl FnMut(Digest) -> Result<bool, Error>) -> Result<(), Error> {
        for shelf in fs::read_dir(&self.root)? {
            let shelf = shelf?;
            if !shelf.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(shelf.path())? {
                let Some(digest) = file?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                if !visit(digest)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Makes a directory that only its owner may enter, with all above it, unless it exists.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
