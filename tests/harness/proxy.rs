//! A network between two programs that can be cut as a cable can: nobody is told.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cable {
    /// All of them go through.
    Whole,
    /// None do; they wait, as they would to be sent again. Connections stay open, and another one is accepted and silent.
    Cut,
    /// Those to the server go through; those from it wait.
    Deaf,
    /// Those from the server go through; those to it wait.
    Mute,
}

/// A way to a server; ends with its test.
pub(crate) struct Proxy {
    pub(crate) url: String,
    cable: watch::Sender<Cable>,
    /// One more with each time that all connections are broken.
    epoch: watch::Sender<u64>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// To the server at this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let server: SocketAddr = url.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (cable, epoch) = (watch::Sender::new(Cable::Whole), watch::Sender::new(0));
        let serving = tokio::spawn(serve(listener, server, cable.subscribe(), epoch.subscribe()));
        Self { url: format!("http://{address}"), cable, epoch, serving }
    }

    pub(crate) fn set(&self, cable: Cable) {
        self.cable.send_replace(cable);
    }

    pub(crate) fn cut(&self) {
        self.set(Cable::Cut);
    }

    pub(crate) fn heal(&self) {
        self.set(Cable::Whole);
    }

    /// Cut for so long, which is what the test is about.
    pub(crate) async fn cut_for(&self, time: Duration) {
        self.cut();
        sleep(time).await;
        self.heal();
    }

    /// Breaks every connection, so that both sides notice.
    pub(crate) fn sever(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, cable: watch::Receiver<Cable>, epoch: watch::Receiver<u64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (cable, mut epoch) = (cable.clone(), epoch.clone());
        epoch.mark_unchanged();
        connections.spawn(async move {
            tokio::select! {
                () = connect(client, server, cable) => {}
                _ = epoch.changed() => {}
            }
        });
    }
}

async fn connect(client: TcpStream, server: SocketAddr, cable: watch::Receiver<Cable>) {
    let mut whole = cable.clone();
    if whole.wait_for(|cable| matches!(cable, Cable::Whole)).await.is_err() {
        return;
    }
    // The server may be dead; then the client is told as it would be without us.
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let there = forward(client_reads, server_writes, cable.clone(), &[Cable::Whole, Cable::Deaf]);
    let back = forward(server_reads, client_writes, cable, &[Cable::Whole, Cable::Mute]);
    tokio::join!(there, back);
}

/// Bytes and their end pass while the cable is one of `open`.
async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut cable: watch::Receiver<Cable>,
    open: &[Cable],
) {
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut piece).await;
        if cable.wait_for(|cable| open.contains(cable)).await.is_err() {
            return;
        }
        match read {
            Ok(length @ 1..) if to.write_all(&piece[..length]).await.is_ok() => {}
            _ => break,
        }
    }
    let _ = to.shutdown().await;
}
