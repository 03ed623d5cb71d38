//! Does one operation on an object, as its input says: `{"op": "get", "bucket": "shelf", "key": "k"}`.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::objects::{self, Info};
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
    Stat,
    List,
    Delete,
}

#[spear_guest::function]
fn store(Json(Command { bucket, key, op }): Json<Command>) -> Result<Json<Value>, Failure> {
    let bucket = objects::bucket(&bucket)?;
    Ok(Json(match op {
        Op::Get => text(&bucket.get(&key)?),
        Op::GetRange { offset, length } => text(&bucket.get_range(&key, offset, length)?),
        Op::Put { text, repeat, content_type: None } => info(bucket.put(&key, text.repeat(repeat))?),
        Op::Put { text, repeat, content_type: Some(it) } => info(bucket.put_as(&key, text.repeat(repeat), &it)?),
        Op::Stat => info(bucket.stat(&key)?),
        Op::List => bucket.list(&key).map(|item| item.map(info)).collect::<Result<_, _>>()?,
        Op::Delete => bucket.delete(&key).map(|()| Value::Null)?,
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
