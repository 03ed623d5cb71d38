//! Sockets from inside of a function.

use serde_json::json;
use spear_types::Outcome;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};

use crate::harness::{Function, Invoked, Sms};

async fn invoke(sms: &Sms, sockets: &[&str], op: &str, address: &str) -> Invoked {
    let mut function = Function::guest("dial");
    function.spec.grants.sockets = sockets.iter().map(|text| text.parse().unwrap()).collect();
    sms.api.deploy(&function).await.unwrap();
    sms.api.invoke("dial", json!({ "op": op, "address": address }).to_string()).await.unwrap()
}

async fn outcome(sms: &Sms, sockets: &[&str], op: &str, address: &str) -> Outcome {
    invoke(sms, sockets, op, address).await.outcome
}

fn denied(outcome: Outcome) -> String {
    let Outcome::Denied(denial) = outcome else { panic!("{outcome}") };
    denial.grant
}

fn text(outcome: Outcome) -> String {
    let Outcome::Succeeded(reply) = outcome else { panic!("{outcome}") };
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[tokio::test]
async fn without_a_grant_there_is_no_socket_and_the_log_says_which_grant_would_help() {
    let sms = Sms::with_node().await;
    for (op, line) in [("tcp", "tcp://<address>:<port>"), ("udp", "udp://<address>:<port>")] {
        let Invoked { outcome, task, .. } = invoke(&sms, &[], op, "127.0.0.1:9").await;
        assert_eq!(denied(outcome), format!("[grants]\nsockets = [\"{line}\"]"));
        assert_eq!(sms.api.log(&task).await.messages(), [format!("denied: a {op} socket")]);
    }
}

#[tokio::test]
async fn only_what_is_granted_is_connected_to() {
    let sms = Sms::with_node().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let other = "tcp://192.0.2.1:*";
    assert_eq!(
        denied(outcome(&sms, &[other], "tcp", &address).await),
        format!("[grants]\nsockets = [\"tcp://{address}\"]")
    );
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut ping = [0; 4];
        stream.read_exact(&mut ping).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        ping
    };
    let granted = format!("tcp://{address}");
    let grants = [granted.as_str()];
    let (outcome, ping) = tokio::join!(outcome(&sms, &grants, "tcp", &address), answer);
    assert_eq!((text(outcome).as_str(), &ping), ("pong", b"ping"));
}

#[tokio::test]
async fn datagrams_go_where_they_are_granted_to() {
    let sms = Sms::with_node().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let denial = outcome(&sms, &["udp://192.0.2.1:*"], "udp", &address).await;
    assert_eq!(denied(denial), format!("[grants]\nsockets = [\"udp://{address}\"]"));
    let answer = async {
        let mut ping = [0; 4];
        let (_, from) = socket.recv_from(&mut ping).await.unwrap();
        socket.send_to(b"pong", from).await.unwrap();
    };
    let (granted, port) = (format!("udp://{address}"), "udp://127.0.0.1:*");
    let grants = [granted.as_str(), port];
    let (outcome, ()) = tokio::join!(outcome(&sms, &grants, "udp", &address), answer);
    assert_eq!(text(outcome), "pong");
}

#[tokio::test]
async fn nothing_listens_whatever_is_granted() {
    let sms = Sms::with_node().await;
    let listening = outcome(&sms, &["tcp://0.0.0.0/0:*"], "listen", "127.0.0.1:0").await;
    let Outcome::Failed(failure) = listening else { panic!("{listening}") };
    assert_eq!(failure.code, "denied");
}

#[tokio::test]
async fn no_name_is_resolved_whatever_is_granted_and_the_log_says_that_addresses_are() {
    let sms = Sms::with_node().await;
    for grants in [&[][..], &["tcp://0.0.0.0/0:*"]] {
        let Invoked { outcome, task, .. } = invoke(&sms, grants, "resolve", "localhost:80").await;
        assert!(matches!(outcome, Outcome::Failed(_) | Outcome::Denied(_)), "{outcome}");
        let line =
            "denied: resolving the name \"localhost\" for a socket, which is granted by address and not by name,";
        assert_eq!(sms.api.log(&task).await.messages(), [line]);
    }
    assert_eq!(text(outcome(&sms, &[], "resolve", "[::1]:80").await), "1 addresses");
}
