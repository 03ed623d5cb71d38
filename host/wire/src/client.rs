//! What all gRPC clients have in common.

use std::time::Duration;

use tonic::transport::Endpoint;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// The settings of a connection that has to notice when the other side is gone: a machine that lost its power closes none.
/// One that says nothing while a call waits is asked `every` so often whether it lives, and given up after as long.
#[must_use]
pub fn kept_alive(endpoint: Endpoint, every: Duration) -> Endpoint {
    endpoint.tcp_nodelay(true).connect_timeout(CONNECT).http2_keep_alive_interval(every).keep_alive_timeout(every)
}
