//! Asks the host for far more than it may have, in the way that its input names.

use std::io::Write as _;
use std::mem;

use spear_guest::objects::{self, Condition, Operation};
use spear_guest::{Failure, kv};
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

const MIB: usize = 1 << 20;

#[spear_guest::function]
fn greedy(way: String) -> Result<String, Failure> {
    match way.as_str() {
        "handles" => handles(),
        "list" => list(),
        "line" => line(),
        "message" => message(),
        "stdout" => stdout(),
        "requests" => requests(),
        "keys" => Ok(kv::store("shelf")?.get_many((0..10_000).map(|key| key.to_string()))?.len().to_string()),
        "operations" => operations(),
        "object" => Ok(objects::bucket("shelf")?.put("large", vec![0; 8 * MIB])?.etag),
        other => Err(Failure::new("bad-input", format!("there is no way {other:?}"))),
    }
}

/// Opens a bucket a million times and closes it never.
fn handles() -> Result<String, Failure> {
    for _ in 0..1_000_000 {
        mem::forget(objects::bucket("shelf")?);
    }
    Ok("1000000".to_owned())
}

fn operations() -> Result<String, Failure> {
    let operation = |key: u32| Operation::Delete { key: key.to_string(), condition: Condition::None, force: true };
    Ok(objects::bucket("shelf")?.batch((0..10_000).map(operation))?.len().to_string())
}

/// Holds 40 requests, each of which would have 15 MiB four times: 2.4 GiB. Answers how many of those the host took.
fn requests() -> Result<String, Failure> {
    let long = "x".repeat(15 * MIB);
    let (mut held, mut taken) = (Vec::new(), 0);
    for _ in 0..40 {
        let request = OutgoingRequest::new(Fields::new());
        let set = [
            request.set_method(&Method::Other(long.clone())),
            request.set_authority(Some(&long)),
            request.set_path_with_query(Some(&long)),
            request.set_scheme(Some(&Scheme::Other(long.clone()))),
        ];
        taken += set.iter().filter(|set| set.is_ok()).count();
        held.push(request);
    }
    Ok(taken.to_string())
}

/// A line of 1 GiB, in pieces.
fn stdout() -> Result<String, Failure> {
    let (mut out, piece) = (std::io::stdout(), vec![b'x'; MIB]);
    for _ in 0..1024 {
        out.write_all(&piece)?;
    }
    Ok("1 GiB".to_owned())
}

// `spear:hostcalls/logs` `write` as a component's core module sees it: a level, a text and a list, by place and length.
#[link(wasm_import_module = "spear:hostcalls/logs@0.1.0")]
unsafe extern "C" {
    #[link_name = "write"]
    fn write_raw(level: i32, message: *const u8, length: usize, fields: *const Field, count: usize);
}

/// A field's key and value, by place and length.
#[repr(C)]
#[derive(Clone, Copy)]
struct Field {
    key: *const u8,
    key_length: usize,
    value: *const u8,
    value_length: usize,
}

/// A list of 4 GiB that takes 1 MiB: all of its elements are in the same place.
fn list() -> Result<String, Failure> {
    let text = vec![b'x'; MIB];
    let (place, length) = (text.as_ptr(), text.len());
    let fields = vec![Field { key: place, key_length: 1, value: place, value_length: length }; 4096];
    // SAFETY: every place is within `text`, which lives as long as the call.
    unsafe { write_raw(2, place, 1, fields.as_ptr(), fields.len()) };
    Ok("4 GiB".to_owned())
}

/// A line of 1 GiB, which reaches far beyond the memory there is.
fn message() -> Result<String, Failure> {
    let text = [b'x'];
    // SAFETY: it is not; the host must not believe it.
    unsafe { write_raw(2, text.as_ptr(), 1 << 30, std::ptr::null(), 0) };
    Ok("1 GiB".to_owned())
}

/// A line of 40 MiB, which is really there.
fn line() -> Result<String, Failure> {
    let text = vec![b'x'; 40 * MIB];
    // SAFETY: the text is as long as is said.
    unsafe { write_raw(2, text.as_ptr(), text.len(), std::ptr::null(), 0) };
    Ok("40 MiB".to_owned())
}
