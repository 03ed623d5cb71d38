//! The tables, in one file of redb. Everything here blocks.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};
use spear_types::Digest;
use tokio::sync::RwLock;

use crate::{Error, error::at};

/// A record: a value of `spear-types` as JSON.
pub(crate) type Record = &'static [u8];

/// Name and version → `FunctionVersion`.
pub(crate) const FUNCTIONS: TableDefinition<(&str, u32), Record> = TableDefinition::new("functions");
/// Name → the last version number that was given. It outlives the function: a number is never given twice.
pub(crate) const NUMBERS: TableDefinition<&str, u32> = TableDefinition::new("numbers");
/// The buckets that ever had a put.
pub(crate) const BUCKETS: TableDefinition<&str, ()> = TableDefinition::new("buckets");
/// Bucket and key → `ObjectInfo`. A pair compares bucket first: no prefix of a key reaches into the next bucket.
pub(crate) const OBJECTS: TableDefinition<(&str, &str), Record> = TableDefinition::new("objects");
/// Digest → how many functions and objects refer to the blob, at least 1.
pub(crate) const REFERENCES: TableDefinition<&str, u64> = TableDefinition::new("references");
/// Store and key → version and value, see `kv`. A pair compares store first, as with objects.
pub(crate) const VALUES: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("values");
/// One row: the last version that a value was given. It never goes back.
pub(crate) const LAST_VERSION: TableDefinition<(), u64> = TableDefinition::new("last value version");
/// One row: the form of all the others.
const FORM: TableDefinition<(), u32> = TableDefinition::new("form");

/// The form that this program reads and writes.
const THIS_FORM: u32 = 2;

/// What redb may hold of the file in memory: its own default is 1 GiB.
const CACHE: usize = 32 << 20;

/// The open database.
pub(crate) struct Tables {
    path: PathBuf,
    /// None after a failure that could not be mended yet.
    database: RwLock<Option<Database>>,
}

impl Tables {
    /// Opens the file, made where it does not exist.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let database = open_database(&path)?;
        let tables = Self { path, database: RwLock::new(Some(database)) };
        tables.write(check_form)?;
        Ok(tables)
    }

    /// Reads one state of the tables, whatever is written meanwhile.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, Error>) -> Result<T, Error> {
        self.attempt(|database| work(&database.begin_read()?))
    }

    /// Writes all that `work` does, durably, or nothing if it fails. `work` says whether there is something to write.
    pub(crate) fn write(&self, work: impl FnOnce(&WriteTransaction) -> Result<bool, Error>) -> Result<(), Error> {
        self.attempt(|database| {
            let transaction = database.begin_write()?;
            if work(&transaction)? { Ok(transaction.commit()?) } else { Ok(transaction.abort()?) }
        })
    }

    fn attempt<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, Error> {
        if self.database.blocking_read().is_none() {
            self.mend()?;
        }
        let closed = || Err(Error::Database(redb::Error::DatabaseClosed));
        let result = self.database.blocking_read().as_ref().map_or_else(closed, work);
        if matches!(result, Err(Error::Full | Error::Io(_) | Error::Database(_)))
            && let Err(error) = self.mend()
        {
            tracing::error!(%error, path = %self.path.display(), "the database cannot be opened again yet");
        }
        result
    }

    /// After one failed read or write, a full disk say, redb refuses everything until it is opened anew.
    fn mend(&self) -> Result<(), Error> {
        let mut database = self.database.blocking_write();
        if database.as_ref().is_none_or(|database| database.begin_write().is_err()) {
            // The old one goes first: it holds the lock on the file.
            *database = None;
            *database = Some(open_database(&self.path)?);
        }
        Ok(())
    }
}

/// Whether a function or an object refers to the blob.
pub(crate) fn is_referenced(
    references: &impl ReadableTable<&'static str, u64>,
    digest: &Digest,
) -> Result<bool, Error> {
    Ok(references.get(digest.to_string().as_str())?.is_some())
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    Ok(serde_json::to_vec(value)?)
}

pub(crate) fn decode<T: DeserializeOwned>(record: &[u8]) -> Result<T, Error> {
    Ok(serde_json::from_slice(record)?)
}

fn open_database(path: &Path) -> Result<Database, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(at(path))?;
    Ok(Database::builder().set_cache_size(CACHE).create_file(file)?)
}

/// Makes the tables of a new file, and refuses one of another form before anything is read or swept by it.
fn check_form(transaction: &WriteTransaction) -> Result<bool, Error> {
    let mut form = transaction.open_table(FORM)?;
    let found = form.get(())?.map_or(THIS_FORM, |form| form.value());
    if found != THIS_FORM {
        return Err(Error::Corrupted(format!(
            "the tables have the form {found}, this program knows {THIS_FORM} only; start with another data folder and deploy again"
        )));
    }
    form.insert((), THIS_FORM)?;
    transaction.open_table(FUNCTIONS)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(BUCKETS)?;
    transaction.open_table(OBJECTS)?;
    transaction.open_table(REFERENCES)?;
    transaction.open_table(VALUES)?;
    transaction.open_table(LAST_VERSION)?;
    Ok(true)
}
