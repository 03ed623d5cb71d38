//! A component that is ready to run: compiled, linked, its grants checked.

use std::{fs, path::Path, sync::Arc};

use spear_hostcalls::{ConfigureContext, Configured, Guest, Hostcalls};
use spear_types::{Code, Granted, Limits, Refusal, Settings};
use wasmtime::component::{Component, InstancePre};

use crate::{
    class::{Class, Interruption},
    limiter::Limiter,
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
}

/// A component with its grants and limits; runs any number of times at once.
pub struct Prepared {
    pub(crate) interruption: Interruption,
    pub(crate) instance: InstancePre<Guest<Limiter>>,
    pub(crate) entry: Entry,
    pub(crate) configured: Configured,
    pub(crate) limits: Limits,
}

impl Prepared {
    pub(crate) fn new(
        class: &Class,
        hostcalls: &Hostcalls,
        component: &Component,
        terms: &Terms,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            interruption: class.interruption,
            instance: class.linker.instantiate_pre(component).map_err(|error| invalid(&error))?,
            entry: Entry::of(component)?,
            configured: hostcalls
                .configure(&ConfigureContext { granted: &terms.granted, settings: &terms.settings })?,
            limits: terms.limits.clone(),
        })
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
