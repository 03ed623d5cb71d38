//! Content-addressed files, of use without any table.

mod dir;
mod reader;
mod writer;

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use spear_types::Digest;

pub(crate) use self::dir::{Dir, make_dir, sync_dir};
pub use self::{
    reader::BlobReader,
    writer::{BlobWriter, NewBlob},
};
use crate::Error;

/// A directory of blobs: each a file that is named by the SHA-256 of its bytes. A cheap handle.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: Arc<Dir>,
}

impl Blobs {
    /// Opens the directory, which is made where it does not exist, and removes what a crash left half-written.
    ///
    /// # Errors
    /// [`Error::InUse`] while another handle has it open, here or in another process.
    pub async fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = dir.into();
        blocking(move || Ok(Self { dir: Arc::new(Dir::open(root)?) })).await
    }

    /// Begins a blob of up to `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Full`] or a failing disk.
    pub async fn writer(&self, limit: u64) -> Result<BlobWriter, Error> {
        BlobWriter::begin(&self.dir, limit).await
    }

    /// Gives a blob its place, durably: its digest and size. Equal bytes share one file, whoever came first.
    ///
    /// # Errors
    /// [`Error::Full`] or a failing disk; then the blob is gone.
    pub async fn keep(&self, blob: NewBlob) -> Result<(Digest, u64), Error> {
        let dir = Arc::clone(&self.dir);
        blocking(move || {
            let kept = (blob.digest(), blob.size());
            sync_dir(&dir.place(blob)?)?;
            Ok(kept)
        })
        .await
    }

    /// Opens a blob; it can be read to its end even if it is removed meanwhile.
    ///
    /// # Errors
    /// [`Error::UnknownBlob`].
    pub async fn open_read(&self, digest: &Digest) -> Result<BlobReader, Error> {
        let (dir, digest) = (Arc::clone(&self.dir), *digest);
        blocking(move || dir.open_read(&digest)).await
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// [`Error::UnknownBlob`]; [`Error::TooLarge`] when they are more than `max`, before any is read.
    pub async fn read_all(&self, digest: &Digest, max: u64) -> Result<Bytes, Error> {
        self.open_read(digest).await?.read_all(max).await
    }

    /// Whether the blob is here.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn contains(&self, digest: &Digest) -> Result<bool, Error> {
        let path = self.path(digest);
        blocking(move || Ok(path.try_exists()?)).await
    }

    /// The digests of the blobs that are here, at most `limit` of them.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn digests(&self, limit: usize) -> Result<Vec<Digest>, Error> {
        let dir = Arc::clone(&self.dir);
        blocking(move || dir.digests(limit)).await
    }

    /// Where the blob is, or would be.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.path(digest)
    }

    /// Removes a blob; `false` if it was not here.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        let (dir, digest) = (Arc::clone(&self.dir), *digest);
        blocking(move || dir.remove(&digest)).await
    }
}

/// Does what blocks where it may. It goes on to its end even if nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|broken| Error::Io(broken.into()))?
}
