//! Invokes the function that its call names, and answers what that answers: `{"function": "hello", "call": "Ada"}`.

use serde::Deserialize;
use serde_json::Value;
use spear_guest::{Failure, Json, tasks};

#[derive(Deserialize)]
struct Command {
    function: String,
    /// A text is sent as it is, everything else as JSON.
    #[serde(default)]
    call: Value,
    /// How many times, one after the other; the last answer counts.
    #[serde(default = "once")]
    times: u32,
}

#[spear_guest::function]
fn relay(Json(Command { function, call, times }): Json<Command>) -> Result<Vec<u8>, Failure> {
    let invoke = || -> Result<Vec<u8>, tasks::Error> {
        match &call {
            Value::String(text) => tasks::invoke(&function, text.as_str()),
            call => tasks::invoke(&function, Json(call)),
        }
    };
    for _ in 1..times {
        invoke()?;
    }
    match invoke() {
        // The failure passes as it is.
        Err(tasks::Error::Failed(failure)) => Err(failure),
        answer => Ok(answer?),
    }
}

fn once() -> u32 {
    1
}
