//! What the operator gives to functions and to nobody else: keys and passwords.
//!
//! A function reads only the secrets that its manifest names (`[grants] secrets`). The values are the node's: they are never
//! stored with a function, a task or a log; where one appears in a log line, the host replaces it.
//!
//! ```
//! use spear_guest::secrets;
//!
//! # use spear_guest::test::Host;
//! # fn main() -> Result<(), secrets::Error> {
//! # let _host = Host::from_manifest().secret("api-key", "hunter2");
//! let key = secrets::get("api-key")?;
//! println!("{key:?}"); // [secret]
//! let header = format!("Bearer {}", key.expose_str()?);
//! # Ok(())
//! # }
//! ```

use std::fmt;

use crate::{error::error, host::secrets as wire};

/// The value of a secret. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    name: String,
    value: Vec<u8>,
}

/// The value of a secret, as it is now.
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not name it, [`Error::UnknownSecret`] where the operator did not give it, and
/// see [`Error`].
pub fn get(name: &str) -> Result<Secret, Error> {
    Ok(Secret { name: name.to_owned(), value: wire::get(name)? })
}

impl Secret {
    /// The value's bytes.
    pub fn expose(&self) -> &[u8] {
        &self.value
    }

    /// The value as text, without the line break that an editor left at its end.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`] where it is not UTF-8.
    pub fn expose_str(&self) -> Result<&str, Error> {
        let text = str::from_utf8(&self.value)
            .map_err(|_| Error::NotText(format!("the secret \"{}\" is not UTF-8 text", self.name)))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        Ok(line.strip_suffix('\r').unwrap_or(line))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

error! {
    /// Why there is no value. The text is a whole sentence for people.
    retryable: Self::Unavailable(_),
    /// `denied`: the grant does not cover this; the text names the grant to add.
    Denied(String) = "denied",
    /// `invalid`: the name is malformed; the text says how.
    Invalid(String) = "invalid",
    /// `unknown-secret`: the operator gave the node no such secret; the text says where it looks.
    UnknownSecret(String) = "unknown-secret",
    /// `over-limit`: the value is larger than 64 KiB.
    OverLimit(String) = "over-limit",
    /// `not-text`: the value is asked for as text and is not UTF-8.
    NotText(String) = "not-text",
    /// `unavailable`: the value cannot be read now.
    Unavailable(String) = "unavailable",
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::Invalid(text) => Self::Invalid(text),
            wire::Error::UnknownSecret(text) => Self::UnknownSecret(text),
            wire::Error::OverLimit(text) => Self::OverLimit(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: &[u8]) -> Secret {
        Secret { name: "key".to_owned(), value: value.to_vec() }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = secret(b"hunter2");
        assert_eq!(format!("{secret} {secret:?} {:#?}", Some(&secret)), "[secret] [secret] Some(\n    [secret],\n)");
    }

    #[test]
    fn text_has_no_line_break_at_its_end_and_bytes_are_as_they_are() {
        assert_eq!(secret(b"a b\r\n").expose_str().unwrap(), "a b");
        assert_eq!(secret(b"a b\r\n").expose(), b"a b\r\n");
        assert_eq!(secret(b"\n").expose_str().unwrap(), "");
        assert!(secret(b"\xff").expose_str().unwrap_err().to_string().contains("\"key\""));
    }
}
