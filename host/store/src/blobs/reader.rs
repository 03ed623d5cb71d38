//! A blob's bytes, piece by piece.

use std::{fs::File, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;

use super::blocking;
use crate::Error;

/// What one read takes from the disk at the most.
const CHUNK: u64 = 256 << 10;

/// Reads an open blob, or a range of it. Overwriting or deleting it meanwhile does not disturb the reader.
#[derive(Debug)]
pub struct BlobReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl BlobReader {
    pub(super) fn new(file: File) -> Result<Self, Error> {
        let end = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), at: 0, end })
    }

    /// Bytes still to be read.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.end - self.at
    }

    /// Only `length` bytes from `offset` on of what is left, or as many of them as there are.
    #[must_use]
    pub fn range(self, offset: u64, length: Option<u64>) -> Self {
        let at = self.at.saturating_add(offset).min(self.end);
        let end = length.map_or(self.end, |length| at.saturating_add(length).min(self.end));
        Self { at, end, ..self }
    }

    /// The next piece, up to 256 KiB; none at the end. After an error it can be asked for again.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let length = self.left().min(CHUNK);
        if length == 0 {
            return Ok(None);
        }
        let bytes = self.read(length).await?;
        self.at += length;
        Ok(Some(bytes))
    }

    /// All that is left, at once.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it is more than `max` bytes, before any is read; a failing disk.
    pub async fn read_all(self, max: u64) -> Result<Bytes, Error> {
        if self.left() > max {
            return Err(Error::TooLarge { limit: max });
        }
        self.read(self.left()).await
    }

    async fn read(&self, length: u64) -> Result<Bytes, Error> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        blocking(move || {
            let mut bytes = vec![0; usize::try_from(length).map_err(|_| Error::TooLarge { limit: usize::MAX as u64 })?];
            file.read_exact_at(&mut bytes, at)?;
            Ok(bytes.into())
        })
        .await
    }
}
