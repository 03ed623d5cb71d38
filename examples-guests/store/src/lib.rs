//! Does one operation on an object, as its input says: `{"op": "get", "bucket": "shelf", "key": "k"}`.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::objects::{self, Condition, Info, Operation};
use spear_guest::{Failure, Json};

#[derive(Deserialize)]
struct Command {
    bucket: String,
    /// For `list`, the prefix.
    #[serde(default)]
    key: String,
    #[serde(flatten)]
    op: Op,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Op {
    Get,
    GetRange {
        offset: u64,
        length: u64,
    },
    Put {
        text: String,
        /// How many times the text is put, one after the other: for objects larger than a call may be.
        #[serde(default = "once")]
        repeat: usize,
        content_type: Option<String>,
    },
    /// Puts a text where the key has an object of this version, or this etag, or none.
    PutIf {
        text: String,
        version: Option<u64>,
        etag: Option<String>,
    },
    Stat,
    List,
    Delete,
    ForceDelete,
    AddRef,
    RemoveRef,
    Pin,
    Unpin,
    /// Puts each text under its key and adds a reference to `key`: all of it or nothing.
    Batch {
        texts: Vec<(String, String)>,
    },
}

#[spear_guest::function]
fn store(Json(Command { bucket, key, op }): Json<Command>) -> Result<Json<Value>, Failure> {
    let bucket = objects::bucket(&bucket)?;
    Ok(Json(match op {
        Op::Get => text(&bucket.get(&key)?),
        Op::GetRange { offset, length } => text(&bucket.get_range(&key, offset, length)?),
        Op::Put { text, repeat, content_type: None } => info(bucket.put(&key, text.repeat(repeat))?),
        Op::Put { text, repeat, content_type: Some(it) } => info(bucket.put_as(&key, text.repeat(repeat), &it)?),
        Op::PutIf { text, version, etag } => {
            let condition = version.map(Condition::Version).or(etag.map(Condition::Etag)).unwrap_or(Condition::Absent);
            info(bucket.put_if(&key, text, None, condition)?)
        }
        Op::Stat => info(bucket.stat(&key)?),
        Op::List => bucket.list(&key).map(|item| item.map(info)).collect::<Result<_, _>>()?,
        Op::Delete => bucket.delete(&key).map(|()| Value::Null)?,
        Op::ForceDelete => bucket.force_delete(&key).map(|()| Value::Null)?,
        Op::AddRef => info(bucket.add_ref(&key)?),
        Op::RemoveRef => bucket.remove_ref(&key)?.map_or(Value::Null, info),
        Op::Pin => info(bucket.pin(&key)?),
        Op::Unpin => info(bucket.unpin(&key)?),
        Op::Batch { texts } => {
            let puts = texts.into_iter().map(|(key, text)| Operation::put(key, text));
            let all = bucket.batch(puts.chain([Operation::add_ref(key)]))?;
            all.into_iter().map(|one| one.map_or(Value::Null, info)).collect()
        }
    }))
}

fn once() -> usize {
    1
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

fn info(Info { key, size, etag, version, content_type, modified, references, pinned }: Info) -> Value {
    let modified_ms = modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    json!({
        "key": key,
        "size": size,
        "etag": etag,
        "version": version,
        "content_type": content_type,
        "modified_ms": modified_ms,
        "references": references,
        "pinned": pinned,
    })
}
