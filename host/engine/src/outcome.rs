//! What a run's end means.

use rustc_demangle::demangle;
use spear_hostcalls::Guest;
use spear_types::{Failure, Frame, Limits, Outcome, Payload};
use wasmtime::{FrameInfo, Store, WasmBacktrace};

use crate::{
    handler::{WitFailure, WitPayload},
    limiter::Limiter,
};

/// The frames a trap shows: deep recursion has a hundred thousand.
const MAX_FRAMES: usize = 32;

/// The code of a failure over what was not granted; the SDK gives it to such errors.
const DENIED: &str = "denied";

type Output = wasmtime::Result<Result<WitPayload, WitFailure>>;

pub(crate) fn of(output: Option<Output>, store: &Store<Guest<Limiter>>, limits: &Limits) -> Outcome {
    match output {
        None => Outcome::TimedOut { limit: limits.timeout },
        Some(Ok(Ok(reply))) => replied(reply.into(), limits),
        Some(Ok(Err(failure))) => failed(failure.into(), store.data()),
        Some(Err(error)) => broken(&error, store.data(), limits),
    }
}

fn replied(reply: Payload, limits: &Limits) -> Outcome {
    if reply.size() <= limits.payload {
        return Outcome::Succeeded(reply);
    }
    let message = format!("the reply has {} bytes, the limit `payload` is {}", reply.size(), limits.payload);
    Outcome::Failed(Failure { code: "reply-too-large".to_owned(), message, retryable: false })
}

/// A guest cannot claim a denial: the hostcalls must have recorded one.
fn failed(failure: Failure, guest: &Guest<Limiter>) -> Outcome {
    match guest.hostcalls.denial() {
        Some(denial) if failure.code == DENIED => Outcome::Denied(denial.clone()),
        _ => Outcome::Failed(failure),
    }
}

fn broken(error: &wasmtime::Error, guest: &Guest<Limiter>, limits: &Limits) -> Outcome {
    if let (Some(wasmtime::Trap::OutOfFuel), Some(limit)) = (error.downcast_ref(), limits.fuel) {
        return Outcome::OutOfFuel { limit };
    }
    // A guest whose allocation fails aborts: what it wanted is the cause, not the abort.
    if let Some(asked) = guest.host.refused() {
        return Outcome::OutOfMemory { limit: limits.memory, asked };
    }
    let message = guest.hostcalls.panic_message().unwrap_or_else(|| error.root_cause().to_string());
    Outcome::Trapped(spear_types::Trap { message, frames: frames(error) })
}

fn frames(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let all: Vec<Frame> = backtrace.frames().iter().flat_map(frames_of).collect();
    let first = all.iter().position(|frame| !of_panicking(&frame.function)).unwrap_or(0);
    all.into_iter().skip(first).take(MAX_FRAMES).collect()
}

/// One frame of wasm, and the functions that were inlined into it.
fn frames_of(frame: &FrameInfo) -> Vec<Frame> {
    let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), readable);
    if frame.symbols().is_empty() {
        return vec![Frame { function: name, file: None, line: None }];
    }
    let symbol = |symbol: &wasmtime::FrameSymbol| Frame {
        function: symbol.name().map_or_else(|| name.clone(), readable),
        file: symbol.file().map(str::to_owned),
        line: symbol.line(),
    };
    frame.symbols().iter().map(symbol).collect()
}

fn readable(name: &str) -> String {
    format!("{:#}", demangle(name))
}

/// Whether a frame is the panic's own machinery and not what panicked.
fn of_panicking(function: &str) -> bool {
    const MACHINERY: [&str; 7] =
        ["std::", "core::panicking", "core::option", "core::result", "__rust", "rust_", "abort"];
    MACHINERY.iter().any(|prefix| function.trim_start_matches('<').starts_with(prefix))
}
