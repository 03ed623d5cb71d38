//! SHA-256 of an artifact's or an object's bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Code, Refusal};

/// A SHA-256; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

/// A [`Digest`] in the making, fed piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl Hasher {
    /// Takes in the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse_hex(text.as_bytes()).map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Refusal::new(Code::InvalidRequest, format!("{shown:?} is not a SHA-256: 64 hexadecimal digits are needed"))
        })
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

fn parse_hex(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect();
    bytes?.try_into().ok()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digest::of(b"spear");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn pieces_and_the_whole_have_one_digest() {
        let mut hasher = Hasher::default();
        hasher.update(b"sp");
        hasher.update(b"ear");
        assert_eq!(hasher.finish(), Digest::of(b"spear"));
    }

    #[test]
    fn texts_that_are_no_digest_are_refused() {
        for text in ["", "abc", &"g".repeat(64), &"0".repeat(65), &"ä".repeat(32)] {
            assert_eq!(text.parse::<Digest>().unwrap_err().code, Code::InvalidRequest, "{text}");
        }
    }
}
