//! What a run's end means.

use rustc_demangle::demangle;
use spear_hostcalls::Guest;
use spear_types::{Denial, Failure, Frame, Limits, MAX_MEDIA_TYPE, Outcome, Payload};
use wasmtime::{FrameInfo, Store, WasmBacktrace, component::ResourceTableError};

use crate::{
    limiter::Limiter,
    watch::Left,
    worlds::{Answer, cut, too_large},
};

/// The frames a trap shows: wasmtime keeps 20, and each may stand for many that were inlined into it.
const MAX_FRAMES: usize = 32;

/// The longest name or path of a frame in bytes: the component's debug information has it, so its author chose it.
const MAX_NAME: usize = 256;

/// The code of a failure over what was not granted; the SDK gives it to such errors.
const DENIED: &str = "denied";

/// A failure's longest code and message in bytes, and a trap's or a denial's longest text; what is longer is cut, because
/// the guest chose it.
const MAX_CODE: usize = 64;
pub(crate) const MAX_MESSAGE: usize = 16 << 10;

type Output = wasmtime::Result<Answer>;

pub(crate) fn of(left: Left<Output>, store: &Store<Guest<Limiter>>, limits: &Limits) -> Outcome {
    redacted(ended(left, store, limits), store.data())
}

/// Without the secrets that the guest has read, and cut: whoever reads an outcome need not be who may know them.
fn redacted(mut outcome: Outcome, guest: &Guest<Limiter>) -> Outcome {
    let redact = |text: &mut String, max| *text = guest.hostcalls.redact(text, max);
    match &mut outcome {
        Outcome::Failed(Failure { code, message, .. }) => {
            redact(code, MAX_CODE);
            redact(message, MAX_MESSAGE);
        }
        Outcome::Trapped(trap) => redact(&mut trap.message, MAX_MESSAGE),
        Outcome::Denied(Denial { what, grant, .. }) => {
            redact(what, MAX_MESSAGE);
            redact(grant, MAX_MESSAGE);
        }
        Outcome::Succeeded(_)
        | Outcome::OutOfFuel { .. }
        | Outcome::OutOfMemory { .. }
        | Outcome::TimedOut { .. }
        | Outcome::Cancelled
        | Outcome::NodeLost { .. }
        | Outcome::Refused { .. } => {}
    }
    outcome
}

fn ended(left: Left<Output>, store: &Store<Guest<Limiter>>, limits: &Limits) -> Outcome {
    match left {
        Left::Late { limit } => Outcome::TimedOut { limit },
        Left::Cancelled => Outcome::Cancelled,
        Left::Done(Ok(Ok(reply))) => replied(reply, limits),
        Left::Done(Ok(Err(failure))) => failed(failure, store.data()),
        Left::Done(Err(error)) => broken(&error, store.data(), limits),
    }
}

fn replied(reply: Payload, limits: &Limits) -> Outcome {
    let (size, headers) = (reply.size(), reply.headers.len());
    let media_type = reply.content_type.as_ref().map_or(0, String::len);
    let message = if size > limits.payload {
        format!("the reply has {size} bytes, the limit `payload` is {}", limits.payload)
    } else if headers > Payload::MAX_HEADERS {
        format!("the reply has {headers} headers, the limit is {}", Payload::MAX_HEADERS)
    } else if media_type > MAX_MEDIA_TYPE {
        format!("the reply's media type has {media_type} bytes, the limit is {MAX_MEDIA_TYPE}")
    } else {
        return Outcome::Succeeded(reply);
    };
    Outcome::Failed(too_large(message))
}

/// A guest cannot claim a denial: the hostcalls must have recorded one.
fn failed(failure: Failure, guest: &Guest<Limiter>) -> Outcome {
    match guest.hostcalls.denial() {
        Some(denial) if failure.code == DENIED => Outcome::Denied(denial),
        _ => Outcome::Failed(failure),
    }
}

fn broken(error: &wasmtime::Error, guest: &Guest<Limiter>, limits: &Limits) -> Outcome {
    if let (Some(wasmtime::Trap::OutOfFuel), Some(limit)) = (error.downcast_ref(), limits.fuel) {
        return Outcome::OutOfFuel { limit };
    }
    let panic = guest.hostcalls.panic_message();
    match (panic, guest.host.refused()) {
        // A guest whose allocation fails aborts without a panic: what it wanted is the cause, not the abort.
        (None, Some(asked)) => Outcome::OutOfMemory { limit: limits.memory, asked },
        (panic, _) => {
            let message = panic.unwrap_or_else(|| cause(error, limits));
            Outcome::Trapped(spear_types::Trap { message, frames: frames(error) })
        }
    }
}

/// What broke the guest off. The standard interfaces have no error for a full table of handles: it is a trap.
fn cause(error: &wasmtime::Error, limits: &Limits) -> String {
    match error.downcast_ref() {
        Some(ResourceTableError::Full) => format!("{} handles are open, the limit `handles`", limits.handles),
        _ => error.root_cause().to_string(),
    }
}

fn frames(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let all: Vec<Frame> = backtrace.frames().iter().flat_map(frames_of).collect();
    let own: Vec<Frame> = all.iter().filter(|frame| !of_standard_library(frame)).cloned().collect();
    let shown = if own.is_empty() { all } else { own };
    shown.into_iter().take(MAX_FRAMES).collect()
}

/// One frame of wasm, and the functions that were inlined into it.
fn frames_of(frame: &FrameInfo) -> Vec<Frame> {
    let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), readable);
    if frame.symbols().is_empty() {
        return vec![Frame { function: name, file: None, line: None }];
    }
    let symbol = |symbol: &wasmtime::FrameSymbol| Frame {
        function: symbol.name().map_or_else(|| name.clone(), readable),
        file: symbol.file().map(|file| cut(file.to_owned(), MAX_NAME)),
        line: symbol.line(),
    };
    frame.symbols().iter().map(symbol).collect()
}

/// The name as its author wrote it: demangled, without the types it was instantiated with.
fn readable(name: &str) -> String {
    let name = format!("{:#}", demangle(name));
    match name.find('<') {
        Some(generics) if generics > 0 => cut(name[..generics].trim_end_matches(':').to_owned(), MAX_NAME),
        _ => cut(name, MAX_NAME),
    }
}

/// Whether a frame is of Rust's standard library, the panic's own machinery above all: it is never what went wrong.
fn of_standard_library(frame: &Frame) -> bool {
    const UNPLACED: [&str; 6] = ["std::", "core::", "alloc::", "__rust", "rust_", "abort"];
    match &frame.file {
        Some(file) => file.starts_with("/rustc/"),
        None => UNPLACED.iter().any(|prefix| frame.function.starts_with(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_held_against_every_limit_it_has() {
        let limits = Limits { payload: 300, ..Limits::DEFAULTS };
        let sound = Payload { body: vec![0; 10].into(), ..Payload::default() };
        assert_eq!(replied(sound.clone(), &limits), Outcome::Succeeded(sound.clone()));
        for (reply, limit) in [
            (Payload { body: vec![0; 301].into(), ..Payload::default() }, "`payload` is 300"),
            (Payload { headers: vec![Default::default(); 1_001], ..sound.clone() }, "the limit is 1000"),
            (Payload { content_type: Some("x".repeat(257)), ..sound }, "the limit is 256"),
        ] {
            let Outcome::Failed(failure) = replied(reply, &limits) else { panic!("{limit}") };
            assert!(failure.code == "reply-too-large" && failure.message.contains(limit), "{failure:?}");
        }
    }

    #[test]
    fn names_lose_their_types_and_hashes() {
        for (name, shown) in [
            ("{closure#0}<alloc::string::String, ()>", "{closure#0}"),
            ("_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"),
            ("<T as U>::handle", "<T as U>::handle"),
            ("collect::<Vec<u8>>", "collect"),
        ] {
            assert_eq!(readable(name), shown);
        }
    }
}
