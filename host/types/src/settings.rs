//! A function's configuration: names and values that its author writes and its code reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// `[config]` of the manifest; the guest reads it as `wasi:config/store`. Not for secrets: it is stored and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, String>")]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The most entries: they stand with each version and travel with each run.
    pub const MAX: usize = 100;
    /// The longest key in bytes.
    pub const MAX_KEY: usize = 256;
    /// The most bytes of all keys and values.
    pub const MAX_BYTES: usize = 64 << 10;

    /// The entries, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key, where it has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Settings> for BTreeMap<String, String> {
    fn from(settings: Settings) -> Self {
        settings.0
    }
}

impl TryFrom<BTreeMap<String, String>> for Settings {
    type Error = Refusal;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, Refusal> {
        let bytes: usize = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
        let longest = entries.keys().map(String::len).max().unwrap_or_default();
        for (what, value, limit) in [
            ("entries", entries.len(), Self::MAX),
            ("bytes in a key", longest, Self::MAX_KEY),
            ("bytes in all", bytes, Self::MAX_BYTES),
        ] {
            if value > limit {
                return Err(Refusal::new(Code::TooLarge, format!("[config] has {value} {what}, the limit is {limit}")));
            }
        }
        Ok(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_or_too_long_entries_are_refused_with_the_limit() {
        let entry = |index: usize| (format!("key-{index}"), "value".to_owned());
        assert!(Settings::try_from((0..100).map(entry).collect::<BTreeMap<_, _>>()).is_ok());
        let refusal = Settings::try_from((0..101).map(entry).collect::<BTreeMap<_, _>>()).unwrap_err();
        assert!(refusal.message.contains("101 entries, the limit is 100"), "{refusal}");
        assert!(Settings::try_from(BTreeMap::from([("k".repeat(257), String::new())])).is_err());
        assert!(Settings::try_from(BTreeMap::from([("k".to_owned(), "v".repeat(65 << 10))])).is_err());
    }
}
