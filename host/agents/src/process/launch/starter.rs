//! A starter: joins its cell, waits for its orders, and becomes the program.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use rustix::{
    process::{Gid, Resource, Rlimit, Uid, chdir, getrlimit, setrlimit},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use super::{confine, hide::Hidden, socket};
use crate::process::{
    frame,
    orders::{Failed, Means, Prepare, Prepared, Rlimits, Start},
};

/// Starts one program.
pub(super) fn run() -> io::Result<()> {
    let node = socket()?;
    let Some((orders, _)) = frame::receive::<Prepare>(&node)? else { return Ok(()) };
    let hidden = match prepare(&orders) {
        Ok((prepared, hidden)) => {
            frame::send(&node, &prepared, &[])?;
            hidden
        }
        Err(error) => return frame::send(&node, &Failed { reason: error.to_string() }, &[]),
    };
    let Some((start, streams)) = frame::receive::<Start>(&node)? else { return Ok(()) };
    let Err(error) = become_it(&start, &hidden, streams);
    let reason = format!("{} did not start: {error}", start.program.display());
    frame::send(&node, &Failed { reason }, &[])
}

/// What takes time and does not depend on the program.
fn prepare(orders: &Prepare) -> io::Result<(Prepared, Hidden)> {
    rustix::process::setsid()?;
    for group in &orders.groups {
        fs::write(group, "0").map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", group.display())))?;
    }
    // The machine's own killer takes programs before it takes what keeps them.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    let mut lacks = Vec::new();
    let hidden = orders.hidden.as_deref().map_or_else(|| Ok(Hidden::nothing()), Hidden::hide);
    let hidden = hidden.unwrap_or_else(|error| {
        lacks.push((Means::Folders, error.to_string()));
        Hidden::nothing()
    });
    if let Err(error) = if orders.read_only { confine::read_only() } else { Ok(()) } {
        lacks.push((Means::ReadOnly, error.to_string()));
    }
    confine::no_privileges()?;
    Ok((Prepared { lacks }, hidden))
}

/// Returns only when it could not.
fn become_it(start: &Start, hidden: &Hidden, streams: Vec<OwnedFd>) -> Result<std::convert::Infallible, io::Error> {
    for bind in &start.binds {
        hidden.bind(bind).map_err(|error| io::Error::other(format!("its folder {}: {error}", bind.to.display())))?;
    }
    bound(start.rlimits)?;
    if let Some((user, group)) = start.user {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
    }
    chdir(&start.directory)
        .map_err(|error| io::Error::other(format!("its folder {}: {error}", start.directory.display())))?;
    let [stdin, stdout, stderr] = <[OwnedFd; 3]>::try_from(streams).map_err(|_| io::ErrorKind::InvalidData)?;
    dup2_stdin(stdin.as_fd())?;
    dup2_stdout(stdout.as_fd())?;
    dup2_stderr(stderr.as_fd())?;
    let mut command = Command::new(&start.program);
    if let Some((name, args)) = start.args.split_first() {
        command.arg0(name).args(args);
    }
    let variables = start.env.iter().map(|(name, value)| (name, value));
    Err(command.env_clear().envs(variables).exec())
}

/// Sets what the kernel bounds; never more than the node itself has.
fn bound(rlimits: Rlimits) -> io::Result<()> {
    let always = [
        (Resource::Core, 0),
        (Resource::Cpu, rlimits.cpu),
        (Resource::Nofile, rlimits.files),
        (Resource::Fsize, rlimits.file_size),
    ];
    let some = [(Resource::Nproc, rlimits.processes), (Resource::As, rlimits.memory)];
    let some = some.into_iter().filter_map(|(resource, bound)| Some((resource, bound?)));
    for (resource, bound) in always.into_iter().chain(some) {
        let bound = getrlimit(resource).maximum.map_or(bound, |most| most.min(bound));
        setrlimit(resource, Rlimit { current: Some(bound), maximum: Some(bound) })?;
    }
    Ok(())
}
