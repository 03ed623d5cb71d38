//! Writes so many lines to its log, one every so many milliseconds: `{"lines": 100, "every_ms": 10}`.

use std::{thread, time::Duration};

use serde::Deserialize;
use spear_guest::{Json, log};

#[derive(Deserialize)]
struct Command {
    lines: u32,
    every_ms: u64,
}

#[spear_guest::function]
fn slow_log(Json(Command { lines, every_ms }): Json<Command>) -> String {
    for line in 1..=lines {
        log::info!("line {line}");
        thread::sleep(Duration::from_millis(every_ms));
    }
    format!("wrote {lines} lines")
}
