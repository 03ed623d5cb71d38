//! Limits.

use std::time::Duration;

use spear_types::{Cpu, LimitRequest, Limits, Refusal};

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
            calls,
            requests,
            cpu_millis,
        } = message;
        Ok(Self {
            memory: memory_bytes,
            timeout: timeout.map(duration).transpose()?,
            fuel,
            cpu: cpu_millis.map(Cpu::from_millis),
            payload: payload_bytes,
            log: log_bytes,
            hostcall: hostcall_bytes,
            tables: table_elements,
            handles,
            calls,
            requests,
        })
    }
}

impl Encode<v1::Limits> for LimitRequest {
    fn encode(self) -> v1::Limits {
        let Self { memory, timeout, fuel, cpu, payload, log, hostcall, tables, handles, calls, requests } = self;
        v1::Limits {
            memory_bytes: memory,
            timeout: timeout.map(Encode::encode),
            fuel,
            payload_bytes: payload,
            log_bytes: log,
            hostcall_bytes: hostcall,
            table_elements: tables,
            handles,
            calls,
            requests,
            cpu_millis: cpu.map(Cpu::as_millis),
        }
    }
}

impl Decode<v1::Limits> for Limits {
    fn decode(message: v1::Limits) -> Result<Self, Refusal> {
        let LimitRequest { memory, timeout, fuel, cpu, payload, log, hostcall, tables, handles, calls, requests } =
            LimitRequest::decode(message)?;
        Ok(Self {
            memory: required(memory, "limits.memory_bytes")?,
            timeout: required(timeout, "limits.timeout")?,
            fuel,
            cpu,
            payload: required(payload, "limits.payload_bytes")?,
            log: required(log, "limits.log_bytes")?,
            hostcall: required(hostcall, "limits.hostcall_bytes")?,
            tables: required(tables, "limits.table_elements")?,
            handles: required(handles, "limits.handles")?,
            calls: required(calls, "limits.calls")?,
            requests: required(requests, "limits.requests")?,
        })
    }
}

impl Encode<v1::Limits> for Limits {
    fn encode(self) -> v1::Limits {
        let Self { memory, timeout, fuel, cpu, payload, log, hostcall, tables, handles, calls, requests } = self;
        v1::Limits {
            memory_bytes: Some(memory),
            timeout: Some(timeout.encode()),
            fuel,
            payload_bytes: Some(payload),
            log_bytes: Some(log),
            hostcall_bytes: Some(hostcall),
            table_elements: Some(tables),
            handles: Some(handles),
            calls: Some(calls),
            requests: Some(requests),
            cpu_millis: cpu.map(Cpu::as_millis),
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
