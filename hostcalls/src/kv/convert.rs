//! Values as a component has them.

use spear_types::{Code, Expected, KvChange, KvEntry, KvKey, KvPage, Refusal};

use super::{store, wit};

impl From<KvEntry> for wit::Entry {
    fn from(entry: KvEntry) -> Self {
        let KvEntry { value, version } = entry;
        Self { value: value.into(), version }
    }
}

impl From<KvPage> for wit::Page {
    fn from(page: KvPage) -> Self {
        let KvPage { entries, next } = page;
        let entries = entries.into_iter().map(|(key, entry)| (key.into(), entry.into())).collect();
        Self { entries, next: next.map(Into::into) }
    }
}

impl From<wit::Expected> for Expected {
    fn from(expected: wit::Expected) -> Self {
        match expected {
            wit::Expected::Anything => Self::Anything,
            wit::Expected::Absent => Self::Absent,
            wit::Expected::Version(version) => Self::Version(version),
        }
    }
}

impl TryFrom<wit::Change> for KvChange {
    type Error = Refusal;

    fn try_from(change: wit::Change) -> Result<Self, Refusal> {
        Ok(match change {
            wit::Change::Put((key, value, expected)) => {
                Self::Put { key: KvKey::try_from(key)?, value: value.into(), expected: expected.into() }
            }
            wit::Change::Delete((key, expected)) => {
                Self::Delete { key: KvKey::try_from(key)?, expected: expected.into() }
            }
            wit::Change::Increment((key, by)) => Self::Increment { key: KvKey::try_from(key)?, by },
        })
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, help: _, version } = refusal;
        match code {
            Code::NotGranted => Self::Denied(message),
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(message),
            Code::ConditionFailed => Self::Conflict(version),
            Code::NotANumber => Self::NotANumber(message),
            Code::TooLarge | Code::LimitTooHigh => Self::OverLimit(message),
            // The store says nothing else of a value: what is left is its own trouble.
            _ => Self::Unavailable(message),
        }
    }
}

impl From<Refusal> for store::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            Code::NotGranted => Self::AccessDenied,
            _ => Self::Other(refusal.message),
        }
    }
}
