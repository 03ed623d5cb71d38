//! Watching tasks: where they are, and then each change.
//!
//! ```text
//! subscribe ─▶ look at everything ─▶ changes …
//!                     ▲                 │ too many at once
//!                     └─────────────────┘
//! ```

mod shown;

use std::{collections::BTreeSet, convert::Infallible};

use futures::{StreamExt as _, stream::BoxStream};
use spear_proto::v1::{self, watch_tasks_request::Of};
use spear_state::{Page, State};
use spear_types::{Code, FunctionName, Refusal, TaskId, TaskInfo};
use spear_wire::{Encode as _, required, to_status};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use self::shown::Shown;
use super::View;
use crate::{
    disk::{self, Disk},
    scheduler::Scheduler,
};

/// The most tasks that are watched by their ids.
const MAX_TASKS: usize = 1_000;

/// Tasks that are looked at in one hold of the state's lock.
const PAGE: usize = 1_000;

/// Changes that wait for the client beside those that wait to be looked at.
const AHEAD: usize = 256;

pub(super) type Changes = BoxStream<'static, Result<v1::WatchTasksResponse, Status>>;

/// Which tasks.
enum Watched {
    /// These; those that have ended and are shown are taken out.
    Tasks(BTreeSet<TaskId>),
    Function(FunctionName),
    All,
}

/// One watch under way.
struct Watch {
    scheduler: Scheduler,
    disk: Disk,
    watched: Watched,
    shown: Shown,
    changes: broadcast::Receiver<TaskInfo>,
    out: mpsc::Sender<Result<v1::WatchTasksResponse, Status>>,
}

/// Why a watch ends.
enum End {
    /// All its tasks have ended, or its client is gone.
    Over,
    Refused(Refusal),
}

pub(super) async fn watch(view: &View, request: v1::WatchTasksRequest) -> Result<Changes, Refusal> {
    let watched = Watched::decode(required(request.of, "of")?)?;
    if let Watched::Tasks(tasks) = &watched {
        check(view, tasks).await?;
    }
    let (out, changes) = mpsc::channel(AHEAD);
    let watch = Watch {
        scheduler: view.scheduler.clone(),
        disk: view.disk.clone(),
        watched,
        shown: Shown::default(),
        changes: view.watches.changes(),
        out: out.clone(),
    };
    let stop = view.stop.clone();
    tokio::spawn(async move {
        let stopping = || Refusal::new(Code::Draining, "the SMS is stopping").help("watch again once it is back");
        let end = tokio::select! {
            end = watch.run() => end,
            () = stop.cancelled() => End::Refused(stopping()),
            () = out.closed() => End::Over,
        };
        if let End::Refused(refusal) = end {
            // The client may be gone.
            let _ = out.send(Err(to_status(refusal))).await;
        }
    });
    Ok(ReceiverStream::new(changes).boxed())
}

/// A task that is unknown is refused at once, and not within the stream.
async fn check(view: &View, tasks: &BTreeSet<TaskId>) -> Result<(), Refusal> {
    let gone = |state: &State| tasks.iter().copied().filter(|task| state.task(*task).is_none()).collect();
    let gone: Vec<TaskId> = view.scheduler.look(gone).await?;
    let unknown = view.disk.read(move |journal| {
        for task in gone {
            if journal.ended(task)?.is_none() {
                return Ok(Some(task));
            }
        }
        Ok(None)
    });
    unknown.await?.map_or(Ok(()), |task| Err(disk::unknown(task)))
}

impl Watched {
    fn decode(of: Of) -> Result<Self, Refusal> {
        Ok(match of {
            Of::Tasks(tasks) => {
                let count = tasks.tasks.len();
                if !(1..=MAX_TASKS).contains(&count) {
                    let message = format!("{count} tasks are not 1 to {MAX_TASKS}");
                    return Err(Refusal::new(Code::InvalidRequest, message).help("watch a function, or all"));
                }
                Self::Tasks(tasks.tasks.iter().map(|task| task.parse()).collect::<Result<_, _>>()?)
            }
            Of::Function(function) => Self::Function(function.try_into()?),
            Of::All(_) => Self::All,
        })
    }

    fn takes(&self, task: &TaskInfo) -> bool {
        match self {
            Self::Tasks(tasks) => tasks.contains(&task.id),
            Self::Function(function) => *function == task.function,
            Self::All => true,
        }
    }
}

impl Watch {
    async fn run(mut self) -> End {
        match self.look_and_follow().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn look_and_follow(&mut self) -> Result<Infallible, End> {
        loop {
            self.look().await?;
            self.follow().await?;
            // Too far behind: what was missed is looked at, and what comes from here on is followed.
            self.changes = self.changes.resubscribe();
        }
    }

    /// Shows every task as it is.
    async fn look(&mut self) -> Result<(), End> {
        let mut gone = match &self.watched {
            Watched::Tasks(tasks) => tasks.clone(),
            Watched::Function(_) | Watched::All => self.shown.living(),
        };
        let mut before = None;
        loop {
            let Page { tasks, next } = self.living(before).await?;
            for task in tasks {
                gone.remove(&task.id);
                self.show(task).await?;
            }
            if next.is_none() {
                break;
            }
            before = next;
        }
        for task in gone {
            self.show_end(task).await?;
        }
        Ok(())
    }

    async fn living(&self, before: Option<TaskId>) -> Result<Page, Refusal> {
        let page = |state: &State| match &self.watched {
            Watched::Tasks(tasks) => {
                Page { tasks: tasks.iter().filter_map(|task| state.task(*task)).collect(), next: None }
            }
            Watched::Function(_) | Watched::All => state.tasks(before, PAGE, |task| self.watched.takes(task)),
        };
        self.scheduler.look(page).await
    }

    /// Shows how one ended that was there before.
    async fn show_end(&mut self, task: TaskId) -> Result<(), End> {
        match self.disk.ended(task).await {
            Ok(ended) => self.show(ended.info()).await,
            Err(refusal) if refusal.code == Code::UnknownTask => self.over(task),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Shows changes, until too many come at once.
    async fn follow(&mut self) -> Result<(), End> {
        loop {
            match self.changes.recv().await {
                Ok(task) if self.watched.takes(&task) => {
                    let ended = task.state.has_ended().then_some(task.id);
                    self.show(task).await?;
                    // Nothing older comes after it.
                    ended.into_iter().for_each(|task| self.shown.forget(task));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(End::Over),
            }
        }
    }

    /// Shows where a task is, where that is news.
    async fn show(&mut self, task: TaskInfo) -> Result<(), End> {
        if !self.shown.is_news(&task) {
            return Ok(());
        }
        let (id, ended) = (task.id, task.state.has_ended());
        let response = v1::WatchTasksResponse { task: Some(task.encode()) };
        self.out.send(Ok(response)).await.map_err(|_| End::Over)?;
        if ended { self.over(id) } else { Ok(()) }
    }

    /// Nothing more comes of this task.
    fn over(&mut self, task: TaskId) -> Result<(), End> {
        if let Watched::Tasks(tasks) = &mut self.watched {
            tasks.remove(&task);
            if tasks.is_empty() {
                return Err(End::Over);
            }
        }
        Ok(())
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests;
