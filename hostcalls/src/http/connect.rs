//! From a granted host to a connection: resolve once, check each address, connect to what was checked.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs as _},
    path::Path,
    sync::Arc,
};

use spear_types::Scheme;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};
use wasmtime_wasi_http::Error;

use super::target::Target;
use crate::gate::Gate;

/// Names that the node resolves at once. Each takes a thread for as long as DNS takes, however little time the guest has left.
const LOOKUPS: usize = 64;

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// The node's way out; a cheap clone.
#[derive(Clone)]
pub struct Network {
    tls: TlsConnector,
    lookups: Arc<Semaphore>,
}

/// Whatever carries bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Network {
    /// A network whose servers are trusted by the usual authorities of the Web, and by those in the PEM file `ca`.
    ///
    /// # Errors
    /// The file cannot be read, or has something else in it.
    pub fn new(ca: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in
            ca.map(CertificateDer::pem_file_iter).transpose().map_err(io::Error::other)?.into_iter().flatten()
        {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), lookups: Arc::new(Semaphore::new(LOOKUPS)) })
    }

    /// Connects to one of the addresses of `target` that `gate` allows. A name is resolved in a turn of the run, from
    /// `turns`, and in one of the node.
    pub(super) async fn connect(
        &self,
        target: &Target,
        gate: &Gate,
        turns: &Arc<Semaphore>,
    ) -> Result<Box<dyn Stream>, Error> {
        let addresses = allowed(target, gate, self.resolve(target, turns).await?)?;
        let stream = connect_to_one(&addresses).await?;
        match target.scheme {
            Scheme::Http => Ok(Box::new(stream)),
            Scheme::Https => {
                let stream = self.tls.connect(target.server_name()?, stream).await;
                Ok(Box::new(stream.map_err(|error| tls_error(&error))?))
            }
        }
    }

    async fn resolve(&self, target: &Target, turns: &Arc<Semaphore>) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = target.address() {
            return Ok(vec![SocketAddr::new(address, target.port)]);
        }
        // The lookup goes on when the guest is gone, and so do its turns.
        let own = Arc::clone(turns).acquire_owned().await;
        let turn = Arc::clone(&self.lookups).acquire_owned().await;
        let (host, port) = (target.host.clone(), target.port);
        let lookup = tokio::task::spawn_blocking(move || {
            let _turns = (own, turn);
            (host.as_str(), port).to_socket_addrs().map(|addresses| addresses.take(MAX_ADDRESSES).collect())
        });
        let found = lookup.await.map_err(io::Error::other).flatten();
        found.map_err(|error| Error::DnsError { rcode: Some(error.to_string()), info_code: None })
    }
}

/// The addresses that may be connected to. Where there is none, the gate is told what is lacking.
fn allowed(target: &Target, gate: &Gate, resolved: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Error> {
    let canonical = resolved.into_iter().map(|address| SocketAddr::new(address.ip().to_canonical(), address.port()));
    let (allowed, denied): (Vec<_>, Vec<_>) =
        canonical.partition(|address| gate.granted().effective.network(&target.host, address.ip()).is_ok());
    match denied.first() {
        Some(address) if allowed.is_empty() => {
            let _ = gate.check(|grants| grants.network(&target.host, address.ip()));
            Err(Error::DestinationIpProhibited)
        }
        _ => Ok(allowed),
    }
}

async fn connect_to_one(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = Error::DestinationNotFound;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request goes out when it is written, not when the buffer is full; without it, it is only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = connect_error(&error),
        }
    }
    Err(last)
}

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

fn tls_error(error: &io::Error) -> Error {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => {
            Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: Some(format!("{alert:?}")) }
        }
        _ => Error::TlsProtocolError,
    }
}
