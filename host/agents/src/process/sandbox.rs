//! A program that runs in its cell.

use std::{io, os::fd::OwnedFd, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe},
    sync::watch,
    task::spawn_blocking,
    time::timeout,
};

use super::{
    cell::Cell,
    groups::{Groups, remove},
    orders::{Told, word},
};
use crate::sandbox::{Ended, Sandbox, Streams, Used};

/// Of the machine's ticks, as `/proc` counts them, in milliseconds.
const TICK: u64 = 10;

/// How long a keeper may take to answer.
const ANSWERS: Duration = Duration::from_secs(2);

/// How long killed processes may take to die before somebody else looks after them.
const DIES: Duration = Duration::from_secs(10);

/// What a keeper has told.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    ended: Option<Ended>,
    empty: bool,
    used: Used,
    answers: u64,
}

/// A program as processes of the node's machine.
#[derive(Debug)]
pub struct Process {
    streams: Option<Streams<pipe::Sender, pipe::Receiver>>,
    state: watch::Receiver<State>,
    groups: Groups,
    /// None once the cell is given up.
    cell: Option<(OwnedWriteHalf, pipe::Receiver)>,
}

impl Process {
    /// Follows what the keeper of a cell tells from here on.
    pub(super) fn new(cell: Cell, [stdin, stdout, stderr]: [OwnedFd; 3]) -> io::Result<Self> {
        let streams = Streams {
            stdin: pipe::Sender::from_owned_fd(stdin)?,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
        };
        let (told, state) = watch::channel(State::default());
        tokio::spawn(follow(cell.told, cell.groups.clone(), told));
        Ok(Self { streams: Some(streams), state, groups: cell.groups, cell: Some((cell.keeper, cell.gone)) })
    }

    async fn say(&mut self, what: u8) {
        if let Some((keeper, _)) = &mut self.cell {
            // A keeper that is gone has ended all that it kept.
            let _ = keeper.write_all(&[what]).await;
        }
    }

    /// Waits until no process is left, or the keeper is gone.
    async fn empty(&mut self) {
        let _ = self.state.wait_for(|state| state.empty).await;
    }
}

/// Notes what a keeper tells until it is gone.
async fn follow(mut told: Lines<BufReader<OwnedReadHalf>>, groups: Groups, state: watch::Sender<State>) {
    while let Ok(Some(line)) = told.next_line().await {
        let said = match serde_json::from_str(&line) {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!("a launcher said what nobody understands: {error}");
                continue;
            }
        };
        let ended = match said {
            Told::Exited(0) => Some(Ended::Exited(0)),
            Told::Exited(code) => Some(why(groups.clone(), Ended::Exited(u8::try_from(code).unwrap_or(u8::MAX))).await),
            Told::Signaled(signal) => Some(why(groups.clone(), Ended::Killed(signal)).await),
            Told::Ready(_) | Told::Empty | Told::Used { .. } => None,
        };
        state.send_modify(|state| note(state, &said, ended));
    }
    state.send_modify(|state| {
        state.ended.get_or_insert(Ended::Lost);
        state.empty = true;
    });
}

fn note(state: &mut State, said: &Told, ended: Option<Ended>) {
    state.ended = state.ended.or(ended);
    match *said {
        Told::Empty => state.empty = true,
        Told::Used { ticks, memory } => {
            let cpu = Duration::from_millis(ticks.saturating_mul(TICK));
            state.used = Used { cpu: state.used.cpu.max(cpu), peak_memory: state.used.peak_memory.max(memory) };
            state.answers += 1;
        }
        Told::Ready(_) | Told::Exited(_) | Told::Signaled(_) => {}
    }
}

/// A program that failed because it, or what it started, was killed for memory says so itself seldom.
async fn why(groups: Groups, ended: Ended) -> Ended {
    let memory = spawn_blocking(move || groups.out_of_memory()).await.unwrap_or(false);
    if memory { Ended::OutOfMemory } else { ended }
}

impl Sandbox for Process {
    type Input = pipe::Sender;
    type Output = pipe::Receiver;

    fn streams(&mut self) -> Option<Streams<pipe::Sender, pipe::Receiver>> {
        self.streams.take()
    }

    async fn ended(&mut self) -> Ended {
        let state = self.state.wait_for(|state| state.ended.is_some()).await;
        state.ok().and_then(|state| state.ended).unwrap_or(Ended::Lost)
    }

    async fn stop(&mut self, grace: Duration) {
        self.say(word::TERM).await;
        if timeout(grace, self.empty()).await.is_err() {
            self.say(word::KILL).await;
            if timeout(DIES, self.empty()).await.is_err() {
                tracing::warn!("a process that was killed is not dead after {DIES:?}");
            }
        }
    }

    async fn used(&self) -> Used {
        let mut state = self.state.clone();
        if !self.groups.count_all() {
            let before = state.borrow_and_update().answers;
            let asked = self.cell.as_ref().is_some_and(|(keeper, _)| keeper.try_write(&[word::USED]).is_ok());
            if asked {
                let answered = state.wait_for(|state| state.answers > before || state.empty);
                let _ = timeout(ANSWERS, answered).await;
            }
        }
        let (groups, otherwise) = (self.groups.clone(), state.borrow().used);
        spawn_blocking(move || groups.used(otherwise)).await.unwrap_or(otherwise)
    }

    async fn remove(mut self) {
        if let Some((keeper, gone)) = self.cell.take() {
            drop(keeper);
            all_gone(gone, self.groups.clone(), self.state.clone()).await;
        }
    }
}

/// Ends a cell in which nothing runs, and waits until nothing of it is left.
pub(super) async fn end(cell: Cell) {
    let (told, state) = watch::channel(State::default());
    tokio::spawn(follow(cell.told, cell.groups.clone(), told));
    drop(cell.keeper);
    all_gone(cell.gone, cell.groups, state).await;
}

/// Waits until nothing is left of a cell whose keeper was left alone.
async fn all_gone(mut gone: pipe::Receiver, groups: Groups, mut state: watch::Receiver<State>) {
    let ends = async {
        let _ = gone.read(&mut [0]).await;
        // The keeper's end, where the mother ended before it.
        while state.changed().await.is_ok() {}
    };
    let ended = timeout(DIES, ends).await;
    let left = spawn_blocking(move || remove::until_gone(&groups.folders(), DIES)).await;
    if ended.is_err() || !left.unwrap_or(false) {
        tracing::warn!("something of a process is left; it is looked for again when the node starts");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some((keeper, gone)) = self.cell.take() {
            drop(keeper);
            let waits = all_gone(gone, self.groups.clone(), self.state.clone());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(waits);
            }
        }
    }
}
