//! A value's row: its version in 8 bytes, the highest first, and then the value itself.

use bytes::Bytes;
use spear_types::{KvEntry, KvKey};

use crate::Error;

pub(super) fn encode(entry: &KvEntry) -> Vec<u8> {
    [&entry.version.to_be_bytes(), &*entry.value].concat()
}

pub(super) fn decode(record: &[u8]) -> Result<KvEntry, Error> {
    let broken = || Error::Corrupted(format!("a value of {} bytes has no version", record.len()));
    let (version, value) = record.split_first_chunk().ok_or_else(broken)?;
    Ok(KvEntry { value: Bytes::copy_from_slice(value), version: u64::from_be_bytes(*version) })
}

/// The version alone: the value may be a MiB.
pub(super) fn version(record: &[u8]) -> Result<u64, Error> {
    let broken = || Error::Corrupted(format!("a value of {} bytes has no version", record.len()));
    record.first_chunk().map(|version| u64::from_be_bytes(*version)).ok_or_else(broken)
}

pub(super) fn key(key: &str) -> Result<KvKey, Error> {
    key.parse().map_err(|error| Error::Corrupted(format!("a value's key: {error}")))
}
