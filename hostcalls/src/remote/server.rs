//! The socket in one sandbox.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use http::HeaderMap;
use rustix::fs::{Mode, OFlags};
use tokio::net::UnixListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    connection,
    session::{Live, Session},
};

/// The name of the socket in its folder.
pub const SOCKET: &str = "hostcalls.sock";

/// One sandbox's socket. When this is dropped its file is gone and its connections are closed.
pub struct Server {
    path: PathBuf,
    sessions: Arc<Sessions>,
    _end: DropGuard,
}

/// The attempts that are made in the sandbox, one after another or at once.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Vec<Weak<Live>>>);

impl Server {
    /// Listens at [`SOCKET`] in `folder`, inside of a runtime. The folder is made where it is not there. Nobody but the owner
    /// of this process gets into it, or to the socket.
    ///
    /// # Errors
    /// The folder cannot be made or is somebody else's, or the socket is there already.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // First the folder: from here on nobody else gets to what is in it.
            _ => fs::set_permissions(folder, Permissions::from_mode(0o700))?,
        }
        let path = folder.join(SOCKET);
        // A socket's path has 107 bytes at the most, and the node's data may be anywhere: so the folder is opened first.
        let opened = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/{SOCKET}", opened.as_raw_fd()))?;
        let ended = CancellationToken::new();
        let server = Self { path, sessions: Arc::default(), _end: ended.clone().drop_guard() };
        fs::set_permissions(&server.path, Permissions::from_mode(0o600))?;
        let accept = connection::accept(listener, Arc::clone(&server.sessions), ended.clone());
        tokio::spawn(ended.run_until_cancelled_owned(accept));
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers an attempt from here on, until its session ends.
    pub fn admit(&self, session: &Session) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(session.live());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One system call. Where the folder was removed before, so was the socket.
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), "cannot remove a socket: {error}");
        }
    }
}

impl Sessions {
    /// Whose request it is.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Arc<Live>> {
        self.lock().iter().filter_map(Weak::upgrade).find(|live| live.is_asked(headers))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Live>>> {
        // A session is pushed whole or not at all, so a poisoned list is still a list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
