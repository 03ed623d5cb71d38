//! The store: tables and blobs that change together.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use spear_types::Digest;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    BlobReader, BlobWriter, Error, NewBlob,
    blobs::{Dir, blocking, make_dir, sync_dir},
    database::Tables,
    group::{Job, Line},
    tables::{REFERENCES, THIS_FORM, is_referenced},
};

/// What the SMS remembers. A cheap handle; what a method has answered is durable.
///
/// A change that was begun is completed even if its future is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) disk: Arc<Disk>,
    /// Whose turn it is to change the tables and the blobs together.
    turn: Arc<Mutex<()>>,
    line: Line,
}

/// Both halves. Everything here blocks.
pub(crate) struct Disk {
    pub(crate) tables: Tables,
    pub(crate) blobs: Arc<Dir>,
}

/// A transaction over both halves.
pub(crate) struct Change<'a> {
    pub(crate) tables: &'a WriteTransaction,
    blobs: &'a Dir,
    touched: &'a mut Vec<Digest>,
    /// Directories with new names, to be synced before the commit: once each, however many blobs a batch puts there.
    shelves: &'a mut BTreeSet<PathBuf>,
}

impl Store {
    /// Opens a data directory, made where it does not exist, and removes what a crash left behind.
    ///
    /// # Errors
    /// [`Error::InUse`] while it is open elsewhere; [`Error::Corrupted`] for a file that is not ours.
    pub async fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        let disk = Arc::new(blocking(move || Disk::open(&dir)).await?);
        let turn = Arc::default();
        let line = Line::of(&disk, &turn);
        Ok(Self { disk, turn, line })
    }

    /// Begins a blob of up to `limit` bytes, for [`Store::deploy`] or [`Store::change_objects`].
    ///
    /// # Errors
    /// [`Error::Full`] or a failing disk.
    pub async fn writer(&self, limit: u64) -> Result<BlobWriter, Error> {
        BlobWriter::begin(&self.disk.blobs, limit).await
    }

    /// Opens the artifact of a function version; it can be read to its end even if the function is deleted meanwhile.
    ///
    /// # Errors
    /// [`Error::UnknownBlob`].
    pub async fn open_artifact(&self, digest: &Digest) -> Result<BlobReader, Error> {
        let (disk, digest) = (Arc::clone(&self.disk), *digest);
        blocking(move || disk.blobs.open_read(&digest)).await
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let disk = Arc::clone(&self.disk);
        blocking(move || disk.tables.read(work)).await
    }

    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.line.change(work).await
    }

    /// Until it is dropped, no blob comes to its place and none goes.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }
}

impl Disk {
    fn open(dir: &Path) -> Result<Self, Error> {
        make_dir(dir)?;
        let blobs = Arc::new(Dir::open(dir.join("blobs"))?);
        let tables = Tables::open(dir.join("spear.redb"), &THIS_FORM)?;
        sync_dir(dir)?;
        let disk = Self { tables, blobs };
        disk.sweep()?;
        Ok(disk)
    }

    /// Removes the blobs that a crash left between the moment they came to their place and the commit, or between the
    /// commit and the moment they go.
    fn sweep(&self) -> Result<(), Error> {
        let swept = self.tables.read(|tables| {
            let references = tables.open_table(REFERENCES)?;
            self.blobs.sweep(|digest| is_referenced(&references, digest))
        })?;
        if swept > 0 {
            tracing::info!(swept, "removed blobs that nothing refers to");
        }
        Ok(())
    }

    /// Does all jobs in one transaction. To be called by whose turn it is.
    pub(crate) fn change(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let (mut touched, mut shelves) = (Vec::new(), BTreeSet::new());
        let result = self.tables.write(|tables| {
            let mut change = Change { tables, blobs: &self.blobs, touched: &mut touched, shelves: &mut shelves };
            jobs.iter_mut().try_for_each(|job| job.run(&mut change))?;
            shelves.iter().try_for_each(|shelf| sync_dir(shelf))?;
            Ok(jobs.iter().any(|job| job.wrote()))
        });
        // Whatever came of it, and a failed commit may have come through: the tables say what is to stay.
        if let Err(error) = self.collect(&touched) {
            tracing::warn!(%error, "blobs that nothing refers to stay until the next start");
        }
        result
    }

    /// Removes those of the blobs that nothing refers to.
    fn collect(&self, touched: &[Digest]) -> Result<(), Error> {
        self.tables.read(|tables| {
            let references = tables.open_table(REFERENCES)?;
            for digest in touched {
                if !is_referenced(&references, digest)? {
                    self.blobs.remove(digest)?;
                }
            }
            Ok(())
        })
    }
}

impl Change<'_> {
    /// Puts the blob in its place, with one reference more.
    pub(crate) fn refer(&mut self, blob: NewBlob) -> Result<(), Error> {
        let digest = blob.digest();
        self.touched.push(digest);
        self.shelves.insert(self.blobs.place(blob)?);
        self.count(&digest, |count| count.saturating_add(1))
    }

    /// One reference less.
    pub(crate) fn release(&mut self, digest: Digest) -> Result<(), Error> {
        self.touched.push(digest);
        self.count(&digest, |count| count.saturating_sub(1))
    }

    fn count(&self, digest: &Digest, change: impl FnOnce(u64) -> u64) -> Result<(), Error> {
        let mut references = self.tables.open_table(REFERENCES)?;
        let digest = digest.to_string();
        let count = change(references.get(digest.as_str())?.map_or(0, |count| count.value()));
        if count == 0 {
            references.remove(digest.as_str())?;
        } else {
            references.insert(digest.as_str(), count)?;
        }
        Ok(())
    }
}
