//! Looks for what the sandbox should hide, and answers what it could see: nothing.

use std::{env, fs};

use serde::Serialize;
use spear_guest::Json;

#[derive(Serialize)]
struct Seen {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    /// The entries of `/`.
    root: Vec<String>,
    /// The first line of `/etc/passwd`.
    file: Option<String>,
    /// Whether a file could be made.
    wrote: bool,
}

#[spear_guest::function]
fn env_peek() -> Json<Seen> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    Json(Seen {
        variables: env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
        arguments: env::args_os().map(text).collect(),
        root: fs::read_dir("/").into_iter().flatten().flatten().map(|entry| text(entry.file_name())).collect(),
        file: fs::read_to_string("/etc/passwd").ok().and_then(|all| all.lines().next().map(str::to_owned)),
        wrote: fs::write("/tmp/env-peek", "was here").is_ok(),
    })
}
