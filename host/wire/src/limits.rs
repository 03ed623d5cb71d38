//! Limits and grants.

use std::time::Duration;

use spear_types::{Access, Grants, LimitRequest, Limits, Refusal};

use crate::{Decode, Encode, invalid, required, v1};

impl Decode<v1::Limits> for LimitRequest {
    fn decode(message: v1::Limits) -> Result<Self, Refusal> {
        let v1::Limits {
            memory_bytes,
            timeout,
            fuel,
            payload_bytes,
            log_bytes,
            hostcall_bytes,
            table_elements,
            handles,
        } = message;
        Ok(Self {
            memory: memory_bytes,
            timeout: timeout.map(duration).transpose()?,
            fuel,
            payload: payload_bytes,
            log: log_bytes,
            hostcall: hostcall_bytes,
            tables: table_elements,
            handles,
        })
    }
}

impl Encode<v1::Limits> for LimitRequest {
    fn encode(self) -> v1::Limits {
        let Self { memory, timeout, fuel, payload, log, hostcall, tables, handles } = self;
        v1::Limits {
            memory_bytes: memory,
            timeout: timeout.map(Encode::encode),
            fuel,
            payload_bytes: payload,
            log_bytes: log,
            hostcall_bytes: hostcall,
            table_elements: tables,
            handles,
        }
    }
}

impl Decode<v1::Limits> for Limits {
    fn decode(message: v1::Limits) -> Result<Self, Refusal> {
        let LimitRequest { memory, timeout, fuel, payload, log, hostcall, tables, handles } =
            LimitRequest::decode(message)?;
        Ok(Self {
            memory: required(memory, "limits.memory_bytes")?,
            timeout: required(timeout, "limits.timeout")?,
            fuel,
            payload: required(payload, "limits.payload_bytes")?,
            log: required(log, "limits.log_bytes")?,
            hostcall: required(hostcall, "limits.hostcall_bytes")?,
            tables: required(tables, "limits.table_elements")?,
            handles: required(handles, "limits.handles")?,
        })
    }
}

impl Encode<v1::Limits> for Limits {
    fn encode(self) -> v1::Limits {
        let Self { memory, timeout, fuel, payload, log, hostcall, tables, handles } = self;
        v1::Limits {
            memory_bytes: Some(memory),
            timeout: Some(timeout.encode()),
            fuel,
            payload_bytes: Some(payload),
            log_bytes: Some(log),
            hostcall_bytes: Some(hostcall),
            table_elements: Some(tables),
            handles: Some(handles),
        }
    }
}

impl Decode<v1::Grants> for Grants {
    fn decode(message: v1::Grants) -> Result<Self, Refusal> {
        let v1::Grants { objects } = message;
        let granted = |(bucket, access): (String, i32)| Ok((bucket.try_into()?, Access::decode(access)?));
        Ok(Self { objects: objects.into_iter().map(granted).collect::<Result<_, Refusal>>()? })
    }
}

impl Encode<v1::Grants> for Grants {
    fn encode(self) -> v1::Grants {
        let Self { objects } = self;
        let granted = |(bucket, access): (_, Access)| (String::from(bucket), access.encode());
        v1::Grants { objects: objects.into_iter().map(granted).collect() }
    }
}

impl Decode<i32> for Access {
    fn decode(message: i32) -> Result<Self, Refusal> {
        match v1::Access::try_from(message) {
            Ok(v1::Access::Read) => Ok(Self::Read),
            Ok(v1::Access::Write) => Ok(Self::Write),
            Ok(v1::Access::ReadWrite) => Ok(Self::ReadWrite),
            Ok(v1::Access::Unspecified) | Err(_) => Err(invalid(format!("{message} is no access"))),
        }
    }
}

impl Encode<i32> for Access {
    fn encode(self) -> i32 {
        match self {
            Self::Read => v1::Access::Read.into(),
            Self::Write => v1::Access::Write.into(),
            Self::ReadWrite => v1::Access::ReadWrite.into(),
        }
    }
}

/// A time that may not be negative.
pub(crate) fn duration(message: prost_types::Duration) -> Result<Duration, Refusal> {
    message.try_into().map_err(|_| invalid(format!("{}.{:09} s is no length of time", message.seconds, message.nanos)))
}

impl Encode<prost_types::Duration> for Duration {
    fn encode(self) -> prost_types::Duration {
        // Over 292 billion years it is the longest time that the message can hold.
        self.try_into().unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
    }
}
