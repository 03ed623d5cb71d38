//! Tokens, sockets and ends.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    time::Instant,
};

use rustix::process::geteuid;
use spear_types::{Grants, TaskId};
use spear_wire::v1;
use tokio::{io::AsyncReadExt as _, net::UnixStream, time::timeout};
use tonic::Code;

use super::{Clients, Function, PATIENCE, SOCKET, Server, cluster::TREASURE, connect};

fn line(message: &str) -> v1::LogsWriteRequest {
    v1::LogsWriteRequest { level: v1::Level::Info.into(), message: message.to_owned(), fields: Vec::new() }
}

fn waits() -> v1::TasksInvokeRequest {
    v1::TasksInvokeRequest { function: "waits".to_owned(), call: Some(v1::Payload::default()) }
}

fn may_wait() -> Function {
    Function::granted(Grants { tasks: ["waits".parse().unwrap()].into(), ..Grants::default() })
}

#[tokio::test]
async fn a_run_knows_itself_its_settings_and_its_limits() {
    let function = Function::granted(Grants::default());
    let attempt = function.attempt(2);
    let mut clients = Clients::over(&attempt.connect().await);
    let identity = clients.resources.who_am_i(v1::ResourcesWhoAmIRequest {}).await.unwrap().into_inner();
    assert_eq!((identity.task, identity.attempt), (TaskId::from_bytes([9; 16]).to_string(), 2));
    assert_eq!((identity.function.as_str(), identity.version, identity.node.as_str()), ("f", 3, "n"));
    let limits = clients.resources.get_limits(v1::ResourcesGetLimitsRequest {}).await.unwrap().into_inner().limits;
    assert_eq!(limits.unwrap().payload_bytes, Some(function.limits.payload));
    clients.logs.write(line("hello")).await.unwrap();
    let usage = clients.resources.get_usage(v1::ResourcesGetUsageRequest {}).await.unwrap().into_inner();
    assert_eq!((usage.memory_bytes, usage.hostcalls, usage.log_bytes), (7, 4, attempt.log.used()));
    let left = clients.resources.get_remaining(v1::ResourcesGetRemainingRequest {}).await.unwrap().into_inner();
    assert_eq!(left.memory_bytes, function.limits.memory - 7);
    assert_eq!(left.log_bytes, function.limits.log - attempt.log.used());
    let value = clients.config.get(v1::ConfigGetRequest { key: "key".to_owned() }).await.unwrap().into_inner().value;
    let all = clients.config.get_all(v1::ConfigGetAllRequest {}).await.unwrap().into_inner().values;
    assert_eq!((value.as_deref(), all.len()), (Some("value"), 1));
}

#[tokio::test]
async fn without_its_token_nothing_is_answered() {
    let function = Function::granted(Grants::default());
    let attempt = function.attempt(1);
    let other = function.attempt(2);
    let cut = &attempt.session.token()[1..];
    for token in ["", "x", cut, other.session.token()] {
        let mut clients = Clients::over(&connect(attempt.server.path(), token).await);
        let status = clients.logs.write(line("mine?")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
        assert_eq!(spear_wire::from_status(status).code, spear_types::Code::WrongToken);
    }
    assert!(attempt.log.take().lines.is_empty() && other.log.take().lines.is_empty());
    assert_eq!(attempt.session.meter().hostcalls, 0);
}

#[tokio::test]
async fn a_token_is_dead_with_its_attempt_and_the_next_one_has_its_own() {
    let function = Function::granted(Grants::default());
    let sandbox = tempfile::tempdir().unwrap();
    let server = Server::bind(&sandbox.path().join("own")).unwrap();
    let (first, first_log) = function.session(1);
    server.admit(&first);
    let connection = connect(server.path(), first.token()).await;
    Clients::over(&connection).logs.write(line("one")).await.unwrap();
    drop(first);
    let status = Clients::over(&connection).logs.write(line("late")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let (second, second_log) = function.session(2);
    server.admit(&second);
    Clients::over(&connect(server.path(), second.token()).await).logs.write(line("two")).await.unwrap();
    let status = Clients::over(&connection).logs.write(line("later")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    for (log, message) in [(first_log, "one"), (second_log, "two")] {
        let lines: Vec<_> = log.take().lines.into_iter().map(|line| line.message).collect();
        assert_eq!(lines, [message]);
    }
}

#[tokio::test]
async fn two_attempts_at_once_see_only_their_own() {
    let secret = Grants { secrets: ["mine".parse().unwrap()].into(), ..Grants::default() };
    let (granted, bare) = (Function::granted(secret), Function::granted(Grants::default()));
    let sandbox = tempfile::tempdir().unwrap();
    let server = Server::bind(sandbox.path()).unwrap();
    let ((one, one_log), (two, two_log)) = (granted.session(1), bare.session(2));
    server.admit(&one);
    server.admit(&two);
    let mut ones = Clients::over(&connect(server.path(), one.token()).await);
    let mut twos = Clients::over(&connect(server.path(), two.token()).await);
    let get = || v1::SecretsGetRequest { name: "mine".to_owned() };
    let (of_one, of_two) = tokio::join!(ones.secrets.get(get()), twos.secrets.get(get()));
    assert_eq!(of_one.unwrap().into_inner().value, TREASURE);
    assert!(of_two.unwrap().into_inner().error.is_some());
    let (first, second) =
        tokio::join!(ones.logs.write(line("a treasure of mine")), twos.logs.write(line("a treasure of nobody")));
    first.and(second).unwrap();
    let messages = |log: &crate::logs::LogBuffer| log.take().lines.pop().unwrap().message;
    assert_eq!((messages(&one_log).as_str(), messages(&two_log).as_str()), ("a ••• of mine", "a treasure of nobody"));
    assert_eq!((one.redact("treasure", 100), two.redact("treasure", 100)), ("•••".to_owned(), "treasure".to_owned()));
    assert_eq!((one.denial(), two.denial().is_some()), (None, true));
    assert_eq!((one.meter().hostcalls, one.meter().bytes_in), (2, TREASURE.len() as u64));
    assert_eq!((two.meter().hostcalls, two.meter().bytes_in), (2, 0));
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_gone_at_the_end() {
    let function = Function::granted(Grants::default());
    let attempt = function.attempt(1);
    let path = attempt.server.path().to_owned();
    let (socket, folder) = (fs::metadata(&path).unwrap(), fs::metadata(path.parent().unwrap()).unwrap());
    assert!(socket.file_type().is_socket() && folder.is_dir());
    assert_eq!((socket.permissions().mode() & 0o777, folder.permissions().mode() & 0o777), (0o600, 0o700));
    assert_eq!((socket.uid(), folder.uid()), (geteuid().as_raw(), geteuid().as_raw()));
    let mut open = UnixStream::connect(&path).await.unwrap();
    let mut clients = Clients::over(&attempt.connect().await);
    clients.logs.write(line("here")).await.unwrap();
    let super::Attempt { session, server, log: _, folder: _folder } = attempt;
    drop((server, session));
    assert_eq!(fs::symlink_metadata(&path).unwrap_err().kind(), ErrorKind::NotFound);
    let closed = timeout(PATIENCE, open.read_to_end(&mut Vec::new())).await.expect("the connection stays open");
    drop(closed);
    assert!(clients.logs.write(line("still?")).await.is_err());
    assert!(UnixStream::connect(&path).await.is_err());
}

#[tokio::test]
async fn a_folder_that_others_could_enter_is_shut_and_a_socket_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let server = Server::bind(folder.path()).unwrap();
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(Server::bind(folder.path()).is_err());
    assert!(server.path().exists());
}

#[tokio::test]
async fn the_folder_may_be_deeper_than_a_path_of_a_socket_is_long() {
    let function = Function::granted(Grants::default());
    let sandbox = tempfile::tempdir().unwrap();
    let folder = sandbox.path().join("x".repeat(120));
    let server = Server::bind(&folder).unwrap();
    let (session, log) = function.session(1);
    server.admit(&session);
    // As the sandbox does: by a way that is shorter.
    let short = sandbox.path().join("own");
    std::os::unix::fs::symlink(&folder, &short).unwrap();
    Clients::over(&connect(&short.join(SOCKET), session.token()).await).logs.write(line("from afar")).await.unwrap();
    assert_eq!(log.take().lines.pop().unwrap().message, "from afar");
    drop(server);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_session_waits_for_is_given_up_when_it_ends() {
    let function = may_wait();
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let invoked = tokio::spawn(async move { clients.tasks.invoke(waits()).await });
    timeout(PATIENCE, function.cluster.waiting.notified()).await.unwrap();
    let server = attempt.server;
    drop(attempt.session);
    timeout(PATIENCE, function.cluster.given_up.notified()).await.expect("the invocation goes on");
    let status = timeout(PATIENCE, invoked).await.unwrap().unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    drop(server);
}

#[tokio::test]
async fn what_a_program_does_not_wait_for_any_more_is_given_up() {
    let function = may_wait();
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let invoked = tokio::spawn(async move { clients.tasks.invoke(waits()).await });
    timeout(PATIENCE, function.cluster.waiting.notified()).await.unwrap();
    invoked.abort();
    timeout(PATIENCE, function.cluster.given_up.notified()).await.expect("the invocation goes on");
}

#[tokio::test]
async fn after_the_deadline_nothing_is_answered() {
    let function = Function::granted(Grants::default());
    let folder = tempfile::tempdir().unwrap();
    let server = Server::bind(folder.path()).unwrap();
    let (session, log) = function.session_until(1, Instant::now());
    server.admit(&session);
    let mut clients = Clients::over(&connect(server.path(), session.token()).await);
    assert_eq!(clients.logs.write(line("late")).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(log.take().lines.is_empty());
}
