//! Every capability, granted and not: one table, and a test for each of its columns.

use std::fs;

use serde_json::{Value, json};
use spear_proto::v1;
use spear_types::{Grants, LimitRequest, Outcome};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::harness::{Function, Home, Sms, Web};

/// What is behind every grant. It must never come out without one.
const TREASURE: &str = "treasure";

/// One capability.
struct Row {
    name: &'static str,
    guest: &'static str,
    /// What lets the call happen, as `[grants]` has it.
    grants: String,
    /// Of the same kind, for something else.
    others: &'static str,
    /// The lines that a denial asks for; none where WASI has a word of its own.
    line: Option<String>,
    call: Value,
    /// What its answer has.
    answer: &'static str,
    /// More than its limit allows.
    over: Over,
    /// Where reading and writing are granted apart.
    written: Option<Written>,
}

struct Over {
    limits: LimitRequest,
    call: Value,
    /// What the answer names.
    says: &'static str,
}

struct Written {
    read: &'static str,
    call: Value,
    line: Option<&'static str>,
}

/// The world around the functions: all that could be granted is there.
struct World {
    sms: Sms,
    web: Web,
    echo: std::net::SocketAddr,
    folder: std::path::PathBuf,
    serving: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        let home = Home::new().await;
        let folder = home.path().join("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("k"), TREASURE).unwrap();
        let (secrets, large) = (home.path().join("secrets"), vec![b'x'; 65 << 10]);
        fs::create_dir(&secrets).unwrap();
        fs::write(secrets.join("mine"), TREASURE.chars().rev().collect::<String>()).unwrap();
        fs::write(secrets.join("large"), large).unwrap();
        let files = format!("{{mine={folder:?},other={secrets:?}}}");
        let settings =
            [("SPEAR_SPEARLET_FILES", files.as_str()), ("SPEAR_SPEARLET_SECRETS", secrets.to_str().unwrap())];
        let sms = Sms::with_node_in(home, &settings).await;
        sms.api.put("mine", "k", TREASURE).await.unwrap();
        sms.api.put("mine", "large", vec![0; 5 << 20]).await.unwrap();
        sms.json(["kv", "put", "mine/k", TREASURE]).await;
        sms.api.deploy(&Function::guest("echo")).await.unwrap();
        let (echo, serving) = echo().await;
        Self { sms, web: Web::start().await, echo, folder, serving }
    }

    fn rows(&self) -> Vec<Row> {
        let url = self.web.url("127.0.0.1", "");
        let address = self.echo;
        let values = |name, guest, get: Value, many: Value, put: Value| Row {
            name,
            guest,
            grants: "kv = { mine = \"read\" }".to_owned(),
            others: "kv = { other = \"read-write\" }",
            line: Some("[grants.kv]\nmine = \"read\"".to_owned()),
            call: get,
            answer: TREASURE,
            over: Over { limits: LimitRequest::default(), call: many, says: "limit of 1000" },
            written: Some(Written {
                read: "kv = { mine = \"read\" }",
                call: put,
                line: Some("[grants.kv]\nmine = \"read-write\""),
            }),
        };
        vec![
            Row {
                name: "objects",
                guest: "store",
                grants: "objects = { mine = \"read\" }".to_owned(),
                others: "objects = { other = \"read-write\" }",
                line: Some("[grants.objects]\nmine = \"read\"".to_owned()),
                call: json!({ "op": "get", "bucket": "mine", "key": "k" }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest::default(),
                    call: json!({ "op": "get", "bucket": "mine", "key": "large" }),
                    says: "`payload`",
                },
                written: Some(Written {
                    read: "objects = { mine = \"read\" }",
                    call: json!({ "op": "put", "bucket": "mine", "key": "k", "text": "gone" }),
                    line: Some("[grants.objects]\nmine = \"read-write\""),
                }),
            },
            values(
                "kv",
                "values",
                json!({ "op": "get", "store": "mine", "key": "k" }),
                json!({ "op": "get-many", "store": "mine", "count": 10_000 }),
                json!({ "op": "put", "store": "mine", "key": "k", "text": "gone" }),
            ),
            values(
                "wasi:keyvalue",
                "keyvalue",
                json!({ "op": "get", "store": "mine", "key": "k" }),
                json!({ "op": "get-many", "store": "mine", "keys": vec!["k"; 10_000] }),
                json!({ "op": "set", "store": "mine", "key": "k", "text": "gone" }),
            ),
            Row {
                name: "tasks",
                guest: "relay",
                grants: "tasks = [\"echo\"]".to_owned(),
                others: "tasks = [\"other\"]",
                line: Some("[grants]\ntasks = [\"echo\"]".to_owned()),
                call: json!({ "function": "echo", "call": TREASURE }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest { calls: Some(2), ..LimitRequest::default() },
                    call: json!({ "function": "echo", "call": "x", "times": 3 }),
                    says: "`calls`",
                },
                written: None,
            },
            Row {
                name: "secrets",
                guest: "vault",
                grants: "secrets = [\"large\", \"mine\"]".to_owned(),
                others: "secrets = [\"other\"]",
                line: Some("[grants]\nsecrets = [\"mine\"]".to_owned()),
                call: json!({ "secret": "mine", "then": "reverse" }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest::default(),
                    call: json!({ "secret": "large", "then": "reverse" }),
                    says: "65536",
                },
                written: None,
            },
            Row {
                name: "http",
                guest: "fetch",
                grants: format!("http = [\"{url}\"]\nnetworks = [\"127.0.0.0/8\"]"),
                others: "http = [\"https://example.com\"]\nnetworks = [\"127.0.0.0/8\"]",
                line: Some(format!("[grants]\nhttp = [\"{url}\"]")),
                call: json!({ "url": format!("{url}/head?{TREASURE}"), "strict": true }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest { requests: Some(2), ..LimitRequest::default() },
                    call: json!({ "url": format!("{url}/"), "times": 3 }),
                    says: "`requests`",
                },
                written: None,
            },
            Row {
                name: "networks",
                guest: "fetch",
                grants: format!("http = [\"{url}\"]\nnetworks = [\"127.0.0.1/32\"]"),
                others: "http = [\"http://127.0.0.1:*\"]\nnetworks = [\"10.0.0.0/8\"]",
                line: Some("[grants]\nnetworks = [\"127.0.0.1/32\"]".to_owned()),
                call: json!({ "url": format!("{url}/head?{TREASURE}"), "strict": true }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest { requests: Some(1), ..LimitRequest::default() },
                    call: json!({ "url": format!("{url}/"), "times": 2 }),
                    says: "`requests`",
                },
                written: None,
            },
            Row {
                name: "files",
                guest: "files",
                grants: "files = { mine = \"read\" }".to_owned(),
                others: "files = { other = \"read-write\" }",
                line: None,
                call: json!({ "op": "read", "path": "/mine/k" }),
                answer: TREASURE,
                over: Over {
                    limits: LimitRequest { handles: Some(50), ..LimitRequest::default() },
                    call: json!({ "op": "open", "path": "/mine/k", "times": 1_000 }),
                    says: "`handles`",
                },
                written: Some(Written {
                    read: "files = { mine = \"read\" }",
                    call: json!({ "op": "write", "path": "/mine/k", "text": "gone" }),
                    line: None,
                }),
            },
            Row {
                name: "sockets",
                guest: "dial",
                grants: format!("sockets = [\"tcp://{address}\"]"),
                others: "sockets = [\"tcp://192.0.2.1:1\"]",
                line: Some(format!("[grants]\nsockets = [\"tcp://{address}\"]")),
                call: json!({ "op": "tcp", "address": address.to_string() }),
                answer: "trea",
                over: Over {
                    limits: LimitRequest { handles: Some(2), ..LimitRequest::default() },
                    call: json!({ "op": "tcp", "address": address.to_string() }),
                    says: "`handles`",
                },
                written: None,
            },
        ]
    }

    /// Deploys a row's guest under a name, with these grants, and calls it; the outcome and all that the log has.
    async fn ask(&self, name: &str, row: &Row, grants: &str, limits: &LimitRequest, call: &Value) -> (Outcome, String) {
        let grants: Grants = toml::from_str(grants).unwrap();
        let function = Function::guest(row.guest).named(name).grants(grants).limits(limits.clone());
        self.sms.api.deploy(&function).await.unwrap_or_else(|status| panic!("{}: {status}", row.name));
        let invoked = self.sms.api.invoke(name, call.to_string()).await;
        let invoked = invoked.unwrap_or_else(|status| panic!("{}: {status}", row.name));
        let log = self.sms.api.log(&invoked.task).await;
        (invoked.outcome, format!("{:?}", log.lines))
    }

    async fn outcome(&self, row: &Row, grants: &str) -> (Outcome, String) {
        self.ask("mine", row, grants, &LimitRequest::default(), &row.call).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server that answers whatever it is sent with the same.
async fn echo() -> (std::net::SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut ping = [0; 4];
            if stream.read_exact(&mut ping).await.is_ok() {
                // The guest may be gone.
                let _ = stream.write_all(&TREASURE.as_bytes()[..4]).await;
            }
        }
    });
    (address, serving)
}

fn body(row: &Row, outcome: &Outcome) -> String {
    let Outcome::Succeeded(reply) = outcome else { panic!("{}: {outcome}", row.name) };
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// It was denied with the lines to add, and neither outcome nor log has what is behind the grant.
fn assert_denied(row: &Row, line: Option<&str>, (outcome, log): &(Outcome, String)) {
    let (name, shown) = (row.name, format!("{outcome:?} {log}"));
    let reversed: String = TREASURE.chars().rev().collect();
    assert!(!shown.contains(TREASURE) && !shown.contains(&reversed), "{name}: it leaks: {shown}");
    match (line, outcome) {
        (Some(line), Outcome::Denied(denial)) => {
            assert_eq!(denial.grant, line, "{name}");
            assert!(log.contains("denied: ") && log.contains(&format!("{line:?}")), "{name}: {log}");
        }
        (None, Outcome::Failed(_)) => {}
        _ => panic!("{name}: {outcome}"),
    }
}

#[tokio::test]
async fn what_is_granted_works() {
    let world = World::new().await;
    for row in world.rows() {
        let (outcome, _) = world.outcome(&row, &row.grants).await;
        assert!(body(&row, &outcome).contains(row.answer), "{}: {outcome:?}", row.name);
    }
}

#[tokio::test]
async fn what_is_not_granted_is_denied_with_the_line_to_add() {
    let world = World::new().await;
    for row in world.rows() {
        assert_denied(&row, row.line.as_deref(), &world.outcome(&row, row.others).await);
    }
}

#[tokio::test]
async fn what_is_granted_to_another_function_is_not_granted_to_this_one() {
    let world = World::new().await;
    for row in world.rows() {
        let (other, _) = world.ask("another", &row, &row.grants, &LimitRequest::default(), &row.call).await;
        assert!(body(&row, &other).contains(row.answer), "{}: {other:?}", row.name);
        assert_denied(&row, row.line.as_deref(), &world.outcome(&row, row.others).await);
    }
}

#[tokio::test]
async fn what_is_granted_to_be_read_is_not_written() {
    let world = World::new().await;
    for row in world.rows() {
        let Some(Written { read, call, line }) = &row.written else { continue };
        assert_denied(&row, *line, &world.ask("mine", &row, read, &LimitRequest::default(), call).await);
    }
    assert_eq!(world.sms.api.get("mine", "k").await.unwrap(), TREASURE.as_bytes());
    assert_eq!(fs::read(world.folder.join("k")).unwrap(), TREASURE.as_bytes());
    assert_eq!(world.sms.json(["kv", "get", "mine/k"]).await["value"], TREASURE);
}

#[tokio::test]
async fn what_is_over_its_limit_is_refused_by_the_name_of_the_limit() {
    let world = World::new().await;
    for row in world.rows() {
        let Over { limits, call, says } = &row.over;
        let (outcome, log) = world.ask("mine", &row, &row.grants, limits, call).await;
        assert!(format!("{outcome} {log}").contains(says), "{}: {outcome} {log}", row.name);
        assert!(!matches!(outcome, Outcome::Denied(_)), "{}: a limit is no denial: {outcome}", row.name);
    }
}

#[tokio::test]
async fn a_component_that_is_granted_nothing_does_not_get_in_or_gets_nothing() {
    let world = World::new().await;
    for row in world.rows() {
        let function = Function::guest(row.guest).named("mine");
        match world.sms.api.deploy(&function).await {
            Err(status) => assert!(status.message().contains("is imported and not granted"), "{}: {status}", row.name),
            Ok(_) => assert!(["files", "sockets"].contains(&row.name), "{}: it got in", row.name),
        }
    }
    let list = v1::ListFunctionsRequest {};
    let functions = world.sms.api.functions().list_functions(list).await.unwrap().into_inner().functions;
    assert!(functions.iter().all(|function| ["echo", "mine"].contains(&function.name.as_str())), "{functions:?}");
}
