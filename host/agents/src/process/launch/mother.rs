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
    process::{
        Pid, PidfdFlags, Signal, WaitOptions, geteuid, getpid, kill_process, pidfd_open, set_child_subreaper,
        wait as wait_for,
    },
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};

use super::{MOVES, confine, next, socket, table};
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
    /// Whether something can have outlived the keeper.
    strays: bool,
    _gone: OwnedFd,
}

/// Starts keepers until the node is gone and all have ended.
///
/// Who is not root makes namespaces as the root of a namespace of users, and returns from a namespace of processes to one of
/// its own only: there she starts herself again.
pub(super) fn run(label: &str, note: &str) -> io::Result<()> {
    confine::pass_on_nothing()?;
    rustix::process::setsid()?;
    if note != MOVES || geteuid().is_root() {
        return serve("");
    }
    match confine::own_users() {
        Ok(()) => {
            let orders = io::stdin().as_fd().try_clone_to_owned()?;
            next("mother", label, "").stdin(Stdio::from(orders)).spawn()?.wait()?;
            Ok(())
        }
        Err(reason) => serve(&reason),
    }
}

/// `cannot`: why there are no namespaces of processes.
fn serve(cannot: &str) -> io::Result<()> {
    // What was left by a keeper that was killed comes to her.
    set_child_subreaper(Some(getpid()))?;
    let node = socket()?;
    let home = File::open("/proc/self/ns/pid")?;
    let (mut kept, mut left, mut open) = (HashMap::new(), Vec::new(), true);
    while open || !kept.is_empty() || !left.is_empty() {
        if wait(open.then_some(&node), &kept, !left.is_empty())? {
            match frame::receive::<Cell>(&node)? {
                Some((cell, files)) => {
                    let (pid, one) = start(cell, files, &home, cannot)?;
                    kept.insert(pid, one);
                }
                None => open = false,
            }
        }
        reap(&mut kept, &mut left);
        let strays = left.iter().any(|left| left.strays) && strays(&kept);
        left.retain(|left: &Left| left.strays && strays || !remove::groups(&left.groups));
    }
    Ok(())
}

/// Kills what is nobody's but hers and is no keeper; whether there was any. What a keeper kept, it kept until its end.
fn strays(kept: &HashMap<Pid, Kept>) -> bool {
    let (all, own) = (table::processes(), getpid().as_raw_nonzero().get());
    let keeper = |pid: i32| Pid::from_raw(pid).is_some_and(|pid| kept.contains_key(&pid));
    let roots: Vec<_> = all.iter().filter(|one| one.parent == own && !keeper(one.pid)).map(|one| one.pid).collect();
    let below = roots.iter().flat_map(|root| table::descendants(&all, *root)).map(|process| process.pid);
    for pid in below.chain(roots.iter().copied()).filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    !roots.is_empty()
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

fn start(cell: Cell, files: Vec<OwnedFd>, home: &File, cannot: &str) -> io::Result<(Pid, Kept)> {
    let [keeper, starter, gone] = <[OwnedFd; 3]>::try_from(files)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a cell has three files"))?;
    let moved = match (cell.pid_namespace, cannot) {
        (true, "") => confine::unshare(UnshareFlags::NEWPID).map_err(|error| error.to_string()),
        (true, cannot) => Err(cannot.to_owned()),
        (false, _) => Ok(()),
    };
    let note = moved.as_ref().err().map_or("", String::as_str);
    let child = next("keeper", &cell.label, note).stdin(Stdio::from(keeper)).stdout(Stdio::from(starter)).spawn();
    let apart = cell.pid_namespace && moved.is_ok();
    if apart {
        move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
    }
    let pid = Pid::from_child(&child?);
    let left = Left { groups: cell.groups, strays: !apart, _gone: gone };
    Ok((pid, Kept { ended: pidfd_open(pid, PidfdFlags::empty())?, left }))
}
