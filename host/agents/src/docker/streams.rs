//! Standard streams over the one connection that the engine gives for the three.
//!
//! A program that writes faster than is read is held up by the engine, after about 1 MiB. As both outputs come over one
//! connection, one that is not read slows down the other one too; one that is dropped does not.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bollard::container::{AttachContainerResults, LogOutput};
use futures::StreamExt;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    runtime::Handle,
};
use tokio_util::sync::CancellationToken;

use super::output::{self, Output, Writer};
use crate::sandbox::Streams;

/// A container's standard input. Its end is the program's end of input: by shutdown, or when it is dropped.
pub struct Input {
    inner: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    runtime: Handle,
}

/// Takes the connection apart; has to be called in a runtime.
pub(super) fn of(attached: AttachContainerResults, killed: &CancellationToken) -> Streams<Input, Output> {
    let (to_stdout, stdout) = output::pair(killed.clone());
    let (to_stderr, stderr) = output::pair(killed.clone());
    tokio::spawn(hand_out(attached.output, to_stdout, to_stderr));
    let stdin = Input { inner: Some(attached.input), runtime: Handle::current() };
    Streams { stdin, stdout, stderr }
}

/// Until the program's outputs end, or the connection does.
async fn hand_out<E>(
    mut output: impl futures::Stream<Item = Result<LogOutput, E>> + Unpin,
    stdout: Writer,
    stderr: Writer,
) {
    let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
    while let Some(Ok(piece)) = output.next().await {
        let to = if matches!(piece, LogOutput::StdErr { .. }) { &mut stderr } else { &mut stdout };
        let Some(writer) = to else { continue };
        // Nobody reads it any more: the rest is let go, so that the other output goes on.
        if !writer.hand(piece.into_bytes()).await {
            *to = None;
        }
    }
}

impl AsyncWrite for Input {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner.as_mut().map_or_else(|| Poll::Ready(Err(closed())), |inner| inner.as_mut().poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().map_or(Poll::Ready(Ok(())), |inner| inner.as_mut().poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(Ok(()));
        };
        let done = inner.as_mut().poll_shutdown(cx);
        if done.is_ready() {
            self.inner = None;
        }
        done
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the program's standard input was closed before")
}

impl Drop for Input {
    fn drop(&mut self) {
        if let Some(mut inner) = self.inner.take() {
            // One that is closed already has nothing to tell.
            self.runtime.spawn(async move { inner.shutdown().await.ok() });
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("open", &self.inner.is_some()).finish_non_exhaustive()
    }
}
