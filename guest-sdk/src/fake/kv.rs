//! `spear:hostcalls/kv`: grant, names and limits before the store.

use std::{cell::RefMut, fmt};

use spear_types::{Access, InvalidName, KvChange, KvEntry, KvKey, KvPage, StoreName};

use super::{
    Shared, World, current,
    values::{self, Changed},
};
pub(crate) use crate::bindings::spear::hostcalls::kv::{Change, Entry, Error, Expected, Page};

/// A handle to a store.
pub(crate) struct Store {
    name: StoreName,
    world: Shared,
}

impl Store {
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let shared = current();
        let mut world = shared.borrow_mut();
        world.hostcalls += 1;
        let name: StoreName = name.parse().map_err(invalid)?;
        let need = world.granted.opening_store(&name);
        world.check(|grants| grants.kv(&name, need)).map_err(Error::Denied)?;
        world.open().map_err(Error::OverLimit)?;
        drop(world);
        Ok(Self { name, world: shared })
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        Ok(self.get_many(&[key.to_owned()])?.into_iter().next().flatten())
    }

    pub(crate) fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Entry>>, Error> {
        let world = self.allow(Access::Read)?;
        few(keys.len(), "keys")?;
        let keys = keys.iter().map(|key| key.parse().map_err(invalid)).collect::<Result<Vec<KvKey>, _>>()?;
        let values = world.stores.get(&self.name);
        let entries: Vec<_> = keys.iter().map(|key| values.and_then(|values| values.get(key)).cloned()).collect();
        let size: usize = entries.iter().flatten().map(|entry| entry.value.len()).sum();
        answerable(&world, size, size + keys.iter().map(|key| key.as_str().len()).sum::<usize>())?;
        Ok(entries)
    }

    pub(crate) fn put(&self, key: &str, value: &[u8], expected: Expected) -> Result<u64, Error> {
        match self.one(Change::Put((key.to_owned(), value.to_vec(), expected)))? {
            Changed::Put(version) => Ok(version),
            Changed::Deleted(_) | Changed::Incremented(_) => Ok(0),
        }
    }

    pub(crate) fn delete(&self, key: &str, expected: Expected) -> Result<bool, Error> {
        Ok(self.one(Change::Delete((key.to_owned(), expected)))? == Changed::Deleted(true))
    }

    pub(crate) fn increment(&self, key: &str, by: i64) -> Result<i64, Error> {
        match self.one(Change::Increment((key.to_owned(), by)))? {
            Changed::Incremented(number) => Ok(number),
            Changed::Put(_) | Changed::Deleted(_) => Ok(0),
        }
    }

    pub(crate) fn apply(&self, changes: &[Change]) -> Result<(), Error> {
        self.change(changes).map(drop)
    }

    pub(crate) fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Page, Error> {
        let world = self.allow(Access::Read)?;
        short(prefix, "the prefix")?;
        short(after.unwrap_or_default(), "`after`")?;
        let listed = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let values = world.stores.get(&self.name).into_iter().flatten();
        page(
            values.filter(|(key, _)| listed(key.as_str())),
            limit,
            world.limits.payload.min(KvChange::MAX_BYTES as u64),
        )
    }

    fn one(&self, change: Change) -> Result<Changed, Error> {
        let changed = self.change(&[change])?.into_iter().next();
        changed.ok_or_else(|| Error::Unavailable("the store did not say what it changed".to_owned()))
    }

    fn change(&self, changes: &[Change]) -> Result<Vec<Changed>, Error> {
        let mut world = self.allow(changes.iter().map(need).reduce(Access::and).unwrap_or(Access::Write))?;
        few(changes.len(), "changes")?;
        let changes = changes.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let sizes = changes.iter().map(size).collect::<Result<Vec<_>, _>>()?;
        let (all, limit) = (sizes.iter().sum::<usize>(), KvChange::MAX_BYTES);
        if all > limit {
            return Err(Error::OverLimit(format!("the changes have {all} bytes, the limit for a batch is {limit}")));
        }
        world.stores.apply(&self.name, changes)
    }

    /// The world, for a use that is granted.
    fn allow(&self, need: Access) -> Result<RefMut<'_, World>, Error> {
        let mut world = self.world.borrow_mut();
        world.hostcalls += 1;
        world.check(|grants| grants.kv(&self.name, need)).map_err(Error::Denied)?;
        Ok(world)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.world.borrow_mut().handles -= 1;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.name).finish()
    }
}

/// A page of at most `limit` values and `room` bytes.
fn page<'a>(values: impl Iterator<Item = (&'a KvKey, &'a Entry)>, limit: u32, mut room: u64) -> Result<Page, Error> {
    let (limit, max) = (limit.clamp(1, KvPage::MAX) as usize, room);
    let mut page = Page { entries: Vec::new(), next: None };
    for (key, entry) in values {
        let left = room.checked_sub((key.as_str().len() + entry.value.len()) as u64);
        if page.entries.len() == limit || left.is_none() {
            page.next = page.entries.last().map(|(key, _): &(String, Entry)| key.clone());
            let alone = || format!("the next value alone is over the limit `payload` of {max} bytes");
            return if page.next.is_some() { Ok(page) } else { Err(Error::OverLimit(alone())) };
        }
        room = left.unwrap_or_default();
        page.entries.push((key.to_string(), entry.clone()));
    }
    Ok(page)
}

/// The access that a change needs: who adds to a number learns of it.
fn need(change: &Change) -> Access {
    match change {
        Change::Put(_) | Change::Delete(_) => Access::Write,
        Change::Increment(_) => Access::ReadWrite,
    }
}

fn change(change: &Change) -> Result<values::Change, Error> {
    Ok(match change {
        Change::Put((key, value, expected)) => {
            values::Change::Put { key: key.parse().map_err(invalid)?, value: value.clone(), expected: *expected }
        }
        Change::Delete((key, expected)) => {
            values::Change::Delete { key: key.parse().map_err(invalid)?, expected: *expected }
        }
        Change::Increment((key, by)) => values::Change::Increment { key: key.parse().map_err(invalid)?, by: *by },
    })
}

/// What a change carries out of the function; its value is within its limit.
fn size(change: &values::Change) -> Result<usize, Error> {
    let (key, value) = match change {
        values::Change::Put { key, value, .. } => (key, value.len()),
        values::Change::Delete { key, .. } | values::Change::Increment { key, .. } => (key, 0),
    };
    let (limit, name) = (KvEntry::MAX_VALUE, key.as_str());
    if value > limit {
        return Err(Error::OverLimit(format!("the value of {name:?} has {value} bytes, the limit is {limit}")));
    }
    Ok(name.len() + value)
}

fn few(count: usize, what: &str) -> Result<(), Error> {
    let limit = KvChange::MAX_BATCH;
    if count > limit {
        return Err(Error::OverLimit(format!("{count} {what} are over the limit of {limit} for a batch")));
    }
    Ok(())
}

fn short(text: &str, what: &str) -> Result<(), Error> {
    match text.len() {
        length if length > KvKey::MAX => {
            Err(Error::Invalid(format!("{what} has {length} bytes, the limit is {}", KvKey::MAX)))
        }
        _ => Ok(()),
    }
}

/// Whether one call answers values of `size` bytes, `all` with their keys.
fn answerable(world: &World, size: usize, all: usize) -> Result<(), Error> {
    let (most, limit) = (KvChange::MAX_BYTES, world.limits.payload);
    if all > most {
        return Err(Error::OverLimit(format!("the keys and values of one call have more than {most} bytes in all")));
    }
    if size as u64 > limit {
        return Err(Error::OverLimit(format!("the values have {size} bytes, the limit `payload` is {limit}")));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it")]
fn invalid(name: InvalidName) -> Error {
    Error::Invalid(name.to_string())
}
