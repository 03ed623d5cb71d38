//! The function's configuration: names and values that its author writes under `[config]` in `spear.toml`.
//!
//! It is stored with the function and shown to whoever may see it: what nobody may see is a
//! [secret](crate::secrets). At most 100 entries and 64 KiB in all; a key is at most 256 bytes. Needs no grant.
//!
//! ```
//! use spear_guest::config;
//!
//! # fn main() -> Result<(), config::Error> {
//! let greeting = config::require("greeting")?;
//! let mark = config::get("mark")?.unwrap_or_else(|| "!".to_owned());
//! for (name, value) in config::all()? {
//!     println!("{name} = {value}");
//! }
//! # Ok(())
//! # }
//! ```

use crate::{error::error, host::config as wire};

/// The value of an entry, where there is one.
///
/// # Errors
///
/// [`Error::Unavailable`] where the host cannot read it.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    Ok(wire::get(key)?)
}

/// The value of an entry that has to be there.
///
/// # Errors
///
/// [`Error::Missing`] names the line to add, and as [`get`].
pub fn require(key: &str) -> Result<String, Error> {
    get(key)?.ok_or_else(|| Error::Missing(format!("there is no {key:?}; add to spear.toml:\n[config]\n{key} = \"…\"")))
}

/// All entries, by name.
///
/// # Errors
///
/// As [`get`].
pub fn all() -> Result<Vec<(String, String)>, Error> {
    Ok(wire::get_all()?)
}

error! {
    /// Why there is no value. The text is a whole sentence for people.
    retryable: Self::Unavailable(_),
    /// `missing`: there is no such entry; the text names the line to add.
    Missing(String) = "missing",
    /// `unavailable`: the host cannot read it; trying again may help.
    Unavailable(String) = "unavailable",
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Upstream(text) | wire::Error::Io(text) => Self::Unavailable(text),
        }
    }
}
