//! Never ends, and spends its time in the host: thousands of empty lines with each write, which take next to no fuel.

use std::io::{self, Write as _};

#[spear_guest::function]
fn flood() -> io::Result<()> {
    let lines = [b'\n'; 4096];
    loop {
        io::stdout().write_all(&lines)?;
    }
}
