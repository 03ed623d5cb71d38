//! The ways to run a function, and what runs them.

use std::collections::HashMap;

use spear_types::{
    AgentInfo, AgentKind, Artifact, Body, Code, Image, Implementation, InstanceCounts, Pool, Program, Ran, Refusal,
    Reuse, Skipped,
};
use v1::implementation::Body as Wire;

use crate::{Decode, Encode, capped, invalid, limits::duration, required, v1};

/// The longest reason in bytes.
const MAX_REASON: usize = 1 << 10;

/// The most agents that anybody speaks of at once.
const MAX_AGENTS: usize = 16;

/// The ways to run a function.
///
/// # Errors
/// When there is none, or there are too many, or one is malformed.
pub fn decode(messages: Vec<v1::Implementation>) -> Result<Vec<Implementation>, Refusal> {
    if !(1..=Implementation::MAX).contains(&messages.len()) {
        let (count, most) = (messages.len(), Implementation::MAX);
        return Err(invalid(format!("{count} implementations; there have to be 1 to {most}")));
    }
    messages.into_iter().map(Implementation::decode).collect()
}

impl Encode<Vec<v1::Implementation>> for Vec<Implementation> {
    fn encode(self) -> Vec<v1::Implementation> {
        self.into_iter().map(Encode::encode).collect()
    }
}

impl Decode<v1::Implementation> for Implementation {
    fn decode(message: v1::Implementation) -> Result<Self, Refusal> {
        let v1::Implementation { body, serial } = message;
        let body = match required(body, "implementation.body")? {
            Wire::Wasm(artifact) => Body::Wasm(Artifact::decode(artifact)?),
            Wire::Process(program) => Body::Process(started(Program::decode(program)?)?),
            Wire::Docker(v1::Container { image, program }) => {
                Body::Docker(Image::try_from(image)?, Program::decode(program.unwrap_or_default())?)
            }
        };
        let reuse = serial.map(Pool::decode).transpose()?.map_or(Reuse::Never, Reuse::Serial);
        let implementation = Self { body, reuse };
        implementation.check()?;
        Ok(implementation)
    }
}

/// A process has no image that says what to start.
fn started(program: Program) -> Result<Program, Refusal> {
    if program.command().is_empty() {
        return Err(Refusal::new(Code::InvalidManifest, "a process needs a command"));
    }
    Ok(program)
}

impl Encode<v1::Implementation> for Implementation {
    fn encode(self) -> v1::Implementation {
        let Self { body, reuse } = self;
        let body = match body {
            Body::Wasm(artifact) => Wire::Wasm(artifact.encode()),
            Body::Process(program) => Wire::Process(program.encode()),
            Body::Docker(image, program) => {
                Wire::Docker(v1::Container { image: image.into(), program: Some(program.encode()) })
            }
        };
        let serial = match reuse {
            Reuse::Never => None,
            Reuse::Serial(pool) => Some(pool.encode()),
        };
        v1::Implementation { body: Some(body), serial }
    }
}

impl Decode<v1::Artifact> for Artifact {
    fn decode(message: v1::Artifact) -> Result<Self, Refusal> {
        let v1::Artifact { digest, size } = message;
        Ok(Self { digest: digest.parse()?, size })
    }
}

impl Encode<v1::Artifact> for Artifact {
    fn encode(self) -> v1::Artifact {
        v1::Artifact { digest: self.digest.to_string(), size: self.size }
    }
}

impl Decode<v1::Program> for Program {
    fn decode(message: v1::Program) -> Result<Self, Refusal> {
        let v1::Program { command, env, files } = message;
        Self::new(command, env.into_iter().collect(), files.map(Artifact::decode).transpose()?)
    }
}

impl Encode<v1::Program> for Program {
    fn encode(self) -> v1::Program {
        let env: HashMap<String, String> =
            self.env().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        v1::Program { command: self.command().to_vec(), env, files: self.files().map(Encode::encode) }
    }
}

impl Decode<v1::Pool> for Pool {
    fn decode(message: v1::Pool) -> Result<Self, Refusal> {
        let v1::Pool { min, max, calls, age, idle } = message;
        let age = duration(required(age, "pool.age")?)?;
        Ok(Self { min, max, calls, age, idle: duration(required(idle, "pool.idle")?)? })
    }
}

impl Encode<v1::Pool> for Pool {
    fn encode(self) -> v1::Pool {
        let Self { min, max, calls, age, idle } = self;
        v1::Pool { min, max, calls, age: Some(age.encode()), idle: Some(idle.encode()) }
    }
}

/// The agents of a node. Those of a newer one that are unknown here run nothing here.
///
/// # Errors
/// When there are too many.
pub fn agents(messages: Vec<v1::Agent>) -> Result<Vec<AgentInfo>, Refusal> {
    if messages.len() > MAX_AGENTS {
        return Err(invalid(format!("{} agents are more than {MAX_AGENTS}", messages.len())));
    }
    let known = |message: &v1::Agent| message.kind.parse::<AgentKind>().is_ok();
    messages.into_iter().filter(known).map(AgentInfo::decode).collect()
}

impl Decode<v1::Agent> for AgentInfo {
    fn decode(message: v1::Agent) -> Result<Self, Refusal> {
        let v1::Agent { kind, unavailable, instances } = message;
        let unavailable = unavailable.map(|text| capped(text, "agent.unavailable", MAX_REASON)).transpose()?;
        Ok(Self { kind: kind.parse()?, unavailable, instances: InstanceCounts::decode(instances.unwrap_or_default())? })
    }
}

impl Encode<v1::Agent> for AgentInfo {
    fn encode(self) -> v1::Agent {
        let Self { kind, unavailable, instances } = self;
        v1::Agent { kind: kind.to_string(), unavailable, instances: Some(instances.encode()) }
    }
}

impl Decode<v1::InstanceCounts> for InstanceCounts {
    fn decode(message: v1::InstanceCounts) -> Result<Self, Refusal> {
        let v1::InstanceCounts { idle, hits, misses, starts } = message;
        Ok(Self { idle, hits, misses, starts })
    }
}

impl Encode<v1::InstanceCounts> for InstanceCounts {
    fn encode(self) -> v1::InstanceCounts {
        let Self { idle, hits, misses, starts } = self;
        v1::InstanceCounts { idle, hits, misses, starts }
    }
}

impl Decode<v1::Ran> for Ran {
    fn decode(message: v1::Ran) -> Result<Self, Refusal> {
        let v1::Ran { agent, skipped } = message;
        if skipped.len() > Implementation::MAX {
            return Err(invalid(format!("{} implementations were skipped, of {}", skipped.len(), Implementation::MAX)));
        }
        let skipped = skipped.into_iter().map(|v1::Skipped { agent, reason }| {
            Ok(Skipped { agent: agent.parse()?, reason: capped(reason, "skipped.reason", MAX_REASON)? })
        });
        Ok(Self { agent: agent.parse()?, skipped: skipped.collect::<Result<_, Refusal>>()? })
    }
}

impl Encode<v1::Ran> for Ran {
    fn encode(self) -> v1::Ran {
        let Self { agent, skipped } = self;
        let skipped = skipped.into_iter().map(|Skipped { agent, mut reason }| {
            reason.truncate(reason.floor_char_boundary(MAX_REASON));
            v1::Skipped { agent: agent.to_string(), reason }
        });
        v1::Ran { agent: agent.to_string(), skipped: skipped.collect() }
    }
}
