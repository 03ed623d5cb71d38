//! Writes as many log lines as its input says, or without end where it says nothing.

use spear_guest::{Failure, log};

#[spear_guest::function]
fn chatter(lines: String) -> Result<String, Failure> {
    let end: u64 = if lines.is_empty() { u64::MAX } else { lines.trim().parse()? };
    for line in 0..end {
        log::info!("line {line}, which says nothing that the lines before it did not say"; line = line);
    }
    Ok(format!("wrote {end} lines"))
}
