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

/// The longest row in bytes that may be a number's: its version, and more than any 64-bit number has.
const LONGEST_NUMBER: usize = 8 + 32;

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
        match change {
            KvChange::Put { key, value, expected } => {
                self.check(&key, expected)?;
                Ok(KvChanged::Put { version: self.set(key, value)? })
            }
            KvChange::Delete { key, expected } => {
                let existed = self.check(&key, expected)?.is_some();
                self.decided.insert(key, None);
                Ok(KvChanged::Deleted { existed })
            }
            KvChange::Increment { key, by } => {
                let number = sum(self.number(&key)?, by).map_err(|problem| self.no_number(&key, problem))?;
                Ok(KvChanged::Incremented { number, version: self.set(key, number.to_string().into())? })
            }
        }
    }

    /// The version of a key's value, as the changes before this one leave it. What is replaced is not read: a batch must
    /// not cost more than it says.
    fn version(&self, key: &KvKey) -> Result<Option<u64>, Error> {
        if let Some(decided) = self.decided.get(key) {
            return Ok(decided.as_ref().map(|entry| entry.version));
        }
        let record = self.values.get((self.store.as_str(), key.as_str()))?;
        record.map(|record| record::version(record.value())).transpose()
    }

    /// The text of a key's value, or the start of one that is too long to be a number.
    fn number(&self, key: &KvKey) -> Result<Option<Bytes>, Error> {
        if let Some(decided) = self.decided.get(key) {
            return Ok(decided.as_ref().map(|entry| entry.value.clone()));
        }
        let record = self.values.get((self.store.as_str(), key.as_str()))?;
        let start = |record: &[u8]| record::decode(&record[..record.len().min(LONGEST_NUMBER)]);
        Ok(record.map(|record| start(record.value())).transpose()?.map(|entry| entry.value))
    }

    fn set(&mut self, key: KvKey, value: Bytes) -> Result<u64, Error> {
        let used_up = || Error::Corrupted("the values have no version left".to_owned());
        self.last = self.last.checked_add(1).ok_or_else(used_up)?;
        self.decided.insert(key, Some(KvEntry { value, version: self.last }));
        Ok(self.last)
    }

    /// The version that the key has, where it is the one expected.
    fn check(&self, key: &KvKey, expected: Expected) -> Result<Option<u64>, Error> {
        let version = self.version(key)?;
        let wanted = match expected {
            Expected::Anything => return Ok(version),
            Expected::Absent => None,
            Expected::Version(version) => Some(version),
        };
        if version == wanted {
            return Ok(version);
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
fn sum(found: Option<Bytes>, by: i64) -> Result<i64, String> {
    let parse = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    let number: i64 = match found {
        None => 0,
        Some(text) => parse(&text).ok_or("is not the decimal text of a 64-bit number")?,
    };
    number.checked_add(by).ok_or_else(|| format!("is {number}: {by} more leaves the range of a 64-bit number"))
}
