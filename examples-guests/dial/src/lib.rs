//! Does with sockets what its input says: `{"op": "tcp", "address": "127.0.0.1:7"}`; answers what it read, or the error.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket},
};

use serde::Deserialize;
use spear_guest::{Failure, Json};

#[derive(Deserialize)]
struct Command {
    op: Op,
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Op {
    Tcp,
    Udp,
    Listen,
    Resolve,
}

#[spear_guest::function]
fn dial(Json(Command { op, address }): Json<Command>) -> Result<String, Failure> {
    let answer = match op {
        Op::Tcp => tcp(&address),
        Op::Udp => udp(&address),
        Op::Listen => TcpListener::bind(&address).map(|_| "listening".to_owned()),
        Op::Resolve => address.to_socket_addrs().map(|found| format!("{} addresses", found.count())),
    };
    answer.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::new("denied", error.to_string()),
        kind => Failure::new(kind.to_string().replace(' ', "-"), error.to_string()),
    })
}

fn tcp(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"ping")?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn udp(address: &str) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(b"ping", address)?;
    let mut answer = [0; 4];
    let (size, _) = socket.recv_from(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..size]).into_owned())
}
