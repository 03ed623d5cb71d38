//! The table.

use serde_json::{Value, json};
use spear_types::{AgentKind, LimitRequest};

use super::{program, world::World};

/// What is behind every grant. It must never come out without one.
pub(super) const TREASURE: &str = "treasure";

/// One capability.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) guest: &'static str,
    /// What lets the call happen, as `[grants]` has it.
    pub(super) grants: String,
    /// Of the same kind, for something else.
    pub(super) others: &'static str,
    /// The lines that a denial asks for; none where WASI has a word of its own.
    pub(super) line: Option<String>,
    pub(super) call: Value,
    /// What its answer has.
    pub(super) answer: &'static str,
    /// More than its limit allows.
    pub(super) over: Over,
    /// Where reading and writing are granted apart.
    pub(super) written: Option<Written>,
}

pub(super) struct Over {
    pub(super) limits: LimitRequest,
    pub(super) call: Value,
    /// What the answer names.
    pub(super) says: &'static str,
}

pub(super) struct Written {
    pub(super) read: &'static str,
    pub(super) call: Value,
    pub(super) line: Option<&'static str>,
}

impl World {
    /// All that can be granted, of what the client may ask for.
    pub(super) fn rows(&self) -> Vec<Row> {
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
        let mut rows = vec![
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
        ];
        rows.retain(|row| self.stage.agent == AgentKind::Wasm || program::may_ask(row));
        rows
    }
}
