//! `wasi:cli/run`: a program with arguments, standard input, standard output and an exit code.

use spear_hostcalls::Stdout;
use spear_types::{Exit, Failure, Payload};
use wasmtime::component::{ComponentExportIndex, TypedFunc};
use wasmtime_wasi::I32Exit;

use super::{Answer, other_type, too_large};
use crate::{instance::Instance, prepared::Prepared};

/// The interface that a command exports.
pub(super) const INTERFACE: &str = "wasi:cli/run@0.2.0";
/// The function in it.
pub(super) const FUNCTION: &str = "run";

/// Its arguments and its standard input are in the store already.
pub(super) async fn run(
    within: &mut Instance,
    prepared: &Prepared,
    run: ComponentExportIndex,
) -> wasmtime::Result<Answer> {
    let instance = within.enter(prepared).await?;
    let store = &mut within.store;
    let run: TypedFunc<(), (Result<(), ()>,)> =
        instance.get_typed_func(&mut *store, run).map_err(|error| other_type(FUNCTION, INTERFACE, error))?;
    let code = exit_code(run.call_async(&mut *store, ()).await)?;
    Ok(ended(code, store.data_mut().hostcalls.take_stdout(), prepared.limits.payload))
}

/// A command that returns has ended as it says, and one that exits with what it exits.
fn exit_code(returned: wasmtime::Result<(Result<(), ()>,)>) -> wasmtime::Result<u8> {
    match returned {
        Ok((Ok(()),)) => Ok(0),
        Ok((Err(()),)) => Ok(1),
        Err(error) => match error.downcast_ref() {
            Some(I32Exit(code)) => Ok(u8::try_from(*code).unwrap_or(1)),
            None => Err(error),
        },
    }
}

fn ended(code: u8, stdout: Stdout, limit: u64) -> Answer {
    if stdout.cut {
        return Err(too_large(format!("it wrote more to standard output than the limit `payload` of {limit} bytes")));
    }
    let stdout = stdout.bytes.into();
    match code {
        0 => Ok(Payload { body: stdout, ..Payload::default() }),
        code => Err(Failure {
            code: "exit".to_owned(),
            message: format!("it ended with exit code {code}"),
            retryable: false,
            exit: Some(Exit { code, stdout }),
        }),
    }
}
