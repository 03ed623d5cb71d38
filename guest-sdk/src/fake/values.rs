//! Values as the SMS keeps them.

use std::collections::BTreeMap;

use spear_types::{KvKey, StoreName};

use crate::bindings::spear::hostcalls::kv::{Entry, Error, Expected};

/// Every store.
#[derive(Default)]
pub(crate) struct Stores {
    stores: BTreeMap<StoreName, Values>,
    /// The last version that was given, of all stores.
    last: u64,
}

pub(crate) type Values = BTreeMap<KvKey, Entry>;

/// One change.
pub(crate) enum Change {
    Put { key: KvKey, value: Vec<u8>, expected: Expected },
    Delete { key: KvKey, expected: Expected },
    Increment { key: KvKey, by: i64 },
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Put(u64),
    Deleted(bool),
    Incremented(i64),
}

impl Stores {
    /// The values of a store; one that was never written to has none.
    pub(crate) fn get(&self, store: &StoreName) -> Option<&Values> {
        self.stores.get(store)
    }

    /// Makes all changes or none; what came of each.
    pub(crate) fn apply(
        &mut self,
        store: &StoreName,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Vec<Changed>, Error> {
        let (mut values, mut last) = (self.stores.get(store).cloned().unwrap_or_default(), self.last);
        let changed = changes.into_iter().map(|change| apply(&mut values, &mut last, store, change));
        let changed = changed.collect::<Result<_, _>>()?;
        self.stores.insert(store.clone(), values);
        self.last = last;
        Ok(changed)
    }
}

fn apply(values: &mut Values, last: &mut u64, store: &StoreName, change: Change) -> Result<Changed, Error> {
    let mut set = |values: &mut Values, key, value| {
        *last += 1;
        values.insert(key, Entry { value, version: *last });
        *last
    };
    match change {
        Change::Put { key, value, expected } => {
            check(values.get(&key), expected)?;
            Ok(Changed::Put(set(values, key, value)))
        }
        Change::Delete { key, expected } => {
            check(values.get(&key), expected)?;
            Ok(Changed::Deleted(values.remove(&key).is_some()))
        }
        Change::Increment { key, by } => {
            let number = sum(values.get(&key), by)
                .map_err(|problem| Error::NotANumber(format!("the value {store}/{key} {problem}")))?;
            set(values, key, number.to_string().into_bytes());
            Ok(Changed::Incremented(number))
        }
    }
}

fn check(found: Option<&Entry>, expected: Expected) -> Result<(), Error> {
    let version = found.map(|found| found.version);
    let met = match expected {
        Expected::Anything => true,
        Expected::Absent => version.is_none(),
        Expected::Version(wanted) => version == Some(wanted),
    };
    if met { Ok(()) } else { Err(Error::Conflict(version)) }
}

/// What a number is after an increment; an absent one counts as 0.
fn sum(found: Option<&Entry>, by: i64) -> Result<i64, String> {
    let text = |entry: &Entry| str::from_utf8(&entry.value).ok().and_then(|text| text.parse().ok());
    let number: i64 = match found {
        None => 0,
        Some(entry) => text(entry).ok_or("is not the decimal text of a 64-bit number")?,
    };
    number.checked_add(by).ok_or_else(|| format!("is {number}: {by} more leaves the range of a 64-bit number"))
}
