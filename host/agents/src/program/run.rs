//! One run: a folder, a socket, a sandbox, one call, what came of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use spear_engine::{Attempt, Report};
use spear_hostcalls::{
    logs::LogBuffer,
    remote::{SOCKET_VARIABLE, Server, Session, TOKEN_VARIABLE, address},
};
use spear_types::{Code, Outcome, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Programs, Ready,
    call::Given,
    called::Called,
    lines,
    outcome::{self, Stdout},
    room::Room,
};
use crate::agent::Unready;
use crate::sandbox::{Ended, Sandbox, Sandboxes, Spec, Streams};

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);

/// How long what it wrote is waited for once it has ended: a process that it left behind may hold its streams open, until
/// the sandbox is removed with it.
const DRAIN: Duration = Duration::from_millis(100);

/// The same once nothing of it is left.
const LAST: Duration = Duration::from_secs(5);

/// The environment variable that tells a program that it serves one call after another.
const LOOP: &str = "SPEAR_LOOP";

/// How it was left.
enum Left {
    Ended(Ended),
    Late,
    Cancelled,
}

/// What a program writes, as it is read.
struct Written {
    stdout: AbortOnDropHandle<Stdout>,
    lines: AbortOnDropHandle<()>,
}

pub(super) async fn run<S: Sandboxes>(
    programs: &Programs<S>,
    ready: &Ready<S>,
    attempt: Attempt,
    log: Arc<LogBuffer>,
    cancel: &CancellationToken,
) -> Result<Report, Unready> {
    let called = Called::new(ready, attempt, log)?;
    let name = programs.name();
    let room = Room::make(programs.folders.join(&name), Some(&called.given)).map_err(Unready::Refused)?;
    let server = Server::bind(&room.hostcalls()).map_err(|error| Unready::Refused(no_room(&error)))?;
    server.admit(&called.session);
    let spec = spec(programs, ready, &room, name, Some((&called.given, &called.session)));
    // Also where the time is over meanwhile: what was begun is taken back before the run is over.
    let mut sandbox = programs.sandboxes.start(&spec).await.map_err(Unready::Unrunnable)?;
    let (left, mut written) = watch(&mut sandbox, &called, ready.limits.payload, cancel).await;
    let all = written.within(DRAIN).await;
    let used = sandbox.used().await;
    called.saw(used);
    sandbox.remove().await;
    let stdout = match all {
        Some(stdout) => stdout,
        None => written.within(LAST).await.unwrap_or_default(),
    };
    let reply = room.reply().await;
    let outcome = match left {
        Left::Ended(ended) => outcome::of(ended, stdout, reply, &ready.limits, &called.session),
        Left::Late => called.late(),
        Left::Cancelled => Outcome::Cancelled,
    };
    drop(server);
    let report = called.report(outcome, used);
    room.remove().await;
    Ok(report)
}

/// `one` is the only call that the sandbox is for; without it, it serves one after another.
pub(super) fn spec<S: Sandboxes>(
    programs: &Programs<S>,
    ready: &Ready<S>,
    room: &Room,
    name: String,
    one: Option<(&Given, &Session)>,
) -> Spec {
    let mut spec = Spec { hostcalls: Some(room.hostcalls()), ..ready.spec(name, room.work()) };
    let inside = programs.sandboxes.inside(&spec);
    match one {
        Some((given, session)) => {
            spec.command.extend(given.args.iter().cloned());
            spec.env.extend(given.env(&inside.folder).into_iter().map(|(name, value)| (name.to_owned(), value)));
            spec.env.push((TOKEN_VARIABLE.to_owned(), session.token().to_owned()));
        }
        None => spec.env.push((LOOP.to_owned(), "1".to_owned())),
    }
    let socket = inside.hostcalls.unwrap_or_default().join(spear_hostcalls::remote::SOCKET);
    spec.env.push((SOCKET_VARIABLE.to_owned(), address(&socket)));
    spec
}

/// Feeds it, reads it, and waits for its end, its deadline or the word that it is not to go on.
async fn watch<S: Sandbox>(
    sandbox: &mut S,
    called: &Called,
    payload: u64,
    cancel: &CancellationToken,
) -> (Left, Written) {
    let Some(Streams { stdin: input, stdout, stderr }) = sandbox.streams() else {
        return (Left::Ended(Ended::Lost), Written::nothing());
    };
    let _feed = AbortOnDropHandle::new(tokio::spawn(feed(input, called.given.stdin.clone())));
    let lines = AbortOnDropHandle::new(tokio::spawn(lines::read(stderr, Arc::new(lines::Target::of(&called.log)))));
    let stdout = AbortOnDropHandle::new(tokio::spawn(read(stdout, payload)));
    let left = tokio::select! {
        biased;
        () = cancel.cancelled() => Left::Cancelled,
        () = tokio::time::sleep_until(called.deadline.into()) => Left::Late,
        ended = sandbox.ended() => Left::Ended(ended),
    };
    if !matches!(left, Left::Ended(_)) {
        sandbox.stop(GRACE).await;
    }
    (left, Written { stdout, lines })
}

impl Written {
    fn nothing() -> Self {
        let (stdout, lines) = (tokio::spawn(async { Stdout::default() }), tokio::spawn(async {}));
        Self { stdout: AbortOnDropHandle::new(stdout), lines: AbortOnDropHandle::new(lines) }
    }

    /// Standard output, once both streams are at their end; none where that takes longer.
    async fn within(&mut self, time: Duration) -> Option<Stdout> {
        let lines = async {
            if !self.lines.is_finished() {
                // It is over when its stream is.
                let _ = (&mut self.lines).await;
            }
        };
        let both = async {
            lines.await;
            (&mut self.stdout).await
        };
        // A reader that broke off has read nothing.
        tokio::time::timeout(time, both).await.ok().map(Result::unwrap_or_default)
    }
}

/// A program that does not read its input, or ends before, has had enough of it.
async fn feed(mut stdin: impl AsyncWrite + Unpin, bytes: Bytes) {
    if stdin.write_all(&bytes).await.is_ok() {
        let _ = stdin.shutdown().await;
    }
}

/// Reads to the end, and keeps up to a limit: a program that nobody reads would stand still.
async fn read(mut stdout: impl AsyncRead + Unpin, limit: u64) -> Stdout {
    let (mut bytes, mut cut) = (Vec::new(), false);
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = stdout.read(&mut buffer).await {
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        bytes.extend_from_slice(&buffer[..read.min(room)]);
        cut |= read > room;
    }
    Stdout { bytes: bytes.into(), cut }
}

pub(super) fn no_room(error: &std::io::Error) -> Refusal {
    Refusal::new(Code::Internal, format!("the node has no room for the run: {error}"))
}
