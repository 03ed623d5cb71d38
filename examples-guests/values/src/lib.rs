//! Does one operation on a key-value store, as its input says: `{"op": "get", "store": "desk", "key": "k"}`.

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::kv::{self, Change, Entry, Expected};
use spear_guest::{Failure, Json};

#[derive(Deserialize)]
struct Command {
    store: String,
    #[serde(flatten)]
    op: Op,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Op {
    /// Opens the store so many times more, and keeps the handles.
    Open {
        handles: usize,
    },
    Get {
        key: String,
    },
    /// The keys `0`, `1`, … up to a count.
    GetMany {
        count: usize,
    },
    Put(Put),
    Delete {
        key: String,
        #[serde(default)]
        expected: Expect,
    },
    Increment {
        key: String,
        by: i64,
    },
    Apply {
        changes: Vec<One>,
    },
    /// Puts so many bytes under each of the keys `0`, `1`, … up to a count, in one batch.
    Fill {
        count: usize,
        bytes: usize,
    },
    List {
        prefix: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum One {
    Put(Put),
    Delete { key: String },
    Increment { key: String, by: i64 },
}

#[derive(Deserialize)]
struct Put {
    key: String,
    text: String,
    #[serde(default = "once")]
    repeat: usize,
    #[serde(default)]
    expected: Expect,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    #[default]
    Anything,
    Absent,
    Version(u64),
}

#[spear_guest::function]
fn values(Json(Command { store: name, op }): Json<Command>) -> Result<Json<Value>, Failure> {
    let store = kv::store(&name)?;
    Ok(Json(match op {
        Op::Open { handles } => {
            let open = (0..handles).map(|_| kv::store(&name)).collect::<Result<Vec<_>, _>>()?;
            open.len().into()
        }
        Op::Get { key } => entry(store.get(&key)?),
        Op::GetMany { count } => {
            store.get_many((0..count).map(|key| key.to_string()))?.into_iter().map(entry).collect()
        }
        Op::Put(Put { key, text, repeat, expected }) => {
            store.put_if(&key, text.repeat(repeat), expected.into())?.into()
        }
        Op::Delete { key, expected } => store.delete_if(&key, expected.into())?.into(),
        Op::Increment { key, by } => store.increment(&key, by)?.into(),
        Op::Apply { changes } => store.apply(changes.into_iter().map(Into::into)).map(|()| Value::Null)?,
        Op::Fill { count, bytes } => {
            let changes = (0..count).map(|key| Change::put(key.to_string(), vec![b'x'; bytes]));
            store.apply(changes).map(|()| Value::Null)?
        }
        Op::List { prefix } => {
            let item =
                |item: Result<(String, Entry), kv::Error>| item.map(|(key, value)| json!([key, entry(Some(value))]));
            store.list(&prefix).map(item).collect::<Result<_, _>>()?
        }
    }))
}

fn once() -> usize {
    1
}

fn entry(entry: Option<Entry>) -> Value {
    entry.map_or(Value::Null, |Entry { value, version }| {
        let shown = if value.len() > 100 { value.len().into() } else { String::from_utf8_lossy(&value).into() };
        let shown: Value = shown;
        json!({ "value": shown, "version": version })
    })
}

impl From<One> for Change {
    fn from(one: One) -> Self {
        match one {
            One::Put(Put { key, text, repeat, expected }) => {
                Self::Put { key, value: text.repeat(repeat).into(), expected: expected.into() }
            }
            One::Delete { key } => Self::delete(key),
            One::Increment { key, by } => Self::Increment { key, by },
        }
    }
}

impl From<Expect> for Expected {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Anything => Self::Anything,
            Expect::Absent => Self::Absent,
            Expect::Version(version) => Self::Version(version),
        }
    }
}
