//! The node's side of the mother.

use std::{
    ffi::OsString,
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{frame, launch::MOVES, orders::Cell};

/// Starts launchers; one is started ahead of the first cell, and another when one is gone.
#[derive(Debug, Clone)]
pub(super) struct Mother {
    launcher: Arc<[OsString]>,
    label: Arc<str>,
    /// Whether she may move to namespaces of her own, where she cannot make others otherwise.
    moves: Arc<AtomicBool>,
    lives: Arc<Mutex<Option<Lives>>>,
}

#[derive(Debug)]
struct Lives {
    child: Option<Child>,
    socket: UnixStream,
}

impl Mother {
    pub(super) fn new(launcher: &[OsString], label: &str, moves: bool) -> Self {
        let moves = Arc::new(AtomicBool::new(moves));
        Self { launcher: launcher.into(), label: label.into(), moves, lives: Arc::default() }
    }

    /// The next one stays where the node is.
    pub(super) fn stay(&self) {
        self.moves.store(false, Ordering::Relaxed);
        *self.lives.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks for a cell. Blocks while she is behind.
    ///
    /// # Errors
    /// When there is no mother and none can be started.
    pub(super) fn ask(&self, cell: &Cell, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mother) = &*lives {
            if frame::send(&mother.socket, cell, files).is_ok() {
                return Ok(());
            }
            tracing::warn!("the launcher of processes is gone: starting another one");
        }
        *lives = None;
        let mother = self.start()?;
        frame::send(&mother.socket, cell, files)?;
        *lives = Some(mother);
        Ok(())
    }

    fn start(&self) -> io::Result<Lives> {
        let (socket, hers) = UnixStream::pair()?;
        let Some((program, args)) = self.launcher.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no launcher is configured"));
        };
        let mut command = Command::new(program);
        let moves = if self.moves.load(Ordering::Relaxed) { MOVES } else { "" };
        command.args(args).args(["mother", &self.label, moves]).env_clear().stdout(Stdio::null());
        let child = command.stdin(Stdio::from(OwnedFd::from(hers))).spawn()?;
        Ok(Lives { child: Some(child), socket })
    }
}

impl Drop for Lives {
    /// She ends when all that she started has; who waits for that is not kept.
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(mut child) = self.child.take() {
            let waits = thread::Builder::new().name("launcher-ends".into()).spawn(move || child.wait());
            if let Err(error) = waits {
                tracing::debug!("nobody waits for the end of a launcher: {error}");
            }
        }
    }
}
