//! Outcomes and usage.

use spear_types::{Denial, Failure, Frame, Outcome, Payload, Refusal, Trap, Usage};
use v1::outcome::Kind;

use crate::{Decode, Encode, limits::duration, required, v1};

impl Decode<v1::Outcome> for Outcome {
    fn decode(message: v1::Outcome) -> Result<Self, Refusal> {
        Ok(match required(message.kind, "outcome.kind")? {
            Kind::Succeeded(reply) => Self::Succeeded(Payload::decode(reply)?),
            Kind::Failed(v1::Failure { code, message, retryable }) => {
                Self::Failed(Failure { code, message, retryable })
            }
            Kind::Trapped(trap) => Self::Trapped(Trap::decode(trap)?),
            Kind::OutOfFuel(v1::OutOfFuel { limit }) => Self::OutOfFuel { limit },
            Kind::OutOfMemory(v1::OutOfMemory { limit_bytes, asked_bytes }) => {
                Self::OutOfMemory { limit: limit_bytes, asked: asked_bytes }
            }
            Kind::TimedOut(v1::TimedOut { limit }) => {
                Self::TimedOut { limit: duration(required(limit, "timed_out.limit")?)? }
            }
            Kind::Denied(v1::Denied { what, grant }) => Self::Denied(Denial { what, grant }),
        })
    }
}

impl Encode<v1::Outcome> for Outcome {
    fn encode(self) -> v1::Outcome {
        let kind = match self {
            Self::Succeeded(reply) => Kind::Succeeded(reply.encode()),
            Self::Failed(Failure { code, message, retryable }) => {
                Kind::Failed(v1::Failure { code, message, retryable })
            }
            Self::Trapped(trap) => Kind::Trapped(trap.encode()),
            Self::OutOfFuel { limit } => Kind::OutOfFuel(v1::OutOfFuel { limit }),
            Self::OutOfMemory { limit, asked } => {
                Kind::OutOfMemory(v1::OutOfMemory { limit_bytes: limit, asked_bytes: asked })
            }
            Self::TimedOut { limit } => Kind::TimedOut(v1::TimedOut { limit: Some(limit.encode()) }),
            Self::Denied(Denial { what, grant }) => Kind::Denied(v1::Denied { what, grant }),
        };
        v1::Outcome { kind: Some(kind) }
    }
}

impl Decode<v1::Trap> for Trap {
    fn decode(message: v1::Trap) -> Result<Self, Refusal> {
        let v1::Trap { message, frames } = message;
        let frame = |v1::Frame { function, file, line }| Frame { function, file, line };
        Ok(Self { message, frames: frames.into_iter().map(frame).collect() })
    }
}

impl Encode<v1::Trap> for Trap {
    fn encode(self) -> v1::Trap {
        let Self { message, frames } = self;
        let frame = |Frame { function, file, line }| v1::Frame { function, file, line };
        v1::Trap { message, frames: frames.into_iter().map(frame).collect() }
    }
}

impl Decode<v1::Usage> for Usage {
    fn decode(message: v1::Usage) -> Result<Self, Refusal> {
        let v1::Usage { wall, cpu, fuel, peak_memory_bytes, hostcalls, bytes_in, bytes_out } = message;
        Ok(Self {
            wall: duration(required(wall, "usage.wall")?)?,
            cpu: duration(required(cpu, "usage.cpu")?)?,
            fuel,
            peak_memory: peak_memory_bytes,
            hostcalls,
            bytes_in,
            bytes_out,
        })
    }
}

impl Encode<v1::Usage> for Usage {
    fn encode(self) -> v1::Usage {
        let Self { wall, cpu, fuel, peak_memory, hostcalls, bytes_in, bytes_out } = self;
        v1::Usage {
            wall: Some(wall.encode()),
            cpu: Some(cpu.encode()),
            fuel,
            peak_memory_bytes: peak_memory,
            hostcalls,
            bytes_in,
            bytes_out,
        }
    }
}
