//! Bytes under a bucket and a key, kept by SPEAR.
//!
//! A function sees only the buckets that its manifest grants (`[grants.objects]`), to read, to write, or both. Names and
//! keys are at most 1,024 bytes; the function's `payload` limit holds for one object's size.
//!
//! ```no_run
//! use spear_guest::objects;
//!
//! # fn main() -> Result<(), objects::Error> {
//! let photos = objects::bucket("photos")?;
//! let bytes = photos.get("cat.jpg")?;
//! photos.put_as("copies/cat.jpg", bytes, "image/jpeg")?;
//! for copy in photos.list("copies/") {
//!     println!("{}", copy?.key);
//! }
//! # Ok(())
//! # }
//! ```

use std::iter;
use std::time::{Duration, SystemTime};

use crate::bindings::spear::hostcalls::objects as wire;

mod error;
pub use error::Error;

/// The most that the host gives at a time.
const PAGE: u32 = 1_000;

/// A granted bucket. Each of its operations needs the grant to read or to write, and fails with [`Error::Denied`]
/// without it.
#[derive(Debug)]
pub struct Bucket(wire::Bucket);

/// What is known of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes in lower-case hexadecimal: equal bytes, equal etag.
    pub etag: String,
    /// 1 when the key was first put, one more with each put.
    pub version: u64,
    /// The media type given with the put.
    pub content_type: Option<String>,
    /// When it was put, by SPEAR's clock, to the millisecond.
    pub modified: SystemTime,
}

/// Opens a bucket.
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not grant it, [`Error::Invalid`] where no bucket can have this name.
pub fn bucket(name: &str) -> Result<Bucket, Error> {
    Ok(Bucket(wire::Bucket::open(name)?))
}

impl Bucket {
    /// The whole object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where the key has no object, [`Error::OverLimit`] where it is larger than the function's
    /// `payload` limit, and see [`Error`].
    pub fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        Ok(self.0.get(key)?)
    }

    /// At most `length` bytes from the byte `offset`; fewer where the object ends.
    ///
    /// # Errors
    ///
    /// As [`Bucket::get`]; the limit holds for what is read, not for the object.
    pub fn get_range(&self, key: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        Ok(self.0.get_range(key, offset, length)?)
    }

    /// Puts an object whole, without a media type, in place of what the key held.
    ///
    /// # Errors
    ///
    /// [`Error::OverLimit`] where it is larger than the function's `payload` limit, and see [`Error`].
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) -> Result<Info, Error> {
        Ok(self.0.put(key, bytes.as_ref(), None, &wire::Condition::None)?.into())
    }

    /// As [`Bucket::put`], with a media type.
    ///
    /// # Errors
    ///
    /// As [`Bucket::put`].
    pub fn put_as(&self, key: &str, bytes: impl AsRef<[u8]>, content_type: &str) -> Result<Info, Error> {
        Ok(self.0.put(key, bytes.as_ref(), Some(content_type), &wire::Condition::None)?.into())
    }

    /// What is known of an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where the key has no object, and see [`Error`].
    pub fn stat(&self, key: &str) -> Result<Info, Error> {
        Ok(self.0.stat(key)?.into())
    }

    /// All objects whose keys start with `prefix`, in the order of the keys; asks the host page by page as it goes.
    ///
    /// An item is an error where a page could not be read; it is the last.
    pub fn list(&self, prefix: &str) -> impl Iterator<Item = Result<Info, Error>> {
        pages(move |after| self.0.list(prefix, after.as_deref(), PAGE))
    }

    /// Removes an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where the key has no object, and see [`Error`].
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        Ok(self.0.delete(key, &wire::Condition::None, false)?)
    }
}

impl From<wire::Info> for Info {
    fn from(
        wire::Info { key, size, etag, version, content_type, modified_ms, references: _, pinned: _ }: wire::Info,
    ) -> Self {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(modified_ms);
        Self { key, size, etag, version, content_type, modified }
    }
}

/// The objects of all pages that `read` gives, each asked for with the `next` of the one before.
fn pages(
    mut read: impl FnMut(Option<String>) -> Result<wire::Page, wire::Error>,
) -> impl Iterator<Item = Result<Info, Error>> {
    let mut after = Some(None);
    let next_page = move || {
        let (objects, next) = match read(after.take()?) {
            Ok(wire::Page { objects, next }) => (objects.into_iter().map(|info| Ok(info.into())).collect(), next),
            Err(error) => (vec![Err(error.into())], None),
        };
        after = next.map(Some);
        Some(objects)
    };
    iter::from_fn(next_page).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(key: &str) -> wire::Info {
        let key = key.to_owned();
        wire::Info {
            key,
            size: 0,
            etag: String::new(),
            version: 1,
            content_type: None,
            modified_ms: 1_500,
            references: 0,
            pinned: false,
        }
    }

    #[test]
    fn a_listing_goes_over_all_pages() {
        let listing = pages(|after| match after.as_deref() {
            None => Ok(wire::Page { objects: vec![info("a"), info("b")], next: Some("b".to_owned()) }),
            Some("b") => Ok(wire::Page { objects: Vec::new(), next: Some("c".to_owned()) }),
            Some(_) => Ok(wire::Page { objects: vec![info("d")], next: None }),
        });
        let keys: Vec<_> = listing.map(|info| info.unwrap().key).collect();
        assert_eq!(keys, ["a", "b", "d"]);
    }

    #[test]
    fn a_listing_ends_with_the_first_error() {
        let mut listing = pages(|after| match after {
            None => Ok(wire::Page { objects: vec![info("a")], next: Some("a".to_owned()) }),
            Some(_) => Err(wire::Error::Unavailable("gone".to_owned())),
        });
        assert!(listing.next().unwrap().is_ok());
        assert_eq!(listing.next(), Some(Err(Error::Unavailable("gone".to_owned()))));
        assert_eq!(listing.next(), None);
    }

    #[test]
    fn milliseconds_become_a_time() {
        let put = Info::from(info("a")).modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(put, Duration::from_millis(1_500));
    }
}
