//! Sizes in bytes as people write them: `"64MiB"`, or a number of bytes. For `#[serde(with = "spear_types::size")]`.

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serializer, de};

/// What a size is written with, the largest first.
const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

#[derive(Deserialize)]
#[serde(untagged, expecting = "a size is written as in \"64MiB\" or \"4GiB\", or is a number of bytes")]
enum Written {
    Bytes(u64),
    Text(String),
}

/// Reads a size.
///
/// # Errors
/// Says what a size looks like.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Bytes(bytes) => Ok(bytes),
        Written::Text(text) => match text.parse::<ByteSize>() {
            Ok(size) => Ok(size.as_u64()),
            Err(_) => {
                let shown: String = text.chars().take(64).collect();
                Err(de::Error::custom(format!("{shown:?} is no size: write it as in \"64MiB\" or \"4GiB\"")))
            }
        },
    }
}

/// Writes a size: exactly, and as short as that can be.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*size))
}

/// The largest unit that there is a whole number of.
fn text(size: u64) -> String {
    let whole = UNITS.iter().find(|(unit, _)| size > 0 && size.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{size}B"), |(unit, name)| format!("{}{name}", size / unit))
}

/// The same for a size that may be absent.
pub mod optional {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Size(#[serde(with = "super")] u64);

    /// Reads a size.
    ///
    /// # Errors
    /// Says what a size looks like.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Option::<Size>::deserialize(deserializer).map(|size| size.map(|Size(size)| size))
    }

    /// Writes a size, or nothing.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(size: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match size {
            Some(size) => super::serialize(size, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sized {
        #[serde(with = "super")]
        size: u64,
    }

    #[test]
    fn a_size_is_written_exactly_and_read_again() {
        for (size, text) in [(0, "0B"), (1, "1B"), (1_000, "1000B"), (65 << 20, "65MiB"), (3 << 30, "3GiB")] {
            assert_eq!(super::text(size), text);
            let written = toml::to_string(&Sized { size }).unwrap();
            assert_eq!(toml::from_str::<Sized>(&written).unwrap(), Sized { size });
        }
        assert_eq!(toml::from_str::<Sized>("size = 7").unwrap().size, 7);
    }

    #[test]
    fn what_is_no_size_is_told_what_one_looks_like() {
        for text in ["\"12 parsecs\"", "\"\"", "-1", "true", "1.5"] {
            let error = toml::from_str::<Sized>(&format!("size = {text}")).unwrap_err();
            assert!(error.to_string().contains("4GiB"), "{text}: {error}");
        }
    }
}
