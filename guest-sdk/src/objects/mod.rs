//! Bytes under a bucket and a key, kept by SPEAR.
//!
//! A function sees only the buckets that its manifest grants (`[grants.objects]`), to read, to write, or both. A bucket's
//! name is 1 to 63 of `a-z`, `0-9` and inner `-`; a key is 1 to 1,024 bytes in segments between `/`, none of them empty,
//! `.` or `..`. The function's `payload` limit holds for one object's size.
//!
//! ```
//! use spear_guest::objects;
//!
//! # use spear_guest::test::Host;
//! # fn main() -> Result<(), objects::Error> {
//! # let _host = Host::from_manifest().object("photos", "cat.jpg", b"meow");
//! let photos = objects::bucket("photos")?;
//! let bytes = photos.get("cat.jpg")?;
//! photos.put_as("copies/cat.jpg", bytes, "image/jpeg")?;
//! for copy in photos.list("copies/") {
//!     println!("{}", copy?.key);
//! }
//! # Ok(())
//! # }
//! ```

mod batch;
mod error;
mod info;

pub use self::{
    batch::Operation,
    error::Error,
    info::{Condition, Info},
};
use crate::{
    host::objects as wire,
    pages::{self, PAGE},
};

/// A granted bucket. Each of its operations needs the grant to read or to write, and fails with [`Error::Denied`]
/// without it.
#[derive(Debug)]
pub struct Bucket(wire::Bucket);

/// Opens a bucket.
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not grant it, [`Error::Invalid`] where no bucket can have this name,
/// [`Error::OverLimit`] where the run holds as many handles as its limit `handles`.
pub fn bucket(name: &str) -> Result<Bucket, Error> {
    Ok(Bucket(wire::Bucket::open(name)?))
}

/// Reading. Needs the grant `read` or `read-write`.
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
        pages::all(move |after| {
            let wire::Page { objects, next } = self.0.list(prefix, after.as_deref(), PAGE)?;
            Ok((objects.into_iter().map(Into::into).collect(), next))
        })
    }
}

/// Writing. Needs the grant `write` or `read-write`.
impl Bucket {
    /// Puts an object whole, without a media type, in place of what the key held. Its references and its pin stay.
    ///
    /// # Errors
    ///
    /// [`Error::OverLimit`] where it is larger than the function's `payload` limit, and see [`Error`].
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) -> Result<Info, Error> {
        self.put_if(key, bytes, None, Condition::None)
    }

    /// As [`Bucket::put`], with a media type of at most 256 bytes.
    ///
    /// # Errors
    ///
    /// As [`Bucket::put`].
    pub fn put_as(&self, key: &str, bytes: impl AsRef<[u8]>, content_type: &str) -> Result<Info, Error> {
        self.put_if(key, bytes, Some(content_type), Condition::None)
    }

    /// As [`Bucket::put`], if the condition is true: compare-and-swap.
    ///
    /// # Errors
    ///
    /// [`Error::ConditionFailed`] where it is not, [`Error::Invalid`] where an etag is no SHA-256, and as
    /// [`Bucket::put`].
    pub fn put_if(
        &self,
        key: &str,
        bytes: impl AsRef<[u8]>,
        content_type: Option<&str>,
        condition: Condition,
    ) -> Result<Info, Error> {
        Ok(self.0.put(key, bytes.as_ref(), content_type, &condition.into())?.into())
    }

    /// Removes an object.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] where it is pinned or referenced, [`Error::NotFound`] where the key has no object, and see
    /// [`Error`].
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.delete_if(key, Condition::None)
    }

    /// Removes an object, if the condition is true.
    ///
    /// # Errors
    ///
    /// [`Error::ConditionFailed`] where it is not, and as [`Bucket::delete`].
    pub fn delete_if(&self, key: &str, condition: Condition) -> Result<(), Error> {
        Ok(self.0.delete(key, &condition.into(), false)?)
    }

    /// Removes an object even if it is pinned or referenced.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where the key has no object, and see [`Error`].
    pub fn force_delete(&self, key: &str) -> Result<(), Error> {
        Ok(self.0.delete(key, &wire::Condition::None, true)?)
    }

    /// One reference more: the object is not removed while somebody holds one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where the key has no object, and see [`Error`].
    pub fn add_ref(&self, key: &str) -> Result<Info, Error> {
        Ok(self.0.add_ref(key)?.into())
    }

    /// One reference less. With its last one an object goes, unless it is pinned: then there is no info.
    ///
    /// # Errors
    ///
    /// [`Error::ConditionFailed`] where it has no reference, [`Error::NotFound`] where the key has no object, and see
    /// [`Error`].
    pub fn remove_ref(&self, key: &str) -> Result<Option<Info>, Error> {
        Ok(self.0.remove_ref(key)?.map(Into::into))
    }

    /// Has the object stay without a reference, and refuses its removal.
    ///
    /// # Errors
    ///
    /// As [`Bucket::add_ref`].
    pub fn pin(&self, key: &str) -> Result<Info, Error> {
        Ok(self.0.pin(key)?.into())
    }

    /// Takes the pin away. The object stays until its last reference goes or it is removed.
    ///
    /// # Errors
    ///
    /// As [`Bucket::add_ref`].
    pub fn unpin(&self, key: &str) -> Result<Info, Error> {
        Ok(self.0.unpin(key)?.into())
    }

    /// Up to 1,000 operations, all of them or none. What came of each, in order; nothing for an object that is gone.
    ///
    /// # Errors
    ///
    /// That of the first operation that cannot be done, and [`Error::OverLimit`] where there are more than 1,000.
    pub fn batch(&self, operations: impl IntoIterator<Item = Operation>) -> Result<Vec<Option<Info>>, Error> {
        let operations: Vec<_> = operations.into_iter().map(Into::into).collect();
        Ok(self.0.batch(&operations)?.into_iter().map(|info| info.map(Into::into)).collect())
    }
}
