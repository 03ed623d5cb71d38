//! The tables of what can be deployed, put and set.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};
use spear_types::Digest;

use crate::{Error, database::Form};

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

/// The form of the tables above.
pub(crate) const THIS_FORM: Form =
    Form { number: 2, tables: make, help: "start with another data folder and deploy again" };

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

fn make(transaction: &WriteTransaction) -> Result<(), Error> {
    transaction.open_table(FUNCTIONS)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(BUCKETS)?;
    transaction.open_table(OBJECTS)?;
    transaction.open_table(REFERENCES)?;
    transaction.open_table(VALUES)?;
    transaction.open_table(LAST_VERSION)?;
    Ok(())
}
