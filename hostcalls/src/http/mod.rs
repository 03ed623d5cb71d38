//! `wasi:http/outgoing-handler`: requests to granted hosts.
//!
//! ```text
//! request ─▶ counted ─▶ host granted? ─▶ name resolved ─▶ address granted? ─▶ connected ─▶ TLS ─▶ exchange
//!            (limit)    (before DNS)     once             each of them         to that very address
//! ```
//!
//! Each request has a connection of its own: one that is kept and used again would carry a request past the check of its
//! address. HTTP/1.1 alone is spoken. A redirect is a response like any other: a guest that follows it sends another
//! request, which is checked as the first one was.

mod body;
mod connect;
mod exchange;
mod host;
mod request;
mod target;

use std::sync::Arc;

use spear_types::Refusal;
use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime_wasi_http::WasiHttpCtx;

pub use self::connect::Network;
use self::{body::Traffic, exchange::Exchange};
use crate::{
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    logs::LogBuffer,
};

/// What one `fields` of a guest may hold in bytes: a guest has as many of them as it has handles.
const MAX_FIELDS: usize = 16 << 10;

/// Names that one run resolves at once: it must not hold all of the node's turns.
const LOOKUPS: usize = 4;

/// The capability over the node's network.
#[derive(Clone)]
pub(crate) struct Http {
    network: Network,
}

/// What one instance holds.
pub(crate) struct State {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

/// What the standard implementation asks us.
struct Hooks {
    exchange: Exchange,
    log: Arc<LogBuffer>,
    requests: u32,
    sent: u32,
}

impl Http {
    pub(crate) fn new(network: Network) -> Self {
        Self { network }
    }
}

impl Capability for Http {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        host::add_to_linker(linker)
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_FIELDS);
        let exchange = Exchange {
            network: self.network.clone(),
            gate: run.gate.clone(),
            deadline: run.deadline,
            payload: run.limits.payload,
            traffic: Arc::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        };
        let hooks = Hooks { exchange, log: Arc::clone(&run.log), requests: run.limits.requests, sent: 0 };
        State { ctx, hooks }
    }
}

impl State {
    /// A call begins. A request that the last one left under way goes on: what it carries from now on is counted here.
    pub(crate) fn begin(&mut self, run: &PrepareContext) {
        let Hooks { exchange, log, requests: _, sent } = &mut self.hooks;
        (exchange.deadline, *log, *sent) = (run.deadline, Arc::clone(&run.log), 0);
        exchange.traffic.begin();
    }

    /// What its requests carried up to now.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.hooks.exchange.traffic
    }
}
