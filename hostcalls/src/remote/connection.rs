//! Connections of one socket.

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use hyper::{rt::Executor, server::conn::http2, service::service_fn};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::io::TokioIo;

use super::{server::Sessions, session::refused};

/// The connections of one sandbox: a program needs one. More wait to be accepted.
const CONNECTIONS: usize = 16;

/// The requests of one connection that are not answered yet.
const STREAMS: u32 = 64;

/// What may come of a request before it is read, and what may wait to be taken of an answer that was given, in bytes. A connection
/// takes as much of each of its requests, so one that waits for its turn holds up no other.
const WINDOW: u32 = 16 << 10;

/// All headers of a request in bytes.
const HEADERS: u32 = 16 << 10;

/// How long nothing is accepted after the system did not let us.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the socket's end.
pub(super) async fn accept(listener: UnixListener, sessions: Arc<Sessions>, ended: CancellationToken) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let serve = serve(stream, Arc::clone(&sessions), ended.clone(), turn);
                tokio::spawn(ended.clone().run_until_cancelled_owned(serve));
            }
            Err(error) => pause(&error, &ended).await,
        }
    }
}

/// The machine has too many open files, or too little memory: it will not be better at once.
async fn pause(error: &io::Error, ended: &CancellationToken) {
    tracing::warn!("cannot accept a connection for hostcalls: {error}");
    let _ = timeout(PAUSE, ended.cancelled()).await;
}

async fn serve(stream: UnixStream, sessions: Arc<Sessions>, ended: CancellationToken, turn: OwnedSemaphorePermit) {
    let _turn = turn;
    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let live = sessions.of(request.headers());
        async move {
            Ok::<_, Infallible>(match live {
                Some(live) => live.answer(request).await,
                None => refused(),
            })
        }
    });
    let mut http = http2::Builder::new(UntilEnd(ended));
    http.max_concurrent_streams(STREAMS).max_header_list_size(HEADERS).max_send_buf_size(WINDOW as usize);
    http.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW * STREAMS);
    // What breaks a connection is the program's doing, and it notices.
    if let Err(error) = http.serve_connection(TokioIo::new(stream), answer).await {
        tracing::debug!("a connection for hostcalls broke off: {error}");
    }
}

/// Runs what a connection starts until the socket's end: nothing of it is left then.
#[derive(Clone)]
struct UntilEnd(CancellationToken);

impl<F> Executor<F> for UntilEnd
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(future));
    }
}
