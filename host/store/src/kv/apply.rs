//! Changes of values: first all is decided, then all is written.

use std::collections::BTreeMap;

use bytes::Bytes;
use redb::{ReadableTable, Table};
use spear_types::{Expected, KvChange, KvChanged, KvEntry, KvKey, StoreName};

use super::record;
use crate::{
    Error,
    store::Change,
    tables::{LAST_VERSION, VALUES},
};

/// What will be when all is written.
struct Plan<'a> {
    store: &'a StoreName,
    values: Table<'a, (&'static str, &'static str), &'static [u8]>,
    /// The last version that was given.
    last: u64,
    decided: BTreeMap<KvKey, Option<KvEntry>>,
}

pub(super) fn apply(
    change: &mut Change<'_>,
    store: &StoreName,
    changes: Vec<KvChange>,
) -> Result<Vec<KvChanged>, Error> {
    let mut versions = change.tables.open_table(LAST_VERSION)?;
    let last = versions.get(())?.map_or(0, |version| version.value());
    let mut plan = Plan { store, values: change.tables.open_table(VALUES)?, last, decided: BTreeMap::new() };
    let changed = changes.into_iter().map(|change| plan.add(change)).collect::<Result<_, _>>()?;
    versions.insert((), plan.last)?;
    plan.write()?;
    Ok(changed)
}

impl Plan<'_> {
    fn add(&mut self, change: KvChange) -> Result<KvChanged, Error> {
        let found = self.find(change.key())?;
        match change {
            KvChange::Put { key, value, expected } => {
                self.check(&key, expected, found.as_ref())?;
                Ok(KvChanged::Put { version: self.set(key, value)? })
            }
            KvChange::Delete { key, expected } => {
                self.check(&key, expected, found.as_ref())?;
                self.decided.insert(key, None);
                Ok(KvChanged::Deleted { existed: found.is_some() })
            }
            KvChange::Increment { key, by } => {
                let number = sum(found.as_ref(), by).map_err(|problem| self.no_number(&key, problem))?;
                Ok(KvChanged::Incremented { number, version: self.set(key, number.to_string().into())? })
            }
        }
    }

    /// The value of a key, as the changes before this one leave it.
    fn find(&self, key: &KvKey) -> Result<Option<KvEntry>, Error> {
        if let Some(decided) = self.decided.get(key) {
            return Ok(decided.clone());
        }
        let record = self.values.get((self.store.as_str(), key.as_str()))?;
        record.map(|record| record::decode(record.value())).transpose()
    }

    fn set(&mut self, key: KvKey, value: Bytes) -> Result<u64, Error> {
        let used_up = || Error::Corrupted("the values have no version left".to_owned());
        self.last = self.last.checked_add(1).ok_or_else(used_up)?;
        self.decided.insert(key, Some(KvEntry { value, version: self.last }));
        Ok(self.last)
    }

    fn check(&self, key: &KvKey, expected: Expected, found: Option<&KvEntry>) -> Result<(), Error> {
        let version = found.map(|found| found.version);
        let wanted = match expected {
            Expected::Anything => return Ok(()),
            Expected::Absent => None,
            Expected::Version(version) => Some(version),
        };
        if version == wanted {
            return Ok(());
        }
        let shown = |version: Option<u64>| {
            version.map_or_else(|| "no value".to_owned(), |version| format!("version {version}"))
        };
        let message = format!("{}/{key} was to have {}, and has {}", self.store, shown(wanted), shown(version));
        Err(Error::ConditionFailed { message, version })
    }

    fn no_number(&self, key: &KvKey, problem: String) -> Error {
        Error::NotANumber { store: self.store.clone(), key: key.clone(), problem }
    }

    fn write(mut self) -> Result<(), Error> {
        for (key, entry) in &self.decided {
            let at = (self.store.as_str(), key.as_str());
            match entry {
                Some(entry) => self.values.insert(at, record::encode(entry).as_slice())?,
                None => self.values.remove(at)?,
            };
        }
        Ok(())
    }
}

/// What a number is after an increment; an absent one counts as 0.
fn sum(found: Option<&KvEntry>, by: i64) -> Result<i64, String> {
    let text = |entry: &KvEntry| std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse().ok());
    let number: i64 = match found {
        None => 0,
        Some(entry) => text(entry).ok_or("is not the decimal text of a 64-bit number")?,
    };
    number.checked_add(by).ok_or_else(|| format!("is {number}: {by} more leaves the range of a 64-bit number"))
}
