//! `spear:hostcalls/handler` as wasmtime lowers and lifts it. Bodies are [`Bytes`]: bindgen's records would want them
//! copied into vectors first.

use bytes::Bytes;
use spear_types::{Failure, Payload};
use wasmtime::component::{ComponentType, Lift, Lower};

/// The interface that a function exports.
pub(crate) const INTERFACE: &str = "spear:hostcalls/handler@0.1.0";
/// The function in it.
pub(crate) const FUNCTION: &str = "handle";

/// A failure's longest code and message in bytes; what is longer is cut, because the guest chose it.
const MAX_CODE: usize = 64;
const MAX_MESSAGE: usize = 16 << 10;

/// The record `call`, and by its equal shape the record `reply`.
#[derive(Debug, Clone, ComponentType, Lower, Lift)]
#[component(record)]
pub(crate) struct WitPayload {
    #[component(name = "content-type")]
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// The record `failure`.
#[derive(Debug, Clone, ComponentType, Lower, Lift)]
#[component(record)]
pub(crate) struct WitFailure {
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
        Self { code: cut(code, MAX_CODE), message: cut(message, MAX_MESSAGE), retryable, exit: None }
    }
}

/// The text, or its start of at most `max` bytes.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.shrink_to_fit();
    }
    text
}
