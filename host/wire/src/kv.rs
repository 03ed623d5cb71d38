//! Key-value stores.

use spear_types::{Expected, KvChange, KvChanged, KvEntry, KvPage, Refusal};
use v1::{
    expected::{Absent, Is},
    value_change::Kind,
    value_changed,
};

use crate::{Decode, Encode, required, v1};

impl Decode<v1::Value> for KvEntry {
    fn decode(message: v1::Value) -> Result<Self, Refusal> {
        let v1::Value { value, version } = message;
        Ok(Self { value, version })
    }
}

impl Encode<v1::Value> for KvEntry {
    fn encode(self) -> v1::Value {
        let Self { value, version } = self;
        v1::Value { value, version }
    }
}

impl Decode<v1::ValueChange> for KvChange {
    fn decode(message: v1::ValueChange) -> Result<Self, Refusal> {
        let v1::ValueChange { key, kind } = message;
        let key = key.try_into()?;
        Ok(match required(kind, "change.kind")? {
            Kind::Put(v1::PutValue { value, expected }) => {
                Self::Put { key, value, expected: Expected::decode(expected)? }
            }
            Kind::Delete(v1::DeleteValue { expected }) => Self::Delete { key, expected: Expected::decode(expected)? },
            Kind::Increment(v1::IncrementValue { by }) => Self::Increment { key, by },
        })
    }
}

impl Encode<v1::ValueChange> for KvChange {
    fn encode(self) -> v1::ValueChange {
        let (key, kind) = match self {
            Self::Put { key, value, expected } => (key, Kind::Put(v1::PutValue { value, expected: expected.encode() })),
            Self::Delete { key, expected } => (key, Kind::Delete(v1::DeleteValue { expected: expected.encode() })),
            Self::Increment { key, by } => (key, Kind::Increment(v1::IncrementValue { by })),
        };
        v1::ValueChange { key: key.into(), kind: Some(kind) }
    }
}

/// An absent message expects anything.
impl Decode<Option<v1::Expected>> for Expected {
    fn decode(message: Option<v1::Expected>) -> Result<Self, Refusal> {
        Ok(match message.and_then(|expected| expected.is) {
            None => Self::Anything,
            Some(Is::Absent(Absent {})) => Self::Absent,
            Some(Is::Version(version)) => Self::Version(version),
        })
    }
}

impl Encode<Option<v1::Expected>> for Expected {
    fn encode(self) -> Option<v1::Expected> {
        let is = match self {
            Self::Anything => return None,
            Self::Absent => Is::Absent(Absent {}),
            Self::Version(version) => Is::Version(version),
        };
        Some(v1::Expected { is: Some(is) })
    }
}

impl Decode<v1::ValueChanged> for KvChanged {
    fn decode(message: v1::ValueChanged) -> Result<Self, Refusal> {
        use value_changed::{Deleted, Incremented, Kind, Put};
        Ok(match required(message.kind, "result.kind")? {
            Kind::Put(Put { version }) => Self::Put { version },
            Kind::Deleted(Deleted { existed }) => Self::Deleted { existed },
            Kind::Incremented(Incremented { number, version }) => Self::Incremented { number, version },
        })
    }
}

impl Encode<v1::ValueChanged> for KvChanged {
    fn encode(self) -> v1::ValueChanged {
        use value_changed::{Deleted, Incremented, Kind, Put};
        let kind = match self {
            Self::Put { version } => Kind::Put(Put { version }),
            Self::Deleted { existed } => Kind::Deleted(Deleted { existed }),
            Self::Incremented { number, version } => Kind::Incremented(Incremented { number, version }),
        };
        v1::ValueChanged { kind: Some(kind) }
    }
}

impl Decode<v1::ListValuesResponse> for KvPage {
    fn decode(message: v1::ListValuesResponse) -> Result<Self, Refusal> {
        let v1::ListValuesResponse { values, next } = message;
        let entry = |v1::KeyValue { key, value }: v1::KeyValue| {
            Ok((key.try_into()?, KvEntry::decode(required(value, "value")?)?))
        };
        Ok(Self {
            entries: values.into_iter().map(entry).collect::<Result<_, Refusal>>()?,
            next: next.map(TryInto::try_into).transpose()?,
        })
    }
}

impl Encode<v1::ListValuesResponse> for KvPage {
    fn encode(self) -> v1::ListValuesResponse {
        let Self { entries, next } = self;
        let value = |(key, entry): (_, KvEntry)| v1::KeyValue { key: String::from(key), value: Some(entry.encode()) };
        v1::ListValuesResponse { values: entries.into_iter().map(value).collect(), next: next.map(Into::into) }
    }
}
