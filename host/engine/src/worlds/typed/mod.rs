//! Any exported function, called by its name with arguments in WAVE, as in `add(1, 2)`.

mod arguments;
mod exports;
mod text;

use bytes::Bytes;
use spear_hostcalls::Guest;
use spear_types::{Code, Failure, Payload, Refusal};
use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, Val, wasm_wave::writer::Writer},
};

pub(super) use self::exports::Exports;
use self::text::Bounded;
use super::{Answer, Refused, handler::MAX_MESSAGE, too_large};
use crate::{limiter::Limiter, prepared::Prepared};

/// The longest call in bytes, where the limit `payload` is not tighter: each of them may stand for tens of bytes of
/// parsed values, and nothing interrupts a parser. What is larger belongs into a handler's body.
const MAX_CALL: usize = 256 << 10;

/// The media type of WAVE.
const WAVE: &str = "text/x-wave";

/// Reads the call before anything of the guest runs. A function's result is its answer in WAVE; the error of one whose
/// result is a `result` is its failure, with the code `error` and the error in WAVE as its message.
pub(super) async fn run(
    store: &mut Store<Guest<Limiter>>,
    prepared: &Prepared,
    text: String,
) -> wasmtime::Result<Answer> {
    let TypedCall { function, arguments, mut results } =
        TypedCall::read(prepared.instance.component(), &text).map_err(Refused)?;
    let instance = prepared.instance.instantiate_async(&mut *store).await?;
    let not_exported = || Refused(Refusal::new(Code::Internal, "the instance lacks what its component exports"));
    let function = instance.get_func(&mut *store, function).ok_or_else(not_exported)?;
    function.call_async(&mut *store, &arguments, &mut results).await?;
    Ok(answer(results.first(), prepared.limits.payload))
}

/// A function, what it is given, and room for what it gives.
struct TypedCall {
    function: ComponentExportIndex,
    arguments: Vec<Val>,
    results: Vec<Val>,
}

impl TypedCall {
    /// Reads `name(arguments)`.
    fn read(component: &Component, text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_CALL {
            let message = format!("the call has {} bytes, a name with arguments may have {MAX_CALL}", text.len());
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let (name, _) = text.split_once('(').ok_or_else(|| {
            let message = format!("{:?} is no call: NAME(ARGUMENTS) is needed, as in 'add(1, 2)'", shown(text));
            Refusal::new(Code::InvalidRequest, message)
        })?;
        let exports = Exports::of(component);
        let function = exports.find(name.trim())?;
        let signature = function.callable()?;
        let arguments = arguments::read(&function.ty, name.len(), text).map_err(|wrong| {
            Refusal::new(Code::InvalidRequest, format!("the arguments do not fit {}: {wrong}", shown(&signature)))
        })?;
        let results = vec![Val::Bool(false); function.ty.results().len()];
        Ok(Self { function: function.index(component)?, arguments, results })
    }
}

fn answer(result: Option<&Val>, limit: u64) -> Answer {
    let Some(result) = result else { return Ok(Payload::default()) };
    let (failed, value) = match result {
        Val::Result(Err(error)) => (true, error.as_deref()),
        value => (false, Some(value)),
    };
    let wave = |max: usize| {
        let mut text = Bounded::new(max);
        let written = value.is_none_or(|value| Writer::new(&mut text).write_value(value).is_ok());
        (text.into_string(), written)
    };
    if failed {
        let (message, _) = wave(MAX_MESSAGE);
        return Err(Failure { code: "error".to_owned(), message, retryable: false, exit: None });
    }
    match wave(usize::try_from(limit).unwrap_or(usize::MAX)) {
        (text, true) => {
            Ok(Payload { content_type: Some(WAVE.to_owned()), body: Bytes::from(text), ..Payload::default() })
        }
        (_, false) => Err(too_large(format!("the result in WAVE is over the limit `payload` of {limit} bytes"))),
    }
}

/// As much of a text as a message has room for.
fn shown(text: &str) -> &str {
    const MAX: usize = 500;
    &text[..text.floor_char_boundary(MAX)]
}
