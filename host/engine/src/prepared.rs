//! A component that is ready to run: compiled, linked, its grants checked.

use std::{fs, path::Path, pin::pin, sync::Arc, time::Instant};

use spear_hostcalls::{CommandIo, ConfigureContext, Configured, Guest, Hostcalls, PrepareContext, logs::LogBuffer};
use spear_types::{Code, FunctionName, Granted, Identity, Limits, NodeName, Refusal, Reuse, Settings, TaskId};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Component, InstancePre};

use crate::{
    class::{Class, Interruption},
    instance::Instance,
    limiter::Limiter,
    places::Places,
    warm::{Counts, Keeper, Warm},
    watch::{Deadline, Left, watch},
    worlds::Entry,
};

/// What a version may use, and what its author set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Its limits.
    pub limits: Limits,
    /// Its grants.
    pub granted: Arc<Granted>,
    /// What `wasi:config/store` gives it.
    pub settings: Settings,
    /// Whose they are, where instances serve more than one call; none where nobody needs to know.
    pub owner: Option<Owner>,
}

/// Whose instances are that outlive a call: another function's calls never meet them, whatever its component is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The function.
    pub function: FunctionName,
    /// Its version.
    pub version: u32,
    /// The node.
    pub node: NodeName,
}

/// A component with its grants and limits; runs any number of times at once.
pub struct Prepared {
    pub(crate) interruption: Interruption,
    pub(crate) instance: InstancePre<Guest<Limiter>>,
    pub(crate) entry: Entry,
    pub(crate) hostcalls: Hostcalls,
    pub(crate) configured: Configured,
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Places>,
    /// Where instances serve one call after another.
    pub(crate) warm: Option<Warm<Instance>>,
    owner: Option<Owner>,
}

/// What instances are made in, and counted by.
pub(crate) struct House<'a> {
    pub(crate) class: &'a Class,
    pub(crate) hostcalls: &'a Hostcalls,
    pub(crate) places: &'a Arc<Places>,
    pub(crate) counts: &'a Arc<Counts>,
}

impl Prepared {
    pub(crate) fn new(house: &House<'_>, component: &Component, terms: &Terms, reuse: Reuse) -> Result<Self, Refusal> {
        let House { class, hostcalls, places, counts } = house;
        let entry = Entry::of(component)?;
        let warm = match reuse {
            Reuse::Never => None,
            Reuse::Serial(pool) => entry.serial().map(|()| Some(Warm::new(pool, counts)))?,
        };
        Ok(Self {
            interruption: class.interruption,
            instance: class.linker.instantiate_pre(component).map_err(|error| invalid(&error))?,
            entry,
            configured: hostcalls
                .configure(&ConfigureContext { granted: &terms.granted, settings: &terms.settings })?,
            hostcalls: Hostcalls::clone(hostcalls),
            limits: terms.limits.clone(),
            places: Arc::clone(places),
            warm,
            owner: terms.owner.clone(),
        })
    }

    /// What each of its calls may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// One call, as hostcalls see it.
    pub(crate) fn context(
        &self,
        identity: Identity,
        limits: Limits,
        deadline: Instant,
        log: &Arc<LogBuffer>,
        command: Option<CommandIo>,
    ) -> PrepareContext {
        let gate = self.configured.gate(log);
        PrepareContext { identity, limits, deadline, log: Arc::clone(log), gate, command }
    }

    /// Starts an instance without a call, within the time and the fuel of one. What it writes is nobody's.
    async fn ahead(&self, owner: &Owner) -> Result<Instance, String> {
        let place = self.places.spare().ok_or("the node has no place free")?;
        let Owner { function, version, node } = owner.clone();
        // Attempts count from 1: this is none.
        let (task, trace_parent) = (TaskId::NONE, None);
        let identity = Identity { task, attempt: 0, function, version, node, trace_parent, callers: Vec::new() };
        let (log, timeout) = (Arc::new(LogBuffer::new(0)), self.limits.timeout);
        let at = Instant::now() + timeout;
        let context = self.context(identity, self.limits.clone(), at, &log, None);
        let mut instance = Instance::fresh(self, place, &context).map_err(|refusal| refusal.message)?;
        let timer = pin!(tokio::time::sleep_until(at.into()));
        let cancel = CancellationToken::new();
        let started = watch(instance.enter(self), &mut Deadline::new(at, timeout, timer), &cancel).await;
        match started.left {
            Left::Done(Ok(_)) => {
                instance.leave();
                instance.rest();
                Ok(instance)
            }
            Left::Done(Err(error)) => Err(error.root_cause().to_string()),
            Left::Late { .. } | Left::Cancelled => Err(format!("it did not start within {timeout:?}")),
        }
    }
}

impl Keeper for Prepared {
    type Instance = Instance;

    fn warm(&self) -> Option<&Warm<Instance>> {
        self.warm.as_ref()
    }

    async fn start(&self) -> Result<Instance, String> {
        self.ahead(self.owner.as_ref().ok_or("nobody owns its instances")?).await
    }
}

pub(crate) fn compile(engine: &wasmtime::Engine, artifact: &Path) -> Result<Component, Refusal> {
    let unread =
        |error| Refusal::new(Code::Internal, format!("cannot read the artifact {}: {error}", artifact.display()));
    let bytes = fs::read(artifact).map_err(unread)?;
    Component::from_binary(engine, &bytes).map_err(|error| invalid(&error))
}

pub(crate) fn invalid(error: &wasmtime::Error) -> Refusal {
    Refusal::new(Code::InvalidComponent, format!("{error:#}"))
}
