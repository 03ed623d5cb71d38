//! The node's own program run again to start others.
//!
//! ```text
//! node ═▶ mother ──▶ keeper ──▶ starter ═▶ the program
//!         one a      one a      waits for its orders, then becomes the program
//!         node       cell: ends all of it when the node says so, or is gone
//! ```
//!
//! Orders come over sockets: neither arguments nor environment of a launcher say anything but what it is.

mod confine;
mod hide;
mod keeper;
mod mother;
mod starter;
mod table;

use std::{
    env,
    ffi::OsString,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    process::{Command, ExitCode, Stdio},
};

pub(super) use table::{descendants, processes};

/// What a launcher is, as its arguments say: stage, label, and a note for the next stage.
pub(super) const ARGUMENTS: usize = 3;

/// A mother's note: she may move to namespaces of her own.
pub(super) const MOVES: &str = "moves";

/// The stages, in the order in which they start each other.
pub(super) const STAGES: [&str; 3] = ["mother", "keeper", "starter"];

/// Is a launcher until it ends. The program that [`super::Config::launcher`] starts calls this before it does anything else.
pub fn launch() -> ExitCode {
    let arguments: Vec<_> = env::args_os().rev().take(ARGUMENTS).map(|argument| argument.into_string()).collect();
    let [Ok(note), Ok(label), Ok(stage)] = arguments.as_slice() else { return refused("it has no orders") };
    let done = match stage.as_str() {
        "mother" => mother::run(label, note),
        "keeper" => keeper::run(label, note),
        "starter" => starter::run(),
        other => return refused(&format!("there is no `{other}`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The node is gone, or has given this cell up.
        Err(error) if GONE.contains(&error.kind()) => ExitCode::FAILURE,
        Err(error) => refused(&error.to_string()),
    }
}

/// What a socket says when the other side is gone.
pub(super) const GONE: [io::ErrorKind; 3] =
    [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];

fn refused(why: &str) -> ExitCode {
    eprintln!("launcher: {why}");
    ExitCode::FAILURE
}

/// The same program again as another stage, with nothing in its environment.
fn next(stage: &str, label: &str, note: &str) -> Command {
    let mut all: Vec<OsString> = env::args_os().collect();
    all.truncate(all.len().saturating_sub(ARGUMENTS));
    let mut command = Command::new("/proc/self/exe");
    command.args(all.into_iter().skip(1)).args([stage, label, note]).env_clear().stdout(Stdio::null());
    command
}

/// Standard input as the socket that it is, closed for programs.
fn socket() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}
