//! A blob in the making.

use std::{
    io::{self, Write},
    mem,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use spear_types::{Digest, Hasher};
use tempfile::{NamedTempFile, TempPath};

use super::{Dir, blocking};
use crate::Error;

/// What is gathered before the disk is bothered: a guest may write byte by byte.
const BUFFER: usize = 256 << 10;

/// Takes in a blob's bytes. Dropped before it is finished, it leaves nothing.
pub struct BlobWriter {
    /// None after a failure, or when a write was given up half-way.
    partial: Option<Partial>,
    buffer: Vec<u8>,
    size: u64,
    limit: u64,
}

/// A blob whose bytes are durable, still without a place. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct NewBlob {
    temp: TempPath,
    digest: Digest,
    size: u64,
}

struct Partial {
    temp: NamedTempFile,
    hasher: Hasher,
}

impl BlobWriter {
    pub(crate) async fn begin(dir: &Arc<Dir>, limit: u64) -> Result<Self, Error> {
        let dir = Arc::clone(dir);
        let partial = blocking(move || Ok(Partial { temp: dir.temporary()?, hasher: Hasher::default() })).await?;
        Ok(Self { partial: Some(partial), buffer: Vec::new(), size: 0, limit })
    }

    /// Takes in the next piece, of any size.
    ///
    /// # Errors
    /// [`Error::TooLarge`] as soon as all pieces together are over the limit, [`Error::Full`], or a failing disk. The
    /// file is gone then and the writer takes nothing more.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit {
            self.partial = None;
            return Err(Error::TooLarge { limit: self.limit });
        }
        if self.buffer.len() + bytes.len() > BUFFER {
            return self.flush(bytes).await;
        }
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// As with [`BlobWriter::write`].
    pub async fn finish(mut self) -> Result<NewBlob, Error> {
        let mut partial = self.partial()?;
        blocking(move || {
            partial.append(&self.buffer)?;
            partial.temp.as_file().sync_all()?;
            Ok(NewBlob { temp: partial.temp.into_temp_path(), digest: partial.hasher.finish(), size: self.size })
        })
        .await
    }

    /// Writes what is gathered, and `bytes` after it without a copy.
    async fn flush(&mut self, bytes: Bytes) -> Result<(), Error> {
        let (mut partial, mut buffer) = (self.partial()?, mem::take(&mut self.buffer));
        let work = blocking(move || {
            partial.append(&buffer)?;
            partial.append(&bytes)?;
            buffer.clear();
            Ok((partial, buffer))
        });
        let (partial, buffer) = work.await?;
        (self.partial, self.buffer) = (Some(partial), buffer);
        Ok(())
    }

    fn partial(&mut self) -> Result<Partial, Error> {
        self.partial
            .take()
            .ok_or_else(|| Error::Io(io::Error::other("an earlier write of this blob was not completed")))
    }
}

impl NewBlob {
    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its bytes, to be looked at before it is given a place.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn read(&self) -> Result<Bytes, Error> {
        let path = self.temp.to_path_buf();
        blocking(move || Ok(std::fs::read(path)?.into())).await
    }

    pub(super) fn persist(self, path: &Path) -> Result<(), Error> {
        self.temp.persist(path).map_err(|failed| failed.error.into())
    }
}

impl Partial {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.temp.as_file_mut().write_all(bytes)
    }
}
