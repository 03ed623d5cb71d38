//! Does one operation with `wasi:keyvalue` itself: `{"op": "get", "store": "desk", "key": "k"}`.

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::{Failure, Json};

use crate::wasi::keyvalue::store::{self, Error, KeyResponse};
use crate::wasi::keyvalue::{atomics, batch};

wit_bindgen::generate!({
    inline: "
        package spear:keyvalue-guest;
        world guest {
            include wasi:keyvalue/imports@0.2.0-draft;
        }
    ",
    path: "../../wit",
    world: "spear:keyvalue-guest/guest",
    generate_all,
});

#[derive(Deserialize)]
struct Command {
    store: String,
    #[serde(flatten)]
    op: Op,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Op {
    Open {
        handles: usize,
    },
    Get {
        key: String,
    },
    Set {
        key: String,
        text: String,
    },
    Delete {
        key: String,
    },
    Exists {
        key: String,
    },
    /// Every page of keys, by the cursors; or what comes at one cursor.
    ListKeys {
        cursor: Option<u64>,
    },
    Increment {
        key: String,
        delta: u64,
    },
    GetMany {
        keys: Vec<String>,
    },
    SetMany {
        values: Vec<(String, String)>,
    },
    DeleteMany {
        keys: Vec<String>,
    },
    /// Sets the keys `0000`, `0001`, … up to a count, in one batch.
    Fill {
        count: usize,
    },
}

#[spear_guest::function]
fn keyvalue(Json(Command { store: name, op }): Json<Command>) -> Result<Json<Value>, Failure> {
    run(&name, op).map(Json).map_err(|error| match error {
        Error::NoSuchStore => Failure::new("no-such-store", name),
        Error::AccessDenied => Failure::new("denied", name),
        Error::Other(text) => Failure::new("other", text),
    })
}

fn run(name: &str, op: Op) -> Result<Value, Error> {
    let bucket = store::open(name)?;
    Ok(match op {
        Op::Open { handles } => (0..handles).map(|_| store::open(name)).collect::<Result<Vec<_>, _>>()?.len().into(),
        Op::Get { key } => bucket.get(&key)?.map(text).into(),
        Op::Set { key, text } => bucket.set(&key, text.as_bytes()).map(|()| Value::Null)?,
        Op::Delete { key } => bucket.delete(&key).map(|()| Value::Null)?,
        Op::Exists { key } => bucket.exists(&key)?.into(),
        Op::ListKeys { cursor } => {
            let (mut pages, mut at) = (Vec::new(), cursor);
            loop {
                let KeyResponse { keys, cursor: next } = bucket.list_keys(at)?;
                pages.push(keys);
                at = next;
                if next.is_none() || cursor.is_some() {
                    break json!(pages);
                }
            }
        }
        Op::Increment { key, delta } => atomics::increment(&bucket, &key, delta)?.into(),
        Op::GetMany { keys } => {
            let pair = |pair: Option<(String, Vec<u8>)>| json!(pair.map(|(key, value)| (key, text(value))));
            batch::get_many(&bucket, &keys)?.into_iter().map(pair).collect()
        }
        Op::SetMany { values } => {
            let values: Vec<_> = values.into_iter().map(|(key, text)| (key, text.into_bytes())).collect();
            batch::set_many(&bucket, &values).map(|()| Value::Null)?
        }
        Op::DeleteMany { keys } => batch::delete_many(&bucket, &keys).map(|()| Value::Null)?,
        Op::Fill { count } => {
            let values: Vec<_> = (0..count).map(|key| (format!("{key:04}"), b"x".to_vec())).collect();
            batch::set_many(&bucket, &values).map(|()| Value::Null)?
        }
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
