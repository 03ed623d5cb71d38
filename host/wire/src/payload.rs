//! Calls, replies and log lines.

use std::time::SystemTime;

use spear_types::{Level, LogLine, Payload, Refusal};

use crate::{Decode, Encode, invalid, required, v1};

/// The most headers a call or a reply may have; their bytes count against the payload limit.
const MAX_HEADERS: usize = 1_000;

impl Decode<v1::Payload> for Payload {
    fn decode(message: v1::Payload) -> Result<Self, Refusal> {
        let v1::Payload { content_type, headers, body } = message;
        if headers.len() > MAX_HEADERS {
            return Err(invalid(format!("{} headers are over the limit of {MAX_HEADERS}", headers.len())));
        }
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

impl Decode<v1::LogLine> for LogLine {
    fn decode(message: v1::LogLine) -> Result<Self, Refusal> {
        let v1::LogLine { time, level, message, fields } = message;
        let pair = |v1::LogField { key, value }| (key, value);
        let fields = fields.into_iter().map(pair).collect();
        Ok(Self { time: timestamp(time, "log.time")?, level: Level::decode(level)?, message, fields })
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

/// A point in time that must be there and that the clock can show.
pub(crate) fn timestamp(message: Option<prost_types::Timestamp>, name: &str) -> Result<SystemTime, Refusal> {
    required(message, name)?.try_into().map_err(|_| invalid(format!("{name} is no point in time")))
}
