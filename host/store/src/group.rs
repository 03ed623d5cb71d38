//! Changes that wait for their turn go together: one commit, one wait for the disk.

use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    Error,
    blobs::blocking,
    store::{Change, Disk},
};

/// The most changes of one commit: the first of them waits for all.
const GROUP: usize = 64;

/// Where changes wait. It ends with its last handle.
#[derive(Clone)]
pub(crate) struct Line {
    end: mpsc::Sender<Box<dyn Job>>,
}

/// A change of whatever result.
pub(crate) trait Job: Send {
    /// Does it. An error is the disk's and ends the whole group; a refusal is this job's own, and it wrote nothing.
    fn run(&mut self, change: &mut Change<'_>) -> Result<(), Error>;

    /// Whether there is something to commit.
    fn wrote(&self) -> bool;

    /// Says what came of it, once it is durable or the group failed.
    fn answer(self: Box<Self>, group: &Result<(), Error>);
}

struct Waiting<W, T> {
    work: Option<W>,
    result: Option<Result<T, Error>>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl Line {
    /// Begins to serve it. `turn` is taken for each group.
    pub(crate) fn of(disk: &Arc<Disk>, turn: &Arc<Mutex<()>>) -> Self {
        let (end, head) = mpsc::channel(GROUP);
        tokio::spawn(serve(head, Arc::downgrade(disk), Arc::clone(turn)));
        Self { end }
    }

    /// Stands in line. Work that refuses has written nothing yet: others of its group go on.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Waiting { work: Some(work), result: None, answer });
        // The line ends before its handles only with the runtime, or if work panicked.
        self.end.send(job).await.map_err(|_| broke_off())?;
        answered.await.map_err(|_| broke_off())?
    }
}

async fn serve(mut head: mpsc::Receiver<Box<dyn Job>>, disk: Weak<Disk>, turn: Arc<Mutex<()>>) {
    let mut waiting = Vec::new();
    while head.recv_many(&mut waiting, GROUP).await > 0 {
        let Some(disk) = disk.upgrade() else { return };
        let turn = Arc::clone(&turn).lock_owned().await;
        let mut jobs = std::mem::take(&mut waiting);
        let group = blocking(move || {
            let (_turn, disk) = (turn, disk);
            let result = disk.change(&mut jobs);
            Ok((jobs, result))
        });
        let Ok((jobs, result)) = group.await else { continue };
        jobs.into_iter().for_each(|job| job.answer(&result));
    }
}

impl<W, T> Job for Waiting<W, T>
where
    W: FnOnce(&mut Change<'_>) -> Result<T, Error> + Send,
    T: Send,
{
    fn run(&mut self, change: &mut Change<'_>) -> Result<(), Error> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match work(change) {
            Err(error) if !error.is_refusal() => Err(error),
            result => {
                self.result = Some(result);
                Ok(())
            }
        }
    }

    fn wrote(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, group: &Result<(), Error>) {
        let Self { work: _, result, answer } = *self;
        let result = match group {
            Ok(()) => result.unwrap_or_else(|| Err(broke_off())),
            Err(error) => Err(error.again()),
        };
        // Who asked may have gone.
        let _ = answer.send(result);
    }
}

fn broke_off() -> Error {
    Error::Io(std::io::Error::other("the change broke off"))
}
