//! Where runs may go.

use spear_types::{Constraint, Constraints, Cpu, Labels, MAX_LABELS, Placement, PlacementPolicy, Priority, Refusal};

use crate::{Decode, Encode, invalid, v1};

/// The most thousandths of a core that may be asked for, or that a node has: as many as the manifest allows.
const MAX_CPU: u32 = 10_000_000;

impl Decode<v1::Placement> for Placement {
    fn decode(message: v1::Placement) -> Result<Self, Refusal> {
        let v1::Placement { cpu_millis, memory_bytes, constraints, prefer, avoid, priority, policy } = message;
        Ok(Self {
            cpu: Cpu::decode(cpu_millis)?,
            memory: memory_bytes,
            constraints: Constraints::decode(constraints)?,
            prefer: Constraints::decode(prefer)?,
            avoid: Constraints::decode(avoid)?,
            priority: priority.map_or_else(|| Ok(Priority::DEFAULT), Priority::decode)?,
            policy: match v1::PlacementPolicy::try_from(policy) {
                Ok(v1::PlacementPolicy::Unspecified | v1::PlacementPolicy::Spread) => PlacementPolicy::Spread,
                Ok(v1::PlacementPolicy::Pack) => PlacementPolicy::Pack,
                Err(_) => return Err(invalid(format!("{policy} is no placement policy"))),
            },
        })
    }
}

impl Encode<v1::Placement> for Placement {
    fn encode(self) -> v1::Placement {
        let Self { cpu, memory, constraints, prefer, avoid, priority, policy } = self;
        let policy = match policy {
            PlacementPolicy::Spread => v1::PlacementPolicy::Spread,
            PlacementPolicy::Pack => v1::PlacementPolicy::Pack,
        };
        v1::Placement {
            cpu_millis: cpu.as_millis(),
            memory_bytes: memory,
            constraints: constraints.encode(),
            prefer: prefer.encode(),
            avoid: avoid.encode(),
            priority: Some(priority.get().into()),
            policy: policy.into(),
        }
    }
}

impl Decode<u32> for Cpu {
    fn decode(millis: u32) -> Result<Self, Refusal> {
        if millis > MAX_CPU {
            return Err(invalid(format!("{millis} thousandths of a core are over the limit of {MAX_CPU}")));
        }
        Ok(Self::from_millis(millis))
    }
}

impl Decode<u32> for Priority {
    fn decode(number: u32) -> Result<Self, Refusal> {
        // What does not fit is over 100 as well.
        u8::try_from(number).unwrap_or(u8::MAX).try_into()
    }
}

impl Decode<Vec<String>> for Constraints {
    fn decode(texts: Vec<String>) -> Result<Self, Refusal> {
        // Counted before they are taken apart: a client that is none of ours may send a million.
        if texts.len() > Self::MAX {
            return Err(invalid(format!("{} constraints are over the limit of {}", texts.len(), Self::MAX)));
        }
        texts.iter().map(|text| text.parse()).collect::<Result<Vec<Constraint>, _>>()?.try_into()
    }
}

impl Encode<Vec<String>> for Constraints {
    fn encode(self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

impl<S: std::hash::BuildHasher> Decode<std::collections::HashMap<String, String, S>> for Labels {
    fn decode(message: std::collections::HashMap<String, String, S>) -> Result<Self, Refusal> {
        if message.len() > MAX_LABELS {
            return Err(invalid(format!("{} labels are over the limit of {MAX_LABELS}", message.len())));
        }
        message.into_iter().map(|(label, value)| Ok((label.try_into()?, value.try_into()?))).collect()
    }
}

impl Encode<std::collections::HashMap<String, String>> for Labels {
    fn encode(self) -> std::collections::HashMap<String, String> {
        self.into_iter().map(|(label, value)| (label.into(), value.into())).collect()
    }
}
