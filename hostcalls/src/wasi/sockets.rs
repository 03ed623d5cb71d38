//! `wasi:sockets`: connections and datagrams to granted addresses, no names and no listening.

use std::{
    future,
    net::{IpAddr, SocketAddr},
};

use spear_types::{Denial, Grants, Transport};
use wasmtime::{
    StoreContextMut,
    component::{HasData, Linker, Resource},
};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p2::{
        DynInputStream, DynOutputStream, DynPollable, IoError, Network, SocketError, SocketResult, TcpSocket,
        UdpSocket,
        bindings::sockets::{
            instance_network,
            ip_name_lookup::{self, ResolveAddressStream},
            network::{self, ErrorCode, IpAddress, IpAddressFamily, LinkOptions},
            tcp::{self, HostTcpSocket as _},
            tcp_create_socket, udp, udp_create_socket,
        },
    },
    sockets::{SocketAddrUse, WasiSockets, WasiSocketsCtxView, WasiSocketsView as _},
};

use super::streams::bound;
use crate::{
    capability::{Guest, Host},
    gate::Gate,
};

/// What is told of a name, in characters: longer ones are none.
const MAX_NAME: usize = 253;

/// What creates sockets and resolves names: the standard implementation behind the gate.
struct Sockets;

struct View<'a> {
    standard: WasiSocketsCtxView<'a>,
    gate: Gate,
}

impl HasData for Sockets {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    tcp_create_socket::add_to_linker::<_, Sockets>(linker, view)?;
    udp_create_socket::add_to_linker::<_, Sockets>(linker, view)?;
    network::add_to_linker::<_, WasiSockets>(linker, &LinkOptions::default(), |guest| guest.sockets())?;
    instance_network::add_to_linker::<_, WasiSockets>(linker, |guest| guest.sockets())?;
    ip_name_lookup::add_to_linker::<_, Sockets>(linker, view)?;
    tcp::add_to_linker::<_, WasiSockets>(linker, |guest| guest.sockets())?;
    udp::add_to_linker::<_, WasiSockets>(linker, |guest| guest.sockets())?;
    linker.allow_shadowing(true);
    linker.instance("wasi:sockets/tcp@0.2.12")?.func_wrap(
        "[method]tcp-socket.finish-connect",
        |mut store: StoreContextMut<'_, Guest<H>>, (socket,): (Resource<TcpSocket>,)| {
            Ok((finish_connect(&mut store.data_mut().sockets(), socket)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

fn finish_connect(
    sockets: &mut WasiSocketsCtxView<'_>,
    socket: Resource<TcpSocket>,
) -> wasmtime::Result<Result<Streams, ErrorCode>> {
    match sockets.finish_connect(socket) {
        Ok((input, output)) => {
            bound(sockets.table, &output)?;
            Ok(Ok((input, output)))
        }
        Err(error) => network::Host::convert_error_code(sockets, error).map(Err),
    }
}

fn view<H: Host>(guest: &mut Guest<H>) -> View<'_> {
    let gate = guest.hostcalls.own.gate.clone();
    View { standard: guest.sockets(), gate }
}

/// Tells the standard implementation what `gate` allows.
pub(super) fn configure(ctx: &mut WasiCtxBuilder, gate: &Gate) {
    let any = !gate.granted().effective.sockets.is_empty();
    let gate = gate.clone();
    // Names do not come this far.
    ctx.allow_tcp(any).allow_udp(any).allow_ip_name_lookup(true);
    ctx.socket_addr_check(move |address, purpose| Box::pin(future::ready(allowed(&gate, address, purpose))));
}

fn allowed(gate: &Gate, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    let ask = |transport| move |grants: &Grants| grants.socket(transport, address.ip(), address.port());
    match purpose {
        SocketAddrUse::TcpConnect => gate.check(ask(Transport::Tcp)).is_ok(),
        SocketAddrUse::UdpSend => gate.check(ask(Transport::Udp)).is_ok(),
        // Not what the guest asks for: strangers could fill its log.
        SocketAddrUse::UdpReceive => gate.granted().check(ask(Transport::Udp)).is_ok(),
        // What a client gets without asking for it.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => address.ip().is_unspecified() && address.port() == 0,
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
    }
}

impl View<'_> {
    /// A socket takes one of the host's handles: who may connect to nothing gets none, and is told so at once.
    fn admit(&self, transport: Transport) -> SocketResult<()> {
        self.gate.check(|grants| any(grants, transport)).map_err(|_| ErrorCode::AccessDenied.into())
    }
}

fn any(grants: &Grants, transport: Transport) -> Result<(), Denial> {
    if grants.sockets.is_empty() {
        let grant = format!("[grants]\nsockets = [\"{transport}://<address>:<port>\"]");
        return Err(Denial::new(format!("a {transport} socket"), grant));
    }
    Ok(())
}

/// Resolving a name sends it to strangers, and takes a thread. Nothing is granted by name, so that no guest needs it.
fn no_names(name: &str) -> Denial {
    let name: String = name.chars().take(MAX_NAME).collect();
    let what = format!("resolving the name {name:?} for a socket, which is granted by address and not by name,");
    Denial::new(what, "[grants]\nsockets = [\"tcp://<address>:<port>\"]".to_owned())
}

/// What these interfaces need of the one beside them.
impl network::Host for View<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.standard.convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        self.standard.network_error_code(error)
    }
}

impl network::HostNetwork for View<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.standard, network)
    }
}

impl tcp_create_socket::Host for View<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.admit(Transport::Tcp)?;
        self.standard.create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for View<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.admit(Transport::Udp)?;
        self.standard.create_udp_socket(family).await
    }
}

impl ip_name_lookup::Host for View<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        if name.parse::<IpAddr>().is_err() {
            self.gate.check(|_| Err(no_names(&name))).map_err(|_| ErrorCode::AccessDenied)?;
        }
        self.standard.resolve_addresses(network, name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for View<'_> {
    fn resolve_next_address(&mut self, stream: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        self.standard.resolve_next_address(stream)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.standard, stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.standard, stream)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spear_types::{Granted, SocketPattern};

    use super::*;
    use crate::logs::LogBuffer;

    fn gate(sockets: &[&str]) -> (Gate, Arc<LogBuffer>) {
        let sockets = sockets.iter().map(|text| text.parse::<SocketPattern>().unwrap()).collect();
        let log = Arc::new(LogBuffer::new(1 << 20));
        let granted = Granted::all(Grants { sockets, ..Grants::default() });
        (Gate::new(&Arc::new(granted), &log), log)
    }

    #[test]
    fn only_granted_addresses_are_connected_to_and_sent_to() {
        let (gate, log) = gate(&["tcp://192.0.2.7:5432", "udp://192.0.2.0/24:53"]);
        for (purpose, address, is_allowed) in [
            (SocketAddrUse::TcpConnect, "192.0.2.7:5432", true),
            (SocketAddrUse::TcpConnect, "[::ffff:192.0.2.7]:5432", true),
            (SocketAddrUse::TcpConnect, "192.0.2.7:5433", false),
            (SocketAddrUse::TcpConnect, "127.0.0.1:5432", false),
            (SocketAddrUse::UdpSend, "192.0.2.9:53", true),
            (SocketAddrUse::UdpSend, "192.0.3.9:53", false),
            (SocketAddrUse::UdpReceive, "192.0.2.9:53", true),
        ] {
            assert_eq!(allowed(&gate, address.parse().unwrap(), purpose), is_allowed, "{address}");
        }
        assert_eq!(gate.denial().unwrap().grant, "[grants]\nsockets = [\"udp://192.0.3.9:53\"]");
        assert_eq!(log.take().lines.len(), 3);
    }

    #[test]
    fn nothing_listens_and_what_strangers_send_is_not_logged() {
        let (gate, log) = gate(&["tcp://0.0.0.0/0:*", "udp://192.0.2.0/24:*"]);
        for (purpose, address, is_allowed) in [
            (SocketAddrUse::TcpBind, "0.0.0.0:0", true),
            (SocketAddrUse::UdpBind, "[::]:0", true),
            (SocketAddrUse::TcpBind, "0.0.0.0:80", false),
            (SocketAddrUse::UdpBind, "127.0.0.1:0", false),
            (SocketAddrUse::TcpListen, "0.0.0.0:0", false),
            (SocketAddrUse::TcpAccept, "192.0.2.1:1", false),
            (SocketAddrUse::UdpReceive, "203.0.113.1:53", false),
        ] {
            assert_eq!(allowed(&gate, address.parse().unwrap(), purpose), is_allowed, "{address}");
        }
        assert!(log.take().lines.is_empty());
    }
}
