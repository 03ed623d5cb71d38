//! What one run may use: asked for by the manifest, bounded by the operator.

use std::{fmt, time::Duration};

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::{AgentKind, Code, Cpu, Refusal};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The limits of one run, all in force at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Linear memory in bytes, all memories together.
    pub memory: u64,
    /// Wall time from the start of the run.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Fuel; none: the run is timed by the epoch and not metered.
    pub fuel: Option<u64>,
    /// Cores that it may keep busy; none: all that are free. A component never keeps more than one busy.
    pub cpu: Option<Cpu>,
    /// Bytes of the call, of the reply, and of an object that the guest holds at once.
    pub payload: u64,
    /// Bytes of log.
    pub log: u64,
    /// Bytes that one hostcall may carry out of the guest.
    pub hostcall: u64,
    /// Elements of all tables together.
    pub tables: u32,
    /// Handles to host resources (buckets, streams, …) held at once.
    pub handles: u32,
    /// Other functions that it may invoke.
    pub calls: u32,
    /// HTTP requests that it may send.
    pub requests: u32,
}

/// Limits that somebody sets; what is absent is left to somebody else.
///
/// Sizes are written `"64MiB"` or as a number of bytes, times `"10s"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitRequest {
    /// See [`Limits::memory`].
    #[serde(with = "crate::size::optional", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// See [`Limits::timeout`].
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// See [`Limits::fuel`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// See [`Limits::cpu`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// See [`Limits::payload`].
    #[serde(with = "crate::size::optional", skip_serializing_if = "Option::is_none")]
    pub payload: Option<u64>,
    /// See [`Limits::log`].
    #[serde(with = "crate::size::optional", skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// See [`Limits::hostcall`].
    #[serde(with = "crate::size::optional", skip_serializing_if = "Option::is_none")]
    pub hostcall: Option<u64>,
    /// See [`Limits::tables`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<u32>,
    /// See [`Limits::handles`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handles: Option<u32>,
    /// See [`Limits::calls`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// See [`Limits::requests`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
}

/// The operator's word on limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitPolicy {
    /// In force where a manifest says nothing.
    pub defaults: Limits,
    /// What a manifest may ask for at the most; `fuel: None` is no maximum.
    pub maxima: Limits,
}

/// What enforces a limit on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnforcedBy {
    /// The store's resource limiter refuses the growth.
    Limiter,
    /// The epoch interrupts the guest, a timer outside of it ends the run.
    Epoch,
    /// Fuel is counted by each block of the guest's code.
    Fuel,
    /// The host counts at its own door.
    Host,
    /// The node's machine: a control group, or limits of each process.
    Machine,
}

impl LimitPolicy {
    /// The limits in force for what a manifest asks.
    ///
    /// # Errors
    /// [`Code::LimitTooHigh`] names every limit that is over its maximum; `InvalidManifest` for no cores at all.
    pub fn resolve(&self, request: &LimitRequest) -> Result<Limits, Refusal> {
        let asked = request.over(&self.defaults);
        // An operator who bounds fuel wants every run metered, and who bounds cores wants each held to them.
        let limits = Limits { fuel: asked.fuel.or(self.maxima.fuel), cpu: asked.cpu.or(self.maxima.cpu), ..asked };
        limits.within(&self.maxima)?;
        if limits.cpu == Some(Cpu::default()) {
            return Err(Refusal::new(Code::InvalidManifest, "cpu = 0 leaves nothing to run with")
                .help("say how many cores a run may keep busy, as in 0.5, or leave it out"));
        }
        Ok(limits)
    }
}

impl Default for LimitPolicy {
    fn default() -> Self {
        Self { defaults: Limits::DEFAULTS, maxima: Limits::MAXIMA }
    }
}

impl LimitRequest {
    /// These limits, and `base` where they are absent.
    #[must_use]
    pub fn over(&self, base: &Limits) -> Limits {
        let payload = self.payload.unwrap_or(base.payload);
        Limits {
            memory: self.memory.unwrap_or(base.memory),
            timeout: self.timeout.unwrap_or(base.timeout),
            fuel: self.fuel.or(base.fuel),
            cpu: self.cpu.or(base.cpu),
            payload,
            log: self.log.unwrap_or(base.log),
            // An object of the payload's size has to fit into the hostcall that puts it.
            hostcall: self.hostcall.unwrap_or_else(|| base.hostcall.max(payload.saturating_add(MIB))),
            tables: self.tables.unwrap_or(base.tables),
            handles: self.handles.unwrap_or(base.handles),
            calls: self.calls.unwrap_or(base.calls),
            requests: self.requests.unwrap_or(base.requests),
        }
    }
}

impl From<Limits> for LimitRequest {
    fn from(limits: Limits) -> Self {
        let Limits { memory, timeout, fuel, cpu, payload, log, hostcall, tables, handles, calls, requests } = limits;
        Self {
            memory: Some(memory),
            timeout: Some(timeout),
            fuel,
            cpu,
            payload: Some(payload),
            log: Some(log),
            hostcall: Some(hostcall),
            tables: Some(tables),
            handles: Some(handles),
            calls: Some(calls),
            requests: Some(requests),
        }
    }
}

impl Limits {
    /// Enough for an ordinary function: a Rust guest starts with 1–2 MiB of memory.
    pub const DEFAULTS: Self = Self {
        memory: 64 * MIB,
        timeout: Duration::from_secs(10),
        fuel: None,
        cpu: None,
        payload: 4 * MIB,
        log: 256 * KIB,
        hostcall: 16 * MIB,
        tables: 20_000,
        handles: 1_000,
        calls: 100,
        requests: 100,
    };

    /// What a node of 4 GiB can give to a few runs at once.
    pub const MAXIMA: Self = Self {
        memory: GIB,
        timeout: Duration::from_secs(3600),
        fuel: None,
        cpu: None,
        payload: 64 * MIB,
        log: 4 * MIB,
        hostcall: 65 * MIB,
        tables: 100_000,
        handles: 100_000,
        calls: 10_000,
        requests: 10_000,
    };

    /// These limits, none of them over `maxima`.
    #[must_use]
    pub fn at_most(&self, maxima: &Self) -> Self {
        Self {
            memory: self.memory.min(maxima.memory),
            timeout: self.timeout.min(maxima.timeout),
            fuel: self.fuel.map(|fuel| fuel.min(maxima.fuel.unwrap_or(u64::MAX))),
            cpu: self.cpu.map(|cpu| cpu.min(maxima.cpu.unwrap_or(cpu))),
            payload: self.payload.min(maxima.payload),
            log: self.log.min(maxima.log),
            hostcall: self.hostcall.min(maxima.hostcall),
            tables: self.tables.min(maxima.tables),
            handles: self.handles.min(maxima.handles),
            calls: self.calls.min(maxima.calls),
            requests: self.requests.min(maxima.requests),
        }
    }

    /// Whether none of these is over `maxima`.
    ///
    /// # Errors
    /// [`Code::LimitTooHigh`] names every limit that is.
    pub fn within(&self, maxima: &Self) -> Result<(), Refusal> {
        let pairs = self.numbers().into_iter().zip(maxima.numbers());
        let over: Vec<String> = pairs
            .filter(|((_, asked), (_, max))| asked > max)
            .map(|((name, asked), (_, max))| {
                format!("{name}: {} asked, {} allowed", show(name, asked), show(name, max))
            })
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(Code::LimitTooHigh, over.join("; "))
            .help("lower it under [limits] in spear.toml, or ask the operator"))
    }

    /// Each limit that a run by this agent has, with its value as text and what enforces it.
    #[must_use]
    pub fn enforcement(&self, agent: AgentKind) -> Vec<(&'static str, String, EnforcedBy)> {
        let shown = |(name, value)| (name, show(name, value), self.enforced_by(name, agent));
        let has = |name: &str| match agent {
            AgentKind::Wasm => name != "cpu" && (name != "fuel" || self.fuel.is_some()),
            AgentKind::Docker | AgentKind::Process if name == "cpu" => self.cpu.is_some(),
            // A program has no tables and handles of an engine, and no requests that SPEAR makes for it.
            AgentKind::Docker | AgentKind::Process => !["fuel", "tables", "handles", "requests"].contains(&name),
        };
        self.numbers().into_iter().filter(|(name, _)| has(name)).map(shown).collect()
    }

    fn enforced_by(&self, name: &str, agent: AgentKind) -> EnforcedBy {
        match (name, agent) {
            ("memory" | "cpu", AgentKind::Docker | AgentKind::Process) => EnforcedBy::Machine,
            (_, AgentKind::Docker | AgentKind::Process) => EnforcedBy::Host,
            (name, AgentKind::Wasm) => self.enforced_in_engine(name),
        }
    }

    fn enforced_in_engine(&self, name: &str) -> EnforcedBy {
        match name {
            "memory" | "tables" => EnforcedBy::Limiter,
            "fuel" => EnforcedBy::Fuel,
            // A metered guest is interrupted by its fuel, never by both.
            "timeout" if self.fuel.is_some() => EnforcedBy::Fuel,
            "timeout" => EnforcedBy::Epoch,
            _ => EnforcedBy::Host,
        }
    }

    /// Every limit as a number, so that they are compared and shown in one loop.
    fn numbers(&self) -> [(&'static str, u128); 11] {
        let Self { memory, timeout, fuel, cpu, payload, log, hostcall, tables, handles, calls, requests } = self;
        [
            ("memory", u128::from(*memory)),
            ("timeout", timeout.as_nanos()),
            ("fuel", fuel.map_or(u128::MAX, u128::from)),
            ("cpu", cpu.map_or(u128::MAX, |cpu| u128::from(cpu.as_millis()))),
            ("payload", u128::from(*payload)),
            ("log", u128::from(*log)),
            ("hostcall", u128::from(*hostcall)),
            ("tables", u128::from(*tables)),
            ("handles", u128::from(*handles)),
            ("calls", u128::from(*calls)),
            ("requests", u128::from(*requests)),
        ]
    }
}

impl fmt::Display for EnforcedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limiter => "limiter",
            Self::Epoch => "epoch",
            Self::Fuel => "fuel",
            Self::Host => "host",
            Self::Machine => "machine",
        })
    }
}

fn show(name: &str, value: u128) -> String {
    let bounded = u64::try_from(value).unwrap_or(u64::MAX);
    match name {
        "timeout" => humantime::format_duration(Duration::from_nanos(bounded)).to_string(),
        "fuel" | "cpu" if value == u128::MAX => "no limit".to_owned(),
        "cpu" => Cpu::from_millis(u32::try_from(bounded).unwrap_or(u32::MAX)).to_string(),
        "fuel" | "tables" | "handles" | "calls" | "requests" => bounded.to_string(),
        _ => ByteSize(bounded).display().iec().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_fills_up_from_the_defaults() {
        let request = LimitRequest { memory: Some(MIB), ..LimitRequest::default() };
        let limits = LimitPolicy::default().resolve(&request).unwrap();
        assert_eq!(limits, Limits { memory: MIB, ..Limits::DEFAULTS });
    }

    #[test]
    fn every_limit_over_its_maximum_is_named_at_once() {
        let request = LimitRequest {
            memory: Some(1 << 40),
            timeout: Some(Duration::from_secs(90_000)),
            ..LimitRequest::default()
        };
        let refusal = LimitPolicy::default().resolve(&request).unwrap_err();
        assert_eq!(refusal.code, Code::LimitTooHigh);
        assert!(refusal.message.contains("memory: 1.0 TiB asked, 1.0 GiB allowed"), "{refusal}");
        assert!(refusal.message.contains("timeout: 1day 1h asked, 1h allowed"), "{refusal}");
    }

    #[test]
    fn an_operator_who_bounds_fuel_has_every_run_metered() {
        let maxima = Limits { fuel: Some(1_000), ..Limits::MAXIMA };
        let policy = LimitPolicy { defaults: Limits::DEFAULTS, maxima: maxima.clone() };
        assert_eq!(policy.resolve(&LimitRequest::default()).unwrap().fuel, Some(1_000));
        let refusal = Limits::DEFAULTS.within(&maxima).unwrap_err();
        assert!(refusal.message.contains("fuel: no limit asked, 1000 allowed"), "{refusal}");
    }

    #[test]
    fn an_operator_who_bounds_cores_has_every_program_held_to_them_and_none_of_them_is_no_bound() {
        let maxima = Limits { cpu: Some(Cpu::from_millis(500)), ..Limits::MAXIMA };
        let policy = LimitPolicy { defaults: Limits::DEFAULTS, maxima };
        let limits = policy.resolve(&LimitRequest::default()).unwrap();
        assert_eq!(limits.cpu, Some(Cpu::from_millis(500)));
        let cpu = limits.enforcement(AgentKind::Process).into_iter().find(|(name, ..)| *name == "cpu");
        assert_eq!(cpu, Some(("cpu", "0.5".to_owned(), EnforcedBy::Machine)));
        let asked = |millis| LimitRequest { cpu: Some(Cpu::from_millis(millis)), ..LimitRequest::default() };
        assert!(policy.resolve(&asked(2_000)).unwrap_err().message.contains("cpu: 2 asked, 0.5 allowed"));
        assert_eq!(policy.resolve(&asked(0)).unwrap_err().code, Code::InvalidManifest);
    }

    #[test]
    fn a_metered_run_is_interrupted_by_fuel_and_a_timed_one_by_the_epoch() {
        let timeout = |limits: &Limits| {
            limits.enforcement(AgentKind::Wasm).into_iter().find(|(name, ..)| *name == "timeout").unwrap().2
        };
        assert_eq!(timeout(&Limits::DEFAULTS), EnforcedBy::Epoch);
        assert_eq!(timeout(&Limits { fuel: Some(1), ..Limits::DEFAULTS }), EnforcedBy::Fuel);
    }
}
