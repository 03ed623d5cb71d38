//! Fails, and says that trying again may help, until the attempt that its call names: `{"succeed_on": 3}`. Then it
//! answers the attempt's number.

use serde::Deserialize;
use spear_guest::{Failure, Json, resources};

#[derive(Deserialize)]
struct Command {
    succeed_on: u32,
}

#[spear_guest::function]
fn flaky(Json(Command { succeed_on }): Json<Command>) -> Result<String, Failure> {
    let attempt = resources::who_am_i().attempt;
    if attempt < succeed_on {
        let message = format!("attempt {attempt} is not attempt {succeed_on}");
        return Err(Failure::new("not-yet", message).retryable());
    }
    Ok(attempt.to_string())
}
