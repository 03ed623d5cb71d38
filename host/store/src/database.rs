//! A file of redb that outlives its failures. Everything here blocks.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use tokio::sync::RwLock;

use crate::{Error, error::at};

/// One row: the form of all the other tables.
const FORM: TableDefinition<(), u32> = TableDefinition::new("form");

/// What redb may hold of a file in memory: its own default is 1 GiB.
const CACHE: usize = 32 << 20;

/// What is in a file.
pub(crate) struct Form {
    /// The number of the form that this program reads and writes.
    pub(crate) number: u32,
    /// Makes the tables of a new file.
    pub(crate) tables: fn(&WriteTransaction) -> Result<(), Error>,
    /// What is to be done about a file of another form.
    pub(crate) help: &'static str,
}

/// The open database.
pub(crate) struct Tables {
    path: PathBuf,
    /// None after a failure that could not be mended yet.
    database: RwLock<Option<Database>>,
}

impl Tables {
    /// Opens the file, made where it does not exist. One of another form is refused before anything is read from it.
    pub(crate) fn open(path: PathBuf, form: &Form) -> Result<Self, Error> {
        let database = open_database(&path)?;
        let tables = Self { path, database: RwLock::new(Some(database)) };
        tables.write(|transaction| form.check(transaction).map(|()| true))?;
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

impl Form {
    /// Makes the tables of a new file, and refuses one of another form.
    fn check(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        let Self { number, tables, help } = self;
        let mut form = transaction.open_table(FORM)?;
        let found = form.get(())?.map_or(*number, |form| form.value());
        if found != *number {
            return Err(Error::Corrupted(format!(
                "the tables have the form {found}, this program knows {number} only; {help}"
            )));
        }
        form.insert((), number)?;
        tables(transaction)
    }
}

fn open_database(path: &Path) -> Result<Database, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(at(path))?;
    match Database::builder().set_cache_size(CACHE).create_file(file) {
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(Error::InUse { dir: path.to_owned() }),
        opened => Ok(opened?),
    }
}
