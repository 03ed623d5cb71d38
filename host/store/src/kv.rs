//! Key-value stores: small versioned values.

mod apply;
mod record;

use std::ops::Bound;

use redb::ReadTransaction;
use spear_types::{KvChange, KvChanged, KvEntry, KvKey, KvPage, StoreName};

use self::apply::apply;
use crate::{Error, Store, tables::VALUES};

impl Store {
    /// The values of up to [`KvChange::MAX_BATCH`] keys, in their order, as of one moment.
    ///
    /// # Errors
    /// [`Error::TooManyOperations`]; [`Error::TooManyBytes`] when they are over [`KvChange::MAX_BYTES`] in all.
    pub async fn values(&self, store: &StoreName, keys: Vec<KvKey>) -> Result<Vec<Option<KvEntry>>, Error> {
        check_count(keys.len())?;
        let store = store.clone();
        self.read(move |tables| values(tables, &store, &keys)).await
    }

    /// Makes up to [`KvChange::MAX_BATCH`] changes, of which each sees what those before it did; all of them or none.
    ///
    /// Each value that is written gets a version that no other ever had or will have.
    ///
    /// # Errors
    /// [`Error::ConditionFailed`], [`Error::NotANumber`], [`Error::ValueTooLarge`], [`Error::TooManyBytes`],
    /// [`Error::TooManyOperations`]; [`Error::Full`] or a failing disk. Nothing has changed then.
    pub async fn change_values(&self, store: &StoreName, changes: Vec<KvChange>) -> Result<Vec<KvChanged>, Error> {
        check_count(changes.len())?;
        let mut room = Room::new();
        for change in &changes {
            check_size(store, change)?;
            room.take(change.key(), value(change))?;
        }
        let store = store.clone();
        self.change(move |change| apply(change, &store, changes)).await
    }

    /// The values of a store whose keys begin with `prefix`, in the order of their keys' bytes, from the first one
    /// behind `after` on; 1 to [`KvPage::MAX`] of them, as `limit` has it, and [`KvChange::MAX_BYTES`] at the most.
    /// A store that was never written to is empty.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn list_values(
        &self,
        store: &StoreName,
        prefix: &str,
        after: Option<&KvKey>,
        limit: u32,
    ) -> Result<KvPage, Error> {
        let (store, prefix, after) = (store.clone(), prefix.to_owned(), after.cloned());
        let limit = limit.clamp(1, KvPage::MAX) as usize;
        self.read(move |tables| list(tables, &store, &prefix, after.as_ref(), limit)).await
    }
}

/// What of [`KvChange::MAX_BYTES`] is left.
struct Room(usize);

impl Room {
    fn new() -> Self {
        Self(KvChange::MAX_BYTES)
    }

    fn take(&mut self, key: &KvKey, value: &[u8]) -> Result<(), Error> {
        let left = self.0.checked_sub(key.as_str().len() + value.len());
        self.0 = left.ok_or(Error::TooManyBytes { limit: KvChange::MAX_BYTES })?;
        Ok(())
    }
}

fn check_count(count: usize) -> Result<(), Error> {
    let limit = KvChange::MAX_BATCH;
    if count > limit { Err(Error::TooManyOperations { count, limit }) } else { Ok(()) }
}

fn check_size(store: &StoreName, change: &KvChange) -> Result<(), Error> {
    let (size, limit) = (value(change).len(), KvEntry::MAX_VALUE);
    if size > limit {
        return Err(Error::ValueTooLarge { store: store.clone(), key: change.key().clone(), size, limit });
    }
    Ok(())
}

/// The bytes that a change brings.
fn value(change: &KvChange) -> &[u8] {
    match change {
        KvChange::Put { value, .. } => value,
        KvChange::Delete { .. } | KvChange::Increment { .. } => &[],
    }
}

fn values(tables: &ReadTransaction, store: &StoreName, keys: &[KvKey]) -> Result<Vec<Option<KvEntry>>, Error> {
    let (values, mut room) = (tables.open_table(VALUES)?, Room::new());
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let record = values.get((store.as_str(), key.as_str()))?;
        let entry = record.map(|record| record::decode(record.value())).transpose()?;
        room.take(key, entry.as_ref().map_or(&[], |entry| &entry.value))?;
        found.push(entry);
    }
    Ok(found)
}

fn list(
    tables: &ReadTransaction,
    store: &StoreName,
    prefix: &str,
    after: Option<&KvKey>,
    limit: usize,
) -> Result<KvPage, Error> {
    let start = match after {
        Some(after) if after.as_str() >= prefix => Bound::Excluded((store.as_str(), after.as_str())),
        _ => Bound::Included((store.as_str(), prefix)),
    };
    let (mut page, mut room) = (KvPage::default(), Room::new());
    for entry in tables.open_table(VALUES)?.range((start, Bound::Unbounded))? {
        let (at, record) = entry?;
        let (found, key) = at.value();
        if found != store.as_str() || !key.starts_with(prefix) {
            break;
        }
        let (key, value) = (record::key(key)?, record::decode(record.value())?);
        if page.entries.len() == limit || room.take(&key, &value.value).is_err() {
            page.next = page.entries.last().map(|(key, _)| key.clone());
            break;
        }
        page.entries.push((key, value));
    }
    Ok(page)
}
