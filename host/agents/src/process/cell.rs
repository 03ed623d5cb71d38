//! A cell: a keeper, and a starter that waits in control groups and namespaces for its program.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream as Blocking,
    },
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, pipe_with},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf, pipe},
    },
    time::timeout,
};

use super::{
    frame,
    groups::Groups,
    means::Taken,
    mother::Mother,
    orders::{self, Failed, Keep, Means, Prepare, Prepared, Start, Told},
};

/// How long a launcher may take to stand, on a machine that is busy with other things.
const STANDS: Duration = Duration::from_secs(20);

/// How long it may be behind with reading.
const READS: Duration = Duration::from_secs(5);

/// The longest answer of a starter.
const ANSWER: usize = 64 << 10;

/// A cell without a program, or with one.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) groups: Groups,
    pub(super) told: Lines<BufReader<OwnedReadHalf>>,
    /// Closed, it ends the cell.
    pub(super) keeper: OwnedWriteHalf,
    starter: Blocking,
    /// Ends when nothing of the cell is there any more.
    pub(super) gone: pipe::Receiver,
}

/// The node's ends of a cell that is made.
struct Ends {
    groups: Groups,
    keeper: Blocking,
    starter: Blocking,
    gone: OwnedFd,
}

impl Cell {
    /// Makes one, and says what the machine did not give of what was to be taken.
    ///
    /// # Errors
    /// When there is none. Nothing of it is left then.
    pub(super) async fn make(
        mother: Mother,
        label: String,
        taken: &Taken,
        network: bool,
    ) -> io::Result<(Self, Vec<(Means, String)>)> {
        let (namespaces, no_network) = (taken.namespaces, !network && taken.network_namespace);
        let keep = Keep { namespaces, no_network, counts: !Groups::count_all_in(&taken.hierarchies) };
        let wanted = taken.clone();
        let ends = blocking(move || ask(&mother, label, &wanted, keep)).await?;
        let (told, keeper) = told(ends.keeper)?.into_split();
        let gone = pipe::Receiver::from_owned_fd(ends.gone)?;
        let mut cell =
            Self { groups: ends.groups, told: BufReader::new(told).lines(), keeper, starter: ends.starter, gone };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "a launcher did not come up");
        let mut lacks = timeout(STANDS, cell.stands()).await.map_err(late)??;
        lacks.extend(timeout(STANDS, cell.prepared()).await.map_err(late)??.lacks);
        Ok((cell, lacks))
    }

    /// Waits until its keeper stands.
    async fn stands(&mut self) -> io::Result<Vec<(Means, String)>> {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "a launcher ended before it stood");
        let line = self.told.next_line().await?.ok_or_else(ended)?;
        match serde_json::from_str(&line)? {
            Told::Ready(lacks) => Ok(lacks),
            other => Err(io::Error::other(format!("a launcher said {other:?} before it stood"))),
        }
    }

    /// Waits until its starter has prepared what can be prepared.
    async fn prepared(&mut self) -> io::Result<Prepared> {
        let mut starter = told(self.starter.try_clone()?)?;
        let length = starter.read_u32_le().await? as usize;
        let mut answer = vec![0; length.min(ANSWER)];
        starter.read_exact(&mut answer).await?;
        self.starter.set_nonblocking(false)?;
        serde_json::from_slice(&answer).map_err(|_| failed(&answer))
    }

    /// Whether it still waits for its program.
    pub(super) fn stands_still(&self) -> bool {
        let mut some = [PollFd::new(&self.starter, PollFlags::IN)];
        poll(&mut some, Some(&Timespec::default())).is_ok_and(|changed| changed == 0)
    }

    /// Where [`order`] goes.
    ///
    /// # Errors
    /// When the node has too many open files.
    pub(super) fn starter(&self) -> io::Result<Blocking> {
        self.starter.try_clone()
    }

    /// Waits until the program runs.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) async fn runs(&self) -> io::Result<()> {
        let mut starter = told(self.starter.try_clone()?)?;
        let mut answer = Vec::new();
        (&mut starter).take(ANSWER as u64).read_to_end(&mut answer).await?;
        if answer.is_empty() { Ok(()) } else { Err(failed(answer.get(4..).unwrap_or_default())) }
    }
}

/// Has a starter become a program; blocks for as long as it needs to read its orders.
///
/// # Errors
/// When it cannot be told.
pub(super) fn order(starter: &Blocking, start: &Start) -> io::Result<[OwnedFd; 3]> {
    let (stdin, to) = pipe_with(PipeFlags::CLOEXEC)?;
    let (from, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (errors, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    starter.set_write_timeout(Some(READS))?;
    frame::send(starter, start, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd()])?;
    Ok([to, from, errors])
}

fn failed(answer: &[u8]) -> io::Error {
    match serde_json::from_slice::<Failed>(answer) {
        Ok(failed) => io::Error::other(failed.reason),
        Err(error) => error.into(),
    }
}

fn told(socket: Blocking) -> io::Result<UnixStream> {
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// Does what may wait for the machine where it makes nobody else wait.
///
/// # Errors
/// Its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn ask(mother: &Mother, label: String, taken: &Taken, keep: Keep) -> io::Result<Ends> {
    let groups = Groups::make(&label, &taken.hierarchies)?;
    let (keeper, theirs) = Blocking::pair()?;
    let (starter, its) = Blocking::pair()?;
    let (gone, hers) = pipe_with(PipeFlags::CLOEXEC)?;
    let cell = orders::Cell { label, pid_namespace: taken.pid_namespace, groups: groups.folders() };
    if let Err(error) = mother.ask(&cell, &[theirs.as_fd(), its.as_fd(), hers.as_fd()]) {
        super::groups::remove::groups(&groups.folders());
        return Err(error);
    }
    frame::send(&keeper, &keep, &[])?;
    let prepare = Prepare { groups: groups.doors(), hidden: taken.hidden(), read_only: taken.read_only };
    frame::send(&starter, &prepare, &[])?;
    Ok(Ends { groups, keeper, starter, gone })
}
