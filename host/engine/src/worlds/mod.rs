//! Worlds: what of a component a call goes to, and how it gets there and back.
//!
//! ```text
//! Call ─▶ lower ─▶ Lowered ─▶ run ──────────────▶ Answer
//!         what of it           handler · http ·     a payload, or
//!         is called?           command · typed      the function's failure
//! ```

mod command;
mod handler;
mod http;
mod text;
mod typed;

use std::fmt::Display;

use bytes::Bytes;
use spear_hostcalls::{CommandIo, secrets::MAX_SECRET};
use spear_types::{Call, Code, Failure, Identity, NO_SERIAL_COMMAND, Payload, Refusal};
use wasmtime::component::{Component, ComponentExportIndex};

use self::typed::Exports;
use crate::{instance::Instance, outcome::MAX_MESSAGE, prepared::Prepared};

/// What of a guest's error is written out: a message, and a secret that begins in it, whole, with up to 6 bytes between
/// quotes for each of its own. It is cut to a message once it is without secrets.
const MAX_RAW: usize = MAX_MESSAGE + 6 * MAX_SECRET as usize;

/// What a function answered, or how it said that it failed.
pub(crate) type Answer = Result<Payload, Failure>;

/// What a call goes to that names no function.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    /// `spear:hostcalls/handler`.
    Handler(ComponentExportIndex),
    /// `wasi:http/incoming-handler`.
    Http(ComponentExportIndex),
    /// `wasi:cli/run`.
    Command(ComponentExportIndex),
    /// Nothing: its functions are called by name.
    Functions,
}

/// A call that fits what it goes to.
pub(crate) enum Lowered {
    Handler(ComponentExportIndex, Payload),
    Http(ComponentExportIndex, Box<::http::Request<Bytes>>),
    Command(ComponentExportIndex),
    Typed(String),
}

/// Not the guest's doing: stands for an error of the run, and the call is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) Refusal);

/// The function's failure, though it has not returned and never will.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct BrokenOff(Failure);

impl Entry {
    /// Whether one instance can be called more than once.
    ///
    /// # Errors
    /// `InvalidComponent` for a command: a program runs once from its start to its end.
    pub(crate) fn serial(self) -> Result<(), Refusal> {
        match self {
            Self::Command(_) => Err(Refusal::new(Code::InvalidComponent, NO_SERIAL_COMMAND)),
            Self::Handler(_) | Self::Http(_) | Self::Functions => Ok(()),
        }
    }

    /// The first of these that the component exports.
    ///
    /// # Errors
    /// `InvalidComponent` when it exports no function at all.
    pub(crate) fn of(component: &Component) -> Result<Self, Refusal> {
        let find = |interface: &str, function: &str| {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), function)
        };
        let handler = || find(handler::INTERFACE, handler::FUNCTION).map(Self::Handler);
        let http = || find(http::INTERFACE, http::FUNCTION).map(Self::Http);
        let command = || find(command::INTERFACE, command::FUNCTION).map(Self::Command);
        match handler().or_else(http).or_else(command) {
            Some(entry) => Ok(entry),
            None if Exports::of(component).is_empty() => {
                let message = format!("it exports no function: {} is the main one", handler::INTERFACE);
                Err(Refusal::new(Code::InvalidComponent, message))
            }
            None => Ok(Self::Functions),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Handler(_) => "a handler",
            Self::Http(_) => "an HTTP handler",
            Self::Command(_) => "a command",
            Self::Functions => "a set of functions",
        }
    }
}

/// Makes a call fit; with what a command finds in its arguments and its standard input.
///
/// # Errors
/// `InvalidRequest` for a call of another kind of component.
pub(crate) fn lower(
    prepared: &Prepared,
    call: Call,
    identity: &Identity,
) -> Result<(Lowered, Option<CommandIo>), Refusal> {
    let name = identity.function.as_str();
    let command =
        |args: Vec<String>, stdin| CommandIo { args: std::iter::once(name.to_owned()).chain(args).collect(), stdin };
    Ok(match (prepared.entry, call) {
        (_, Call::Typed(text)) => (Lowered::Typed(text), None),
        (Entry::Handler(handle), Call::Payload(payload)) => (Lowered::Handler(handle, payload), None),
        (Entry::Http(handle), Call::Payload(payload)) => {
            (Lowered::Http(handle, Box::new(http::request(payload, name)?)), None)
        }
        (Entry::Command(run), Call::Command { args, stdin }) => (Lowered::Command(run), Some(command(args, stdin))),
        (Entry::Command(run), Call::Payload(Payload { headers, body, .. })) if headers.is_empty() => {
            (Lowered::Command(run), Some(command(Vec::new(), body)))
        }
        (entry, Call::Command { .. }) => return Err(other(prepared, entry, "arguments")),
        (entry, Call::Payload(_)) => return Err(other(prepared, entry, "a payload with headers")),
    })
}

impl Lowered {
    /// Enters the instance, calls it, and leaves it where the guest's function has returned.
    pub(crate) async fn run(self, instance: &mut Instance, prepared: &Prepared) -> wasmtime::Result<Answer> {
        // The rarer worlds are in boxes: what a handler's call allocates must not grow with theirs.
        let answered = match self {
            Self::Handler(handle, payload) => handler::run(instance, prepared, handle, payload).await,
            Self::Http(handle, request) => Box::pin(http::run(instance, prepared, handle, *request)).await,
            Self::Command(run) => Box::pin(command::run(instance, prepared, run)).await,
            Self::Typed(text) => Box::pin(typed::run(instance, prepared, text)).await,
        };
        match answered {
            Ok(answer) => {
                instance.leave();
                Ok(answer)
            }
            Err(error) => error.downcast().map(|BrokenOff(failure)| Err(failure)),
        }
    }
}

/// The answer would be over the limit `payload`: whatever it is, it is not sent.
pub(crate) fn too_large(message: impl Into<String>) -> Failure {
    Failure { code: "reply-too-large".to_owned(), message: message.into(), retryable: false, exit: None }
}

fn other(prepared: &Prepared, entry: Entry, given: &str) -> Refusal {
    let takes = match entry {
        Entry::Handler(_) | Entry::Http(_) => "give it a body: `spear invoke NAME -d TEXT`".to_owned(),
        Entry::Command(_) => "give it arguments: `spear invoke NAME -- ARGS`".to_owned(),
        Entry::Functions => "call one of them: `spear invoke NAME 'FUNCTION(ARGS)'`".to_owned(),
    };
    let mut message = format!("it is {} and does not take {given}", entry.name());
    if let Entry::Functions = entry {
        let given = if given == "arguments" { given } else { "a call without a function's name" };
        let exports = Exports::of(prepared.instance.component());
        message = format!("it is {} and does not take {given}; it exports:\n{exports}", entry.name());
    }
    Refusal::new(Code::InvalidRequest, message).help(takes)
}

/// The export has the name of an entry and another type.
fn other_type(function: &str, interface: &str, error: impl Display) -> Refused {
    let message = format!("its `{function}` has another type than {interface}: {error}");
    Refused(Refusal::new(Code::InvalidComponent, message))
}

/// The text, or its start of at most `max` bytes.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.shrink_to_fit();
    }
    text
}
