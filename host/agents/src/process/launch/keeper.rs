//! A keeper: the parent of a program and of whatever that leaves behind. It ends all of them when the node says so or is gone.

use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::Stdio,
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait},
    stdio::dup2_stdout,
};

use super::{confine, next, socket, table};
use crate::process::{
    frame,
    orders::{Keep, Means, Told, word},
};

/// How often what is left is looked for while it dies.
const AGAIN: Duration = Duration::from_millis(1);

/// How often at most in a namespace: when its first process ends, so does the rest, at once.
const ROUNDS: usize = 2000;

/// Whether no process is left.
#[derive(Default)]
struct Empty {
    is: Mutex<bool>,
    becomes: Condvar,
}

/// Keeps one cell.
pub(super) fn run(label: &str, note: &str) -> io::Result<()> {
    let node = socket()?;
    let Some((keep, _)) = frame::receive::<Keep>(&node)? else { return Ok(()) };
    let first = getpid().as_raw_nonzero().get() == 1;
    if !first {
        rustix::process::setsid()?;
        set_child_subreaper(Some(getpid()))?;
    }
    let mut lacks = confine::enter(keep, first);
    if !note.is_empty() {
        lacks.push((Means::Processes, note.to_owned()));
    }
    tell(&node, &Told::Ready(lacks))?;
    let program = starter(label)?;
    let empty = Empty::default();
    thread::scope(|scope| {
        scope.spawn(|| reap(&node, program, keep.counts, &empty));
        listen(&node, first, &empty);
    });
    Ok(())
}

/// Starts the starter with the socket that is this one's output.
fn starter(label: &str) -> io::Result<Pid> {
    let orders = io::stdout().as_fd().try_clone_to_owned()?;
    let child = next("starter", label, "").stdin(Stdio::from(orders)).spawn()?;
    dup2_stdout(std::fs::File::options().write(true).open("/dev/null")?)?;
    Ok(Pid::from_child(&child))
}

fn tell(mut node: &UnixStream, told: &Told) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    node.write_all(&line)
}

/// Waits for the ends of all processes, also of those whose parents left them. A node that does not listen is gone.
fn reap(node: &UnixStream, program: Pid, counts: bool, empty: &Empty) {
    let used = || if counts { tell(node, &table::used()) } else { Ok(()) };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => {
                let signaled = status.terminating_signal().map(Told::Signaled);
                let told = signaled.unwrap_or_else(|| Told::Exited(status.exit_status().unwrap_or(-1)));
                let _ = used().and_then(|()| tell(node, &told));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    let _ = used().and_then(|()| tell(node, &Told::Empty));
    *empty.is.lock().unwrap_or_else(PoisonError::into_inner) = true;
    empty.becomes.notify_all();
}

/// Does what the node says, until it is gone.
fn listen(mut node: &UnixStream, first: bool, empty: &Empty) {
    let mut said = [0];
    loop {
        match node.read(&mut said) {
            Ok(1..) if said[0] == word::TERM => signal(first, Signal::TERM),
            Ok(1..) if said[0] == word::KILL => kill(first, empty),
            Ok(1..) if said[0] == word::USED => {
                let _ = tell(node, &table::used());
            }
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
        }
    }
    kill(first, empty);
    if first {
        // What forks faster than it is killed ends with the namespace.
        std::process::exit(0);
    }
}

/// Sends a signal to every process of the cell; those that have ended meanwhile do not matter.
fn signal(first: bool, signal: Signal) {
    for pid in table::below(first) {
        let _ = kill_process(pid, signal);
    }
}

/// Kills until nothing is left. They are stopped first: what is stopped does not fork.
fn kill(first: bool, empty: &Empty) {
    let mut is = empty.is.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rounds = 0;
    while !*is && (!first || rounds < ROUNDS) {
        rounds += 1;
        if !first {
            signal(first, Signal::STOP);
        }
        signal(first, Signal::KILL);
        (is, _) = empty.becomes.wait_timeout(is, AGAIN).unwrap_or_else(PoisonError::into_inner);
    }
}
