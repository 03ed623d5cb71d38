//! The two classes of compiled code, each with its own engine and linker.

use spear_hostcalls::{Guest, Hostcalls};
use spear_types::Limits;
use wasmtime::{WasmBacktraceDetails, component::Linker};

use crate::{
    Config, Error,
    epoch::Ticker,
    limiter::Limiter,
    pool::{self, Allocation},
};

/// What one run's stack may hold of wasm frames: the default.
const WASM_STACK: usize = 512 << 10;

/// Wasm frames and the host's own under them.
const ASYNC_STACK: usize = 1 << 20;

/// How a running guest is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// Fuel is counted and gives the points to yield at.
    Fuel,
    /// The epoch gives the points to yield at.
    Epoch,
}

/// Code compiled for one kind of interruption.
pub(crate) struct Class {
    pub(crate) interruption: Interruption,
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<Guest<Limiter>>,
}

/// Both classes.
pub(crate) struct Classes {
    metered: Class,
    timed: Class,
    pub(crate) allocation: Allocation,
    _ticker: Ticker,
}

impl Classes {
    pub(crate) fn new(config: &Config, hostcalls: &Hostcalls) -> Result<Self, Error> {
        let allocation = Allocation::of_machine(config.slots, &config.maxima);
        let timed = Class::new(config, hostcalls, allocation, Interruption::Epoch)?;
        let metered = Class::new(config, hostcalls, allocation, Interruption::Fuel)?;
        let ticker = Ticker::start(&timed.engine)?;
        Ok(Self { metered, timed, allocation, _ticker: ticker })
    }

    /// The class for a run with these limits: metered where they have fuel.
    pub(crate) fn of(&self, limits: &Limits) -> &Class {
        if limits.fuel.is_some() { &self.metered } else { &self.timed }
    }
}

impl Class {
    fn new(
        config: &Config,
        hostcalls: &Hostcalls,
        allocation: Allocation,
        interruption: Interruption,
    ) -> Result<Self, Error> {
        let mut settings = settings(interruption);
        settings.allocation_strategy(pool::strategy(config.slots, &config.maxima, allocation));
        let engine = wasmtime::Engine::new(&settings)?;
        let mut linker = Linker::new(&engine);
        hostcalls.init(&mut linker)?;
        Ok(Self { interruption, engine, linker })
    }
}

/// What code is compiled for. Whatever changes here changes the compatibility hash that compiled code is kept under.
pub(crate) fn settings(interruption: Interruption) -> wasmtime::Config {
    let mut settings = wasmtime::Config::new();
    settings
        .consume_fuel(interruption == Interruption::Fuel)
        .epoch_interruption(interruption == Interruption::Epoch)
        // Saves a task's bookkeeping in each store: 15 µs a call become 9.
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(ASYNC_STACK)
        // One run's frames are never another's to read.
        .async_stack_zeroing(true)
        // Memory that threads share escapes the limiter. (Garbage collection and exceptions are not compiled in at all.)
        .shared_memory(false)
        // A trap names the guest's file and line.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .generate_address_map(true);
    settings
}
