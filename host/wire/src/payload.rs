//! Calls, replies and log lines.

use std::time::SystemTime;

use spear_types::{Call, Level, LogLine, MAX_MEDIA_TYPE, Payload, Refusal};
use v1::call::Kind;

use crate::{Decode, Encode, capped, invalid, required, v1};

impl Decode<v1::Payload> for Payload {
    fn decode(message: v1::Payload) -> Result<Self, Refusal> {
        let v1::Payload { content_type, headers, body } = message;
        if headers.len() > Self::MAX_HEADERS {
            return Err(invalid(format!("{} headers are over the limit of {}", headers.len(), Self::MAX_HEADERS)));
        }
        let content_type = content_type.map(|text| capped(text, "content_type", MAX_MEDIA_TYPE)).transpose()?;
        let pair = |v1::Header { name, value }| (name, value);
        Ok(Self { content_type, headers: headers.into_iter().map(pair).collect(), body })
    }
}

impl Encode<v1::Payload> for Payload {
    fn encode(self) -> v1::Payload {
        let Self { content_type, headers, body } = self;
        let header = |(name, value)| v1::Header { name, value };
        v1::Payload { content_type, headers: headers.into_iter().map(header).collect(), body }
    }
}

impl Decode<v1::Call> for Call {
    fn decode(message: v1::Call) -> Result<Self, Refusal> {
        Ok(match required(message.kind, "call.kind")? {
            Kind::Payload(payload) => Self::Payload(Payload::decode(payload)?),
            Kind::Typed(text) => Self::Typed(text),
            Kind::Command(v1::Command { args, stdin }) => {
                if args.len() > Self::MAX_ARGS {
                    return Err(invalid(format!("{} arguments are over the limit of {}", args.len(), Self::MAX_ARGS)));
                }
                Self::Command { args, stdin }
            }
        })
    }
}

impl Encode<v1::Call> for Call {
    fn encode(self) -> v1::Call {
        let kind = match self {
            Self::Payload(payload) => Kind::Payload(payload.encode()),
            Self::Command { args, stdin } => Kind::Command(v1::Command { args, stdin }),
            Self::Typed(text) => Kind::Typed(text),
        };
        v1::Call { kind: Some(kind) }
    }
}

impl Decode<v1::LogLine> for LogLine {
    fn decode(message: v1::LogLine) -> Result<Self, Refusal> {
        let v1::LogLine { time, level, message, fields } = message;
        let pair = |v1::LogField { key, value }| (key, value);
        let fields = fields.into_iter().map(pair).collect();
        Ok(Self { time: said(required(time, "log.time")?), level: Level::decode(level)?, message, fields })
    }
}

impl Encode<v1::LogLine> for LogLine {
    fn encode(self) -> v1::LogLine {
        let Self { time, level, message, fields } = self;
        let field = |(key, value)| v1::LogField { key, value };
        let fields = fields.into_iter().map(field).collect();
        v1::LogLine { time: Some(time.into()), level: level.encode(), message, fields }
    }
}

impl Decode<i32> for Level {
    fn decode(message: i32) -> Result<Self, Refusal> {
        match v1::Level::try_from(message) {
            Ok(v1::Level::Trace) => Ok(Self::Trace),
            Ok(v1::Level::Debug) => Ok(Self::Debug),
            Ok(v1::Level::Info) => Ok(Self::Info),
            Ok(v1::Level::Warn) => Ok(Self::Warn),
            Ok(v1::Level::Error) => Ok(Self::Error),
            Ok(v1::Level::Unspecified) | Err(_) => Err(invalid(format!("{message} is no level"))),
        }
    }
}

impl Encode<i32> for Level {
    fn encode(self) -> i32 {
        match self {
            Self::Trace => v1::Level::Trace.into(),
            Self::Debug => v1::Level::Debug.into(),
            Self::Info => v1::Level::Info.into(),
            Self::Warn => v1::Level::Warn.into(),
            Self::Error => v1::Level::Error.into(),
        }
    }
}

/// When a line was written, by a clock that may be wrong: no reason to refuse the line. What no date can show is 1970.
fn said(time: prost_types::Timestamp) -> SystemTime {
    timestamp(Some(time), "time").unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A point in time that must be there and that a date can show: from 1970 to 9999.
pub(crate) fn timestamp(message: Option<prost_types::Timestamp>, name: &str) -> Result<SystemTime, Refusal> {
    const YEAR_10000: i64 = 253_402_300_800;
    let message = required(message, name)?;
    if !(0..YEAR_10000).contains(&message.seconds) {
        return Err(invalid(format!("{name} is no point in time between 1970 and 9999")));
    }
    message.try_into().map_err(|_| invalid(format!("{name} is no point in time")))
}
