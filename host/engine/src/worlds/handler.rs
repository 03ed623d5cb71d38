//! `spear:hostcalls/handler` as wasmtime lowers and lifts it. Bodies are [`Bytes`]: bindgen's records would want them
//! copied into vectors first.

use bytes::Bytes;
use spear_types::{Failure, Payload};
use wasmtime::component::{ComponentExportIndex, ComponentType, Lift, Lower, TypedFunc};

use super::{Answer, other_type};
use crate::{instance::Instance, prepared::Prepared};

/// The interface that a function exports.
pub(super) const INTERFACE: &str = "spear:hostcalls/handler@0.1.0";
/// The function in it.
pub(super) const FUNCTION: &str = "handle";

type Handle = TypedFunc<(WitPayload,), (Result<WitPayload, WitFailure>,)>;

/// The record `call`, and by its equal shape the record `reply`.
#[derive(Debug, Clone, ComponentType, Lower, Lift)]
#[component(record)]
struct WitPayload {
    #[component(name = "content-type")]
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// The record `failure`.
#[derive(Debug, Clone, ComponentType, Lower, Lift)]
#[component(record)]
struct WitFailure {
    code: String,
    message: String,
    retryable: bool,
}

impl From<Payload> for WitPayload {
    fn from(payload: Payload) -> Self {
        let Payload { content_type, headers, body } = payload;
        Self { content_type, headers, body }
    }
}

impl From<WitPayload> for Payload {
    fn from(payload: WitPayload) -> Self {
        let WitPayload { content_type, headers, body } = payload;
        Self { content_type, headers, body }
    }
}

impl From<WitFailure> for Failure {
    fn from(failure: WitFailure) -> Self {
        let WitFailure { code, message, retryable } = failure;
        Self { code, message, retryable, exit: None }
    }
}

pub(super) async fn run(
    within: &mut Instance,
    prepared: &Prepared,
    handle: ComponentExportIndex,
    call: Payload,
) -> wasmtime::Result<Answer> {
    let instance = within.enter(prepared).await?;
    let store = &mut within.store;
    let handle: Handle =
        instance.get_typed_func(&mut *store, handle).map_err(|error| other_type(FUNCTION, INTERFACE, error))?;
    let (answer,) = handle.call_async(&mut *store, (call.into(),)).await?;
    Ok(answer.map(Payload::from).map_err(Failure::from))
}
