//! A web server as rude as a server can be: what it answers stands in the path.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::soon;

/// A server on 127.0.0.1; ends with its test.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    /// Connections that came, and that the other side closed.
    counts: watch::Receiver<(usize, usize)>,
    serving: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    pub(crate) async fn with_tls(config: ServerConfig) -> Self {
        Self::with(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (counts, seen) = watch::channel((0, 0));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.send_modify(|(came, _)| *came += 1);
                let (counts, tls) = (counts.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream).await;
                            }
                        }
                    }
                    counts.send_modify(|(_, closed)| *closed += 1);
                });
            }
        });
        Self { address, counts: seen, serving }
    }

    /// A URL of it, by whatever name it is called.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    /// How many connections it saw.
    pub(crate) fn connections(&self) -> usize {
        self.counts.borrow().0
    }

    /// Waits until this many connections came to it.
    pub(crate) async fn saw(&self, connections: usize) {
        let mut counts = self.counts.clone();
        soon("a connection", counts.wait_for(|(came, _)| *came >= connections)).await.expect("it serves");
    }

    /// Waits until the other side has closed every connection.
    pub(crate) async fn left_alone(&self) {
        let mut counts = self.counts.clone();
        soon("closed connections", counts.wait_for(|(came, closed)| came == closed)).await.expect("it serves");
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers one request, then reads until the other side closes.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if answer(&mut stream, &head, &path).await.is_ok() {
        let mut rest = [0; 4096];
        while let Ok(1..) = stream.read(&mut rest).await {}
    }
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), head: &str, path: &str) -> std::io::Result<()> {
    let (name, argument) = path.split_once('?').unwrap_or((path, ""));
    match name {
        "/head" => stream.write_all(whole(head).as_bytes()).await,
        "/redirect" => {
            let head = format!("HTTP/1.1 302 Found\r\nlocation: {argument}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        "/claims" => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {argument}\r\n\r\n").as_bytes()).await
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            loop {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
        "/endless-head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(format!("x: {}\r\n", "y".repeat(0x1000)).as_bytes()).await?;
            }
        }
        "/half" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await,
        "/silence" => Ok(()),
        _ => stream.write_all(whole("hello").as_bytes()).await,
    }
}

fn whole(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
