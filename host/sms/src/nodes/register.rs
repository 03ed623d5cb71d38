//! What a node says of itself when it opens a link. It is another machine: all of it is capped here.

use spear_placement::NodeSpec;
use spear_proto::v1::{Register, link_request};
use spear_state::{Incarnation, Joining};
use spear_types::{AttemptId, Capacity, Code, Cpu, Digest, Labels, MAX_ARTIFACTS, Refusal};
use spear_wire::{Decode as _, capped, implementation};
use uuid::Uuid;

/// The longest address and version that a node may tell, in bytes.
const MAX_ADDRESS: usize = 1 << 10;
const MAX_VERSION: usize = 64;

/// The most runs at once: each that a node takes costs the SMS memory.
const MAX_SLOTS: u32 = 100_000;

/// The most memory of a node, 1 PiB: sums over a fleet stay far from their limit.
const MAX_MEMORY: u64 = 1 << 50;

/// The most attempts that a node may have: as many as it has slots, and ends that are not acknowledged.
const MAX_HELD: usize = 100_000;

/// What all of that fits into, in bytes: an artifact takes 66, an attempt 44.
pub(super) const MAX_MESSAGE: usize = 8 << 20;

/// The first message of a link, taken apart.
///
/// # Errors
/// `InvalidRequest` and `InvalidName` say what of it is missing, malformed or too much.
pub(super) fn joining(first: link_request::Message) -> Result<Joining, Refusal> {
    let link_request::Message::Register(register) = first else {
        return Err(invalid("the first message of a link has to be a registration".to_owned()));
    };
    let Register {
        name,
        address,
        slots,
        spear_version,
        incarnation,
        cpu_millis,
        memory_bytes,
        labels,
        agents,
        artifacts,
        held,
    } = register;
    let name = name.try_into()?;
    let capacity =
        Capacity { slots: self::slots(slots)?, cpu: Cpu::decode(cpu_millis)?, memory: memory(memory_bytes)? };
    let spec = NodeSpec {
        name,
        capacity,
        labels: Labels::decode(labels)?,
        agents: implementation::agents(agents)?,
        artifacts: self::artifacts(&artifacts)?.into_iter().collect(),
    };
    Ok(Joining {
        spec,
        address: capped(address, "register.address", MAX_ADDRESS)?,
        spear_version: capped(spear_version, "register.spear_version", MAX_VERSION)?,
        incarnation: self::incarnation(&incarnation)?,
        held: few(&held, "register.held", MAX_HELD).and_then(|()| held.into_iter().map(AttemptId::decode).collect())?,
    })
}

/// Digests that a node says it holds.
///
/// # Errors
/// `InvalidRequest` when they are too many or one is none.
pub(super) fn artifacts(digests: &[String]) -> Result<Vec<Digest>, Refusal> {
    few(digests, "artifacts", MAX_ARTIFACTS)?;
    digests.iter().map(|digest| digest.parse()).collect()
}

fn slots(slots: u32) -> Result<u32, Refusal> {
    if !(1..=MAX_SLOTS).contains(&slots) {
        return Err(invalid(format!("register.slots = {slots} has to be 1 to {MAX_SLOTS}")));
    }
    Ok(slots)
}

fn memory(bytes: u64) -> Result<u64, Refusal> {
    if bytes > MAX_MEMORY {
        return Err(invalid(format!("register.memory_bytes = {bytes} is over the limit of {MAX_MEMORY}")));
    }
    Ok(bytes)
}

fn incarnation(text: &str) -> Result<Incarnation, Refusal> {
    let shown = || text.chars().take(MAX_VERSION).collect::<String>();
    let invalid = |error| invalid(format!("register.incarnation {:?} is no UUID: {error}", shown()));
    Uuid::try_parse(text).map(Incarnation).map_err(invalid)
}

/// Counted before they are taken apart.
fn few<T>(many: &[T], name: &str, max: usize) -> Result<(), Refusal> {
    if many.len() > max {
        return Err(invalid(format!("{name} has {} entries, the limit is {max}", many.len())));
    }
    Ok(())
}

fn invalid(message: String) -> Refusal {
    Refusal::new(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use spear_proto::v1::{Agent, Attempt, Heartbeat};
    use spear_types::TaskId;

    use super::*;

    fn register() -> Register {
        Register {
            name: "one".to_owned(),
            address: "http://127.0.0.1:1".to_owned(),
            slots: 2,
            spear_version: "0.1.0".to_owned(),
            incarnation: Uuid::now_v7().to_string(),
            cpu_millis: 4_000,
            memory_bytes: 1 << 30,
            labels: [("zone".to_owned(), "a".to_owned())].into(),
            agents: vec![Agent { kind: "wasm".to_owned(), ..Default::default() }],
            artifacts: vec![Digest::of(b"a").to_string()],
            held: vec![Attempt { task: TaskId::generate().to_string(), number: 1 }],
        }
    }

    fn refused(change: impl FnOnce(&mut Register)) -> Refusal {
        let mut register = register();
        change(&mut register);
        joining(link_request::Message::Register(register)).unwrap_err()
    }

    #[test]
    fn a_sound_registration_is_taken_whole() {
        let joined = joining(link_request::Message::Register(register())).unwrap();
        assert_eq!(joined.spec.capacity, Capacity { slots: 2, cpu: Cpu::from_millis(4_000), memory: 1 << 30 });
        assert_eq!((joined.spec.labels.len(), joined.spec.agents.len(), joined.spec.artifacts.len()), (1, 1, 1));
        assert_eq!(joined.held[0].attempt, 1);
    }

    #[test]
    fn what_is_malformed_or_too_much_is_named() {
        let label = |number: usize| (format!("l{number}"), "v".to_owned());
        let refusals = [
            (refused(|register| register.name = "a/b".to_owned()), "a/b"),
            (refused(|register| register.address = "a".repeat(MAX_ADDRESS + 1)), "register.address"),
            (refused(|register| register.slots = 0), "register.slots = 0"),
            (refused(|register| register.slots = u32::MAX), "register.slots"),
            (refused(|register| register.cpu_millis = u32::MAX), "thousandths of a core"),
            (refused(|register| register.memory_bytes = u64::MAX), "register.memory_bytes"),
            (refused(|register| register.spear_version = "1".repeat(65)), "register.spear_version"),
            (refused(|register| register.incarnation = String::new()), "register.incarnation"),
            (refused(|register| register.incarnation = "x".repeat(1 << 20)), "register.incarnation"),
            (refused(|register| register.labels = (0..65).map(label).collect()), "65 labels"),
            (refused(|register| register.agents = vec![Agent::default(); 17]), "17 agents"),
            (refused(|register| register.artifacts = vec![String::new(); 10_001]), "artifacts has 10001 entries"),
            (refused(|register| register.artifacts = vec!["sha256:1".to_owned()]), "sha256:1"),
            (refused(|register| register.held = vec![Attempt::default(); 100_001]), "register.held"),
            (refused(|register| register.held = vec![Attempt::default()]), "not a task id"),
        ];
        for (refusal, named) in refusals {
            assert!(refusal.message.contains(named), "{named}: {refusal}");
            assert!(refusal.message.len() < 1_000, "{refusal}");
        }
    }

    #[test]
    fn whoever_does_not_register_first_is_no_node() {
        let refusal = joining(link_request::Message::Heartbeat(Heartbeat::default())).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidRequest);
    }
}
