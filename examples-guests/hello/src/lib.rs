//! The smallest function: text in, text out, one line of log.

use spear_guest::log;

#[spear_guest::function]
fn hello(name: String) -> String {
    log::info!("greeting {name}"; bytes = name.len());
    format!("Hello, {name}!")
}
