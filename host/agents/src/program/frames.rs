//! The loop protocol: calls and replies of an instance that serves one call after another, as frames on its standard
//! streams.
//!
//! A frame is one line of JSON and then as many bytes as its `body_bytes` says.

use std::io;

use bytes::Bytes;
use serde::Deserialize;
use spear_types::{Failure, MAX_MEDIA_TYPE, Outcome, Payload};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest line of a frame in bytes: the program chose it.
const MAX_LINE: u64 = 64 << 10;

/// A failure's longest code and message in bytes.
const MAX_CODE: usize = 64;
const MAX_MESSAGE: usize = 16 << 10;

/// The line of a reply. Its names are a promise.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    body_bytes: u64,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    /// Present where the call failed.
    code: Option<String>,
    message: Option<String>,
    retryable: bool,
}

/// Writes one call.
///
/// # Errors
/// The program reads no more.
pub(super) async fn write(out: &mut (impl AsyncWrite + Unpin), mut line: Vec<u8>, body: &Bytes) -> io::Result<()> {
    line.push(b'\n');
    out.write_all(&line).await?;
    out.write_all(body).await?;
    out.flush().await
}

/// Reads one reply.
///
/// # Errors
/// The program has ended, or does not keep to the protocol: it serves no other call.
pub(super) async fn read(stdout: &mut (impl AsyncBufRead + Unpin), limit: u64) -> io::Result<Outcome> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    let mut line = Vec::new();
    (&mut *stdout).take(MAX_LINE).read_until(b'\n', &mut line).await?;
    if line.last() != Some(&b'\n') {
        let message = if line.is_empty() {
            "it ended without a reply".to_owned()
        } else {
            "the line of its reply has no end".to_owned()
        };
        return Err(invalid(message));
    }
    let line: Line = serde_json::from_slice(&line).map_err(|error| invalid(format!("its reply: {error}")))?;
    if line.body_bytes > limit {
        let size = line.body_bytes;
        return Err(invalid(format!("its reply has {size} bytes, the limit `payload` is {limit}")));
    }
    let mut body = vec![0; usize::try_from(line.body_bytes).unwrap_or(usize::MAX)];
    stdout.read_exact(&mut body).await?;
    outcome(line, body.into(), limit).map_err(invalid)
}

fn outcome(line: Line, body: Bytes, limit: u64) -> Result<Outcome, String> {
    let Line { body_bytes: _, content_type, headers, code, message, retryable } = line;
    if let Some(code) = code {
        let cut = |mut text: String, most: usize| {
            text.truncate(text.floor_char_boundary(most));
            text
        };
        let (code, message) = (cut(code, MAX_CODE), cut(message.unwrap_or_default(), MAX_MESSAGE));
        return Ok(Outcome::Failed(Failure { code, message, retryable, exit: None }));
    }
    let reply = Payload { content_type, headers, body };
    let media_type = reply.content_type.as_ref().map_or(0, String::len);
    if reply.size() > limit || reply.headers.len() > Payload::MAX_HEADERS || media_type > MAX_MEDIA_TYPE {
        return Err(format!("its reply is larger than its limits, `payload` is {limit}"));
    }
    Ok(Outcome::Succeeded(reply))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8], limit: u64) -> io::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(&mut &*bytes, limit))
    }

    #[test]
    fn a_reply_is_a_line_and_its_bytes() {
        let reply = read_all(b"{\"body_bytes\":2,\"content_type\":\"a/b\"}\nhiand more", 9).unwrap();
        let Outcome::Succeeded(reply) = reply else { panic!("it succeeded") };
        assert_eq!((&*reply.body, reply.content_type.as_deref()), (&b"hi"[..], Some("a/b")));
        let failed = read_all(b"{\"code\":\"busy\",\"message\":\"later\",\"retryable\":true}\n", 9).unwrap();
        assert!(matches!(failed, Outcome::Failed(Failure { retryable: true, .. })));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in
            [&b""[..], b"{", b"hello\n", b"{\"body_bytes\":5}\nhi", b"{\"body_bytes\":10}\n0123456789", b"{\"x\":1}\n"]
        {
            assert!(read_all(bytes, 9).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(read_all(&[b'x'; 100 << 10], 9).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_all(&bytes, 100);
        }
    }
}
