//! Versioned values under keys, kept by SPEAR. For small things that change: counters, cursors, locks. What is larger
//! than 1 MiB is an [object](crate::objects).
//!
//! A function sees only the stores that its manifest grants (`[grants.kv]`), to read, to write, or both. A store's name is
//! 1 to 63 of `a-z`, `0-9` and inner `-`; a key is 1 to 1,024 bytes without control characters.
//!
//! ```
//! use spear_guest::kv::{self, Expected};
//!
//! # fn main() -> Result<(), kv::Error> {
//! let counters = kv::store("counters")?;
//! let visits = counters.increment("visits", 1)?;
//! match counters.put_if("lock", "me", Expected::Absent) {
//!     Err(kv::Error::Conflict(_)) => println!("somebody else has it, visit {visits}"),
//!     other => println!("mine, version {}", other?),
//! }
//! # Ok(())
//! # }
//! ```

mod change;
mod error;

pub use self::{
    change::{Change, Entry, Expected},
    error::{Conflict, Error},
};
use crate::{
    host::kv as wire,
    pages::{self, PAGE},
};

/// A granted store. Each of its operations needs the grant to read or to write, and fails with [`Error::Denied`] without
/// it.
#[derive(Debug)]
pub struct Store(wire::Store);

/// Opens a store.
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not grant it, [`Error::Invalid`] where no store can have this name,
/// [`Error::OverLimit`] where the run holds as many handles as its limit `handles`.
pub fn store(name: &str) -> Result<Store, Error> {
    Ok(Store(wire::Store::open(name)?))
}

/// Reading. Needs the grant `read` or `read-write`.
impl Store {
    /// The value of a key, where it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where it is no key, [`Error::OverLimit`] where the value is larger than the function's `payload`
    /// limit, and see [`Error`].
    pub fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        Ok(self.0.get(key)?.map(Into::into))
    }

    /// The values of up to 1,000 keys as of one moment, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::OverLimit`] where there are more keys, or where the values together are over 4 MiB or the function's
    /// `payload` limit; and see [`Error`].
    pub fn get_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<Entry>>, Error> {
        let keys: Vec<_> = keys.into_iter().map(|key| key.as_ref().to_owned()).collect();
        Ok(self.0.get_many(&keys)?.into_iter().map(|entry| entry.map(Into::into)).collect())
    }

    /// All values whose keys start with `prefix`, in the order of the keys' bytes; asks the host page by page as it goes.
    ///
    /// An item is an error where a page could not be read; it is the last.
    pub fn list(&self, prefix: &str) -> impl Iterator<Item = Result<(String, Entry), Error>> {
        pages::all(move |after| {
            let wire::Page { entries, next } = self.0.list(prefix, after.as_deref(), PAGE)?;
            Ok((entries.into_iter().map(|(key, entry)| (key, entry.into())).collect(), next))
        })
    }
}

/// Writing. Needs the grant `write` or `read-write`.
impl Store {
    /// Sets a value; answers its version.
    ///
    /// # Errors
    ///
    /// [`Error::OverLimit`] where the value is larger than 1 MiB, and see [`Error`].
    pub fn put(&self, key: &str, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.put_if(key, value, Expected::Anything)
    }

    /// Sets a value if the key has what is expected: compare-and-swap. Answers its version.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the version that the key has instead, and as [`Store::put`].
    pub fn put_if(&self, key: &str, value: impl AsRef<[u8]>, expected: Expected) -> Result<u64, Error> {
        self.0.put(key, value.as_ref(), expected.into()).map_err(Error::of(key))
    }

    /// Removes a value; answers whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where it is no key, and see [`Error`].
    pub fn delete(&self, key: &str) -> Result<bool, Error> {
        self.delete_if(key, Expected::Anything)
    }

    /// Removes a value if it is the expected one; answers whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the version that the key has instead, and as [`Store::delete`].
    pub fn delete_if(&self, key: &str, expected: Expected) -> Result<bool, Error> {
        self.0.delete(key, expected.into()).map_err(Error::of(key))
    }

    /// Adds to the number that the value is the decimal text of; an absent one counts as 0. Answers the new
    /// number, and so needs the grant `read-write`.
    ///
    /// # Errors
    ///
    /// [`Error::NotANumber`] where the value is no such text or would leave the range of an `i64`, and see [`Error`].
    pub fn increment(&self, key: &str, by: i64) -> Result<i64, Error> {
        Ok(self.0.increment(key, by)?)
    }

    /// Up to 1,000 changes and 4 MiB, all of them or none. Needs what each of them needs.
    ///
    /// # Errors
    ///
    /// That of the first change that cannot be made, and [`Error::OverLimit`] where there are too many.
    pub fn apply(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Error> {
        let changes: Vec<_> = changes.into_iter().map(Into::into).collect();
        Ok(self.0.apply(&changes)?)
    }
}
