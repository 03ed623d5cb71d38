//! Names and keys. Every one is checked where it is made, so holding one means that it is well formed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// Why a text is no name or key; the message says what is wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {shown:?} {reason}")]
pub struct InvalidName {
    what: &'static str,
    shown: String,
    reason: &'static str,
}

/// A bucket's, function's or node's label as DNS has it: this many bytes at the most.
const MAX_LABEL: usize = 63;
/// As long as a DNS name: nodes are often named after their host.
const MAX_NODE: usize = 253;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(InvalidName { what: $what, shown: shorten(&text), reason }),
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A function's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    FunctionName, "the function name", check_label
}
name! {
    /// A bucket's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    BucketName, "the bucket name", check_label
}
name! {
    /// A key-value store's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    StoreName, "the store name", check_label
}
name! {
    /// A secret's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    SecretName, "the secret name", check_label
}
name! {
    /// A granted folder's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    FolderName, "the folder name", check_label
}
name! {
    /// A value's key in a key-value store: 1 to 1,024 bytes without control characters.
    KvKey, "the key", check_kv_key
}
name! {
    /// A node's name: 1 to 253 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    NodeName, "the node name", check_node
}
name! {
    /// An object's key: 1 to 1,024 bytes in segments between `/`, none of them empty, `.` or `..`,
    /// without control characters.
    ObjectKey, "the object key", check_key
}

name! {
    /// A schedule's name: 1 to 63 of `a-z`, `0-9` and inner `-`.
    ScheduleName, "the schedule name", check_label
}
name! {
    /// A node label's name: 1 to 253 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `-` and `/`.
    LabelName, "the label", check_node_label
}
name! {
    /// A node label's value: 1 to 253 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `-` and `/`.
    LabelValue, "the label's value", check_node_label
}
name! {
    /// What makes two submissions of a function the same one: 1 to 256 bytes without control characters.
    IdempotencyKey, "the idempotency key", check_idempotency_key
}

impl ObjectKey {
    /// The longest key in bytes, as S3 has it: keys sit in the index, so a client must not choose their cost.
    pub const MAX: usize = 1024;
}

impl KvKey {
    /// The longest key in bytes: keys sit in the index, so a guest must not choose their cost.
    pub const MAX: usize = 1024;
}

impl NodeName {
    /// `node`: for a machine whose own name is none of ours.
    #[must_use]
    pub fn fallback() -> Self {
        Self("node".to_owned())
    }
}

impl From<InvalidName> for Refusal {
    fn from(invalid: InvalidName) -> Self {
        Self::new(Code::InvalidName, invalid.to_string())
    }
}

fn check_label(text: &str) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_plain = bytes.first().is_some_and(plain) && bytes.last().is_some_and(plain);
    if bytes.len() > MAX_LABEL {
        Err("is too long: at most 63 characters are allowed")
    } else if !ends_plain || !bytes.iter().all(|byte| plain(byte) || *byte == b'-') {
        Err("is malformed: only a-z, 0-9 and, inside, - are allowed")
    } else {
        Ok(())
    }
}

fn check_node(text: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text.len() > MAX_NODE {
        Err("is too long: at most 253 characters are allowed")
    } else if text.is_empty() || !text.bytes().all(plain) {
        Err("is malformed: only A-Z, a-z, 0-9, '.', '_' and '-' are allowed")
    } else {
        Ok(())
    }
}

fn check_node_label(text: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if text.len() > MAX_NODE {
        Err("is too long: at most 253 characters are allowed")
    } else if text.is_empty() || !text.bytes().all(plain) {
        Err("is malformed: only A-Z, a-z, 0-9, '.', '_', '-' and '/' are allowed")
    } else {
        Ok(())
    }
}

fn check_idempotency_key(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 256 {
        Err("has to have 1 to 256 bytes")
    } else if text.chars().any(char::is_control) {
        Err("has control characters")
    } else {
        Ok(())
    }
}

fn check_key(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.len() > ObjectKey::MAX {
        Err("is too long: at most 1024 bytes are allowed")
    } else if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        Err("has an empty, '.' or '..' segment")
    } else if text.chars().any(char::is_control) {
        Err("has a control character")
    } else {
        Ok(())
    }
}

fn check_kv_key(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.len() > KvKey::MAX {
        Err("is too long: at most 1024 bytes are allowed")
    } else if text.chars().any(char::is_control) {
        Err("has a control character")
    } else {
        Ok(())
    }
}

/// An error must not carry 10 kB of somebody's key.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_and_keys_are_accepted() {
        assert!("thumbnail".parse::<FunctionName>().is_ok());
        assert!("photos-2".parse::<BucketName>().is_ok());
        assert!("Node_1.example".parse::<NodeName>().is_ok());
        assert!("2026/11/a picture.jpg".parse::<ObjectKey>().is_ok());
    }

    #[test]
    fn names_outside_of_the_alphabet_are_refused() {
        for text in ["", "-a", "a-", "A", "a_b", "a/b", "ä", &"a".repeat(64)] {
            assert!(text.parse::<FunctionName>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_that_could_climb_are_refused() {
        for text in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\nb", &"k".repeat(10_000)] {
            assert!(text.parse::<ObjectKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_shows_the_start_of_a_long_key_only() {
        let error = "k".repeat(10_000).parse::<ObjectKey>().unwrap_err().to_string();
        assert!(error.len() < 200 && error.contains("1024"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_check_panic(text in any::<String>()) {
            let _ = text.parse::<FunctionName>();
            let _ = text.parse::<NodeName>();
            let key = text.parse::<ObjectKey>();
            prop_assert!(key.is_err() || !text.split('/').any(|segment| segment == ".."));
        }
    }
}
