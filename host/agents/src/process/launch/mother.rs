//! The mother: starts keepers, waits for their ends, and removes their control groups. There is one for a node.
//!
//! She has one thread and next to no memory, so that a new process costs little; and she alone moves between namespaces.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::Stdio,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, WaitOptions, pidfd_open, wait as wait_for},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};

use super::{confine, next, socket};
use crate::process::{frame, groups::remove, orders::Cell};

/// How long to wait before a control group that was not empty is looked at again.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// A keeper, until it has ended.
struct Kept {
    ended: OwnedFd,
    left: Left,
}

/// What is left of a cell: its control groups, and the pipe whose end says that they are gone.
struct Left {
    groups: Vec<PathBuf>,
    _gone: OwnedFd,
}

/// Starts keepers until the node is gone and all have ended.
pub(super) fn run(label: &str) -> io::Result<()> {
    rustix::process::setsid()?;
    confine::pass_on_nothing()?;
    let node = socket()?;
    let user_namespace = confine::own_users();
    let home = File::open("/proc/self/ns/pid")?;
    let (mut kept, mut left, mut open) = (HashMap::new(), Vec::new(), true);
    while open || !kept.is_empty() || !left.is_empty() {
        if wait(open.then_some(&node), &kept, !left.is_empty())? {
            match frame::receive::<Cell>(&node)? {
                Some((cell, files)) => {
                    let (pid, one) = start(label, cell, files, &home, user_namespace.as_ref())?;
                    kept.insert(pid, one);
                }
                None => open = false,
            }
        }
        reap(&mut kept, &mut left);
        left.retain(|left: &Left| !remove::groups(&left.groups));
    }
    Ok(())
}

/// Waits for anything to do; whether it is the node.
fn wait(node: Option<&UnixStream>, kept: &HashMap<Pid, Kept>, again: bool) -> io::Result<bool> {
    let mut all: Vec<_> = kept.values().map(|kept| PollFd::new(&kept.ended, PollFlags::IN)).collect();
    if let Some(node) = node {
        all.push(PollFd::new(node, PollFlags::IN));
    }
    rustix::io::retry_on_intr(|| poll(&mut all, again.then_some(&AGAIN)))?;
    Ok(node.is_some() && all.last().is_some_and(|node| !node.revents().is_empty()))
}

/// Moves those that have ended from `kept` to `left`.
fn reap(kept: &mut HashMap<Pid, Kept>, left: &mut Vec<Left>) {
    loop {
        match wait_for(WaitOptions::NOHANG) {
            Ok(Some((pid, _))) => left.extend(kept.remove(&pid).map(|kept| kept.left)),
            Ok(None) => break,
            Err(rustix::io::Errno::INTR) => {}
            // There are no children.
            Err(_) => {
                left.extend(kept.drain().map(|(_, kept)| kept.left));
                break;
            }
        }
    }
}

fn start(
    label: &str,
    cell: Cell,
    files: Vec<OwnedFd>,
    home: &File,
    user_namespace: Result<&(), &String>,
) -> io::Result<(Pid, Kept)> {
    let [keeper, starter, gone] = <[OwnedFd; 3]>::try_from(files)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a cell has three files"))?;
    let moved = match (cell.pid_namespace, user_namespace) {
        (true, Ok(())) => confine::unshare(UnshareFlags::NEWPID).map_err(|error| error.to_string()),
        (true, Err(reason)) => Err(reason.clone()),
        (false, _) => Ok(()),
    };
    let note = moved.as_ref().err().map_or("", String::as_str);
    debug_assert!(cell.label.starts_with(label));
    let child = next("keeper", &cell.label, note).stdin(Stdio::from(keeper)).stdout(Stdio::from(starter)).spawn();
    if cell.pid_namespace && moved.is_ok() {
        move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
    }
    let pid = Pid::from_child(&child?);
    let left = Left { groups: cell.groups, _gone: gone };
    Ok((pid, Kept { ended: pidfd_open(pid, PidfdFlags::empty())?, left }))
}
