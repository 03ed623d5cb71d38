//! What every gRPC server of SPEAR has: a bound address, health, reflection and an orderly end.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use spear_proto::DESCRIPTORS;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::{self, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::health_reporter};

/// A client that says nothing is asked whether it lives: one that is gone must not hold an upload or a link open.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The most requests of one connection at once: each may hold a payload.
const STREAMS: u32 = 1_024;

/// Why a server could not start or broke off.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address could not be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The descriptors for reflection are malformed: a fault of the build.
    #[error("cannot serve reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport broke off.
    #[error("serving broke off")]
    Transport(#[from] transport::Error),
}

/// A bound address that does not serve yet: an address in use fails before anything runs.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// The services of one server.
#[derive(Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connections that are made to it. Each sends what it has at once: a short message that waited for the answer to
    /// the one before would be 40 ms late. The server's own setting is not asked for connections that come by a stream.
    fn connections(self) -> TcpIncoming {
        TcpIncoming::from(self.listener).with_nodelay(Some(true))
    }

    /// Serves until `stop`, then lets the requests that are under way end.
    ///
    /// # Errors
    /// [`Error::Reflection`], [`Error::Transport`].
    pub async fn serve(self, services: Services, stop: CancellationToken) -> Result<(), Error> {
        let routes = services.routes().await?;
        let incoming = self.connections();
        let server = transport::Server::builder()
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .add_routes(routes);
        Ok(server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await?)
    }
}

impl Services {
    /// Adds a generated server.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + NamedService,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    async fn routes(mut self) -> Result<Routes, Error> {
        let (health, service) = health_reporter();
        for name in self.names {
            health.set_service_status(name, ServingStatus::Serving).await;
        }
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        self.routes.add_service(service).add_service(reflection);
        Ok(self.routes.routes())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_connection_does_not_hold_back_what_it_has_to_say() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let _client = TcpStream::connect(listener.address()).await.unwrap();
        let accepted = listener.connections().next().await.unwrap().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
