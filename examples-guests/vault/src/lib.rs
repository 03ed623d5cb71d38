//! Reads a secret and is careless with it, as its input says: `{"secret": "api-key", "then": "print"}`.

use serde::Deserialize;
use spear_guest::{Failure, Json, log, secrets};

#[derive(Deserialize)]
struct Command {
    secret: String,
    then: Then,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Then {
    /// Answers it, last byte first.
    Reverse,
    Log,
    Print,
    Fail,
    Panic,
    /// Asks for a secret of that name.
    AskFor,
}

#[spear_guest::function]
fn vault(Json(Command { secret, then }): Json<Command>) -> Result<Vec<u8>, Failure> {
    let secret = secrets::get(&secret)?;
    let value = String::from_utf8_lossy(secret.expose());
    match then {
        Then::Reverse => return Ok(value.bytes().rev().collect()),
        Then::Log => log::warn!("the key is {value}, twice {value}{value}"; key = value, quoted = format!("{value:?}")),
        Then::Print => {
            println!("the key is {value}!");
            eprint!("and without an end of line: {value}");
        }
        Then::Fail => return Err(Failure::new(value.trim(), format!("{value} does not open the door"))),
        Then::Panic => panic!("{value} does not open the door"),
        Then::AskFor => drop(secrets::get(value.trim())?),
    }
    Ok(b"done".to_vec())
}
