//! The hostcall controller: what a guest may ask for.
//!
//! ```text
//!             once per process      once per version        once per instance        once per further call
//! capability    init ────────────▶    configure ───────────▶   prepare ──────────────▶   renew
//!               (linker)              (check the grant)        (state in the store)     (what is of one call)
//! ```
//!
//! One capability is one folder with the same files: `mod.rs` has the configuration and the state, `host.rs` what a
//! component calls, `remote.rs` what a program calls over its socket, and `checked.rs` what both do: count the call, ask
//! the gate, hold the limits, ask the backend. Adding a capability is one folder, and one line in each loop of
//! [`Hostcalls`].
//!
//! This crate knows wasmtime and the nouns of `spear-types`; it never knows the host's other parts.

mod bindings;
mod capability;
mod config;
pub mod files;
mod gate;
pub mod http;
pub mod kv;
pub mod logs;
mod meter;
pub mod objects;
mod own;
#[cfg(feature = "remote")]
pub mod remote;
mod resources;
pub mod secrets;
pub mod tasks;
mod wasi;

use std::sync::Arc;

use spear_types::{Denial, Granted, Refusal, Settings};
use wasmtime::component::{Linker, ResourceTable};

use crate::{capability::Capability as _, meter::Count, own::Own};
pub use crate::{
    capability::{ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    meter::Meter,
    wasi::{CommandIo, Stdout},
};

/// The list: every capability, made once per process.
#[derive(Clone)]
pub struct Hostcalls {
    config: config::Config,
    http: http::Http,
    kv: kv::Kv,
    logs: logs::Logs,
    objects: objects::Objects,
    resources: resources::Resources,
    secrets: secrets::Secrets,
    tasks: tasks::Tasks,
    wasi: wasi::Wasi,
}

/// What stands behind the capabilities: where things really are.
#[derive(Clone)]
pub struct Backends {
    /// Objects.
    pub objects: Arc<dyn objects::Backend>,
    /// Key-value stores.
    pub kv: Arc<dyn kv::Backend>,
    /// Other functions.
    pub tasks: Arc<dyn tasks::Backend>,
    /// Secrets.
    pub secrets: Arc<dyn secrets::Backend>,
    /// The way out for HTTP requests.
    pub network: http::Network,
    /// The folders that files may be granted in.
    pub folders: files::Folders,
}

/// What one deployed version may do.
pub struct Configured {
    config: Arc<Settings>,
    granted: Arc<Granted>,
    wasi: wasmtime_wasi::filesystem::WasiFilesystemCtx,
}

/// What one instance holds: the part of its store's data that belongs to hostcalls.
pub struct State {
    own: Own,
    http: http::State,
    wasi: wasi::State,
    table: ResourceTable,
}

impl Hostcalls {
    /// The list over its backends.
    #[must_use]
    pub fn new(backends: Backends) -> Self {
        let Backends { objects, kv, tasks, secrets, network, folders } = backends;
        Self {
            config: config::Config,
            http: http::Http::new(network),
            kv: kv::Kv::new(kv),
            logs: logs::Logs,
            objects: objects::Objects::new(objects),
            resources: resources::Resources,
            secrets: secrets::Secrets::new(secrets),
            tasks: tasks::Tasks::new(tasks),
            wasi: wasi::Wasi::new(folders),
        }
    }

    /// The first moment: makes every capability known to a linker.
    ///
    /// # Errors
    /// When two capabilities define one name: a fault of this crate.
    pub fn init<H: Host>(&self, linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        config::Config::init(linker)?;
        http::Http::init(linker)?;
        kv::Kv::init(linker)?;
        logs::Logs::init(linker)?;
        objects::Objects::init(linker)?;
        resources::Resources::init(linker)?;
        secrets::Secrets::init(linker)?;
        tasks::Tasks::init(linker)?;
        wasi::Wasi::init(linker)
    }

    /// The second moment: checks a version's grants.
    ///
    /// # Errors
    /// The first capability that cannot honour its grant says why.
    pub fn configure(&self, version: &ConfigureContext<'_>) -> Result<Configured, Refusal> {
        let config = self.config.configure(version)?;
        self.http.configure(version)?;
        self.kv.configure(version)?;
        self.logs.configure(version)?;
        self.objects.configure(version)?;
        self.resources.configure(version)?;
        self.secrets.configure(version)?;
        self.tasks.configure(version)?;
        Ok(Configured { config, granted: Arc::clone(version.granted), wasi: self.wasi.configure(version)? })
    }

    /// The third moment: the state of one instance.
    #[must_use]
    pub fn prepare(&self, configured: &Configured, run: &PrepareContext) -> State {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(run.limits.handles).unwrap_or(usize::MAX));
        State {
            own: self.own(configured, run),
            http: self.http.prepare(&(), run),
            wasi: self.wasi.prepare(&configured.wasi, run),
            table,
        }
    }

    /// The third moment again, for an instance that serves another call. What is of one call is replaced: who runs, until
    /// when, its counts, its log, what it was denied. What the guest holds stays, and so do the folders and sockets that it
    /// opened; what it has read of secrets stays hidden.
    pub fn renew(&self, configured: &Configured, state: &mut State, mut run: PrepareContext) {
        // The instance's own gate: what it opened asks there.
        run.gate = state.own.gate.clone();
        run.gate.begin(&run.log);
        run.log.hide_as(state.wasi.log());
        state.own = self.own(configured, &run);
        state.http.begin(&run);
        state.wasi.begin(&run);
    }

    /// The part that a program's run has too.
    fn own(&self, configured: &Configured, run: &PrepareContext) -> Own {
        Own {
            config: self.config.prepare(&configured.config, run),
            kv: self.kv.prepare(&(), run),
            logs: self.logs.prepare(&(), run),
            objects: self.objects.prepare(&(), run),
            resources: self.resources.prepare(&(), run),
            secrets: self.secrets.prepare(&(), run),
            tasks: self.tasks.prepare(&(), run),
            meter: Count::default(),
            gate: run.gate.clone(),
        }
    }
}

impl Configured {
    /// Where one instance asks for what it may, and what it was denied is written to its log.
    #[must_use]
    pub fn gate(&self, log: &Arc<logs::LogBuffer>) -> Gate {
        Gate::new(&self.granted, log)
    }
}

impl State {
    /// What the hostcalls of this instance cost up to now.
    #[must_use]
    pub fn meter(&self) -> Meter {
        let Meter { hostcalls, bytes_in, bytes_out } = self.own.meter();
        let traffic = self.http.traffic();
        Meter { hostcalls, bytes_in: bytes_in + traffic.received(), bytes_out: bytes_out + traffic.sent() }
    }

    /// The last thing that the guest asked for without a grant.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.own.denial()
    }

    /// What the guest's panic printed, where it did.
    #[must_use]
    pub fn panic_message(&self) -> Option<String> {
        self.wasi.panic_message()
    }

    /// At most `max` bytes of the text, with `•••` in place of every secret that the guest has read. A secret must be
    /// whole to be found: what cuts a text cuts it here.
    #[must_use]
    pub fn redact(&self, text: &str, max: usize) -> String {
        self.own.redact(text, max)
    }

    /// Takes what a command wrote to standard output; nothing where no command runs.
    #[must_use]
    pub fn take_stdout(&mut self) -> Stdout {
        self.wasi.take_stdout()
    }

    /// Writes out what the guest left in its streams without an end of line.
    pub fn finish(&mut self) {
        self.wasi.finish();
    }

    /// The call is over and was reported: what still goes on beside the guest is nobody's.
    pub fn rest(&mut self) {
        self.own.gate.end();
    }
}
