//! Outcomes and usage.

use spear_types::{Code, Denial, Exit, Failure, Frame, Lacking, Outcome, OutcomeKind, Payload, Refusal, Trap, Usage};
use v1::outcome::Kind;

use crate::{Decode, Encode, invalid, limits::duration, required, shorten, v1};

impl Decode<v1::Outcome> for Outcome {
    fn decode(message: v1::Outcome) -> Result<Self, Refusal> {
        Ok(match required(message.kind, "outcome.kind")? {
            Kind::Succeeded(reply) => Self::Succeeded(Payload::decode(reply)?),
            Kind::Failed(failure) => Self::Failed(Failure::decode(failure)?),
            Kind::Trapped(trap) => Self::Trapped(Trap::decode(trap)?),
            Kind::OutOfFuel(v1::OutOfFuel { limit }) => Self::OutOfFuel { limit },
            Kind::OutOfMemory(v1::OutOfMemory { limit_bytes, asked_bytes }) => {
                Self::OutOfMemory { limit: limit_bytes, asked: asked_bytes }
            }
            Kind::TimedOut(v1::TimedOut { limit }) => {
                Self::TimedOut { limit: duration(required(limit, "timed_out.limit")?)? }
            }
            Kind::Denied(denied) => Self::Denied(Denial::decode(denied)?),
            Kind::Cancelled(v1::Cancelled {}) => Self::Cancelled,
            Kind::NodeLost(v1::NodeLost { node, reason }) => Self::NodeLost { node: node.try_into()?, reason },
            Kind::Refused(v1::Refused { code, message }) => Self::Refused { code: self::code(&code)?, message },
        })
    }
}

impl Encode<v1::Outcome> for Outcome {
    fn encode(self) -> v1::Outcome {
        let kind = match self {
            Self::Succeeded(reply) => Kind::Succeeded(reply.encode()),
            Self::Failed(failure) => Kind::Failed(failure.encode()),
            Self::Trapped(trap) => Kind::Trapped(trap.encode()),
            Self::OutOfFuel { limit } => Kind::OutOfFuel(v1::OutOfFuel { limit }),
            Self::OutOfMemory { limit, asked } => {
                Kind::OutOfMemory(v1::OutOfMemory { limit_bytes: limit, asked_bytes: asked })
            }
            Self::TimedOut { limit } => Kind::TimedOut(v1::TimedOut { limit: Some(limit.encode()) }),
            Self::Denied(denial) => Kind::Denied(denial.encode()),
            Self::Cancelled => Kind::Cancelled(v1::Cancelled {}),
            Self::NodeLost { node, reason } => Kind::NodeLost(v1::NodeLost { node: node.into(), reason }),
            Self::Refused { code, message } => Kind::Refused(v1::Refused { code: code.to_string(), message }),
        };
        v1::Outcome { kind: Some(kind) }
    }
}

impl Decode<&str> for OutcomeKind {
    fn decode(name: &str) -> Result<Self, Refusal> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| invalid(format!("{:?} is no outcome; there are {}", shorten(name), known())))
    }
}

fn code(name: &str) -> Result<Code, Refusal> {
    Code::from_name(name).ok_or_else(|| invalid(format!("{:?} is no code", shorten(name))))
}

impl Decode<v1::Failure> for Failure {
    fn decode(message: v1::Failure) -> Result<Self, Refusal> {
        let v1::Failure { code, message, retryable, exit } = message;
        let ended = |v1::Exit { code, stdout }| match u8::try_from(code) {
            Ok(code) => Ok(Exit { code, stdout }),
            Err(_) => Err(invalid(format!("{code} is no exit code"))),
        };
        Ok(Self { code, message, retryable, exit: exit.map(ended).transpose()? })
    }
}

impl Encode<v1::Failure> for Failure {
    fn encode(self) -> v1::Failure {
        let Self { code, message, retryable, exit } = self;
        let exit = exit.map(|Exit { code, stdout }| v1::Exit { code: code.into(), stdout });
        v1::Failure { code, message, retryable, exit }
    }
}

impl Decode<v1::Denied> for Denial {
    fn decode(message: v1::Denied) -> Result<Self, Refusal> {
        let v1::Denied { what, grant, lacking } = message;
        let lacking = match v1::Lacking::try_from(lacking) {
            Ok(v1::Lacking::Manifest) => Lacking::Manifest,
            Ok(v1::Lacking::Policy) => Lacking::Policy,
            Ok(v1::Lacking::Unspecified) | Err(_) => return Err(invalid(format!("{lacking} is no place to lack"))),
        };
        Ok(Self { what, grant, lacking })
    }
}

impl Encode<v1::Denied> for Denial {
    fn encode(self) -> v1::Denied {
        let Self { what, grant, lacking } = self;
        let lacking = match lacking {
            Lacking::Manifest => v1::Lacking::Manifest,
            Lacking::Policy => v1::Lacking::Policy,
        };
        v1::Denied { what, grant, lacking: lacking.into() }
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
