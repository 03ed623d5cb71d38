//! What a program's end means.

use std::{fs::File, io::Read as _, path::Path};

use bytes::Bytes;
use serde::Deserialize;
use spear_hostcalls::remote::Session;
use spear_types::{Denial, Exit, Failure, Limits, MAX_MEDIA_TYPE, Outcome, Payload, Trap};

use super::call::REPLY;
use crate::sandbox::Ended;

/// The longest `reply.json` in bytes.
const MAX_REPLY: u64 = 64 << 10;

/// The exit code by which a program says that the same call may succeed later: `EX_TEMPFAIL` of sysexits.
const TRY_AGAIN: u8 = 75;

/// A failure's longest code and message in bytes: the program chose them.
const MAX_CODE: usize = 64;
const MAX_MESSAGE: usize = 16 << 10;

/// The code of a failure over the limit `payload`: that of components.
const TOO_LARGE: &str = "reply-too-large";

/// The code of a failure over what was not granted.
const DENIED: &str = "denied";

/// What a program wrote to standard output, up to its limit.
#[derive(Debug, Default)]
pub(super) struct Stdout {
    pub(super) bytes: Bytes,
    pub(super) cut: bool,
}

/// `reply.json`, where the program wrote one. Its names are a promise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reply {
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    /// Of a failure.
    code: Option<String>,
    message: Option<String>,
    retryable: Option<bool>,
}

/// Reads `reply.json`. Blocks; the folder is the program's, and so is what is in it.
///
/// # Errors
/// What is wrong with it, for its author.
pub(super) fn reply(folder: &Path) -> Result<Reply, String> {
    use rustix::fs::{Mode, OFlags};
    // A link or a pipe in its place would have the node read what is not the program's, or wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(folder.join(REPLY), flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(Reply::default()),
        Err(error) => return Err(format!("{REPLY} cannot be read: {error}")),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(format!("{REPLY} is no file"));
    }
    let mut text = Vec::new();
    file.take(MAX_REPLY + 1).read_to_end(&mut text).map_err(|error| format!("{REPLY} cannot be read: {error}"))?;
    if text.len() as u64 > MAX_REPLY {
        return Err(format!("{REPLY} has more than {MAX_REPLY} bytes"));
    }
    serde_json::from_slice(&text).map_err(|error| format!("{REPLY}: {error}"))
}

/// How the run ended.
pub(super) fn of(
    ended: Ended,
    stdout: Stdout,
    reply: Result<Reply, String>,
    limits: &Limits,
    session: &Session,
) -> Outcome {
    if ended == Ended::OutOfMemory {
        return Outcome::OutOfMemory { limit: limits.memory, asked: limits.memory };
    }
    let code = match ended {
        Ended::Exited(code) => code,
        Ended::Killed(signal) => return trapped(format!("signal {signal} ended it")),
        Ended::Lost | Ended::OutOfMemory => return trapped("what ran it is gone, and it with that".to_owned()),
    };
    if stdout.cut {
        return failed(
            TOO_LARGE,
            format!("it wrote more to standard output than the limit `payload` of {} bytes", limits.payload),
        );
    }
    match reply {
        Err(wrong) => failed("invalid-reply", wrong),
        Ok(reply) if code == 0 => succeeded(stdout.bytes, reply, limits),
        Ok(reply) => redacted(Outcome::Failed(exited(code, stdout.bytes, reply)), session),
    }
}

fn succeeded(body: Bytes, reply: Reply, limits: &Limits) -> Outcome {
    let payload = Payload { content_type: reply.content_type, headers: reply.headers, body };
    let (size, media_type) = (payload.size(), payload.content_type.as_ref().map_or(0, String::len));
    if size > limits.payload || payload.headers.len() > Payload::MAX_HEADERS || media_type > MAX_MEDIA_TYPE {
        return failed(TOO_LARGE, format!("the reply has {size} bytes and {} headers", payload.headers.len()));
    }
    Outcome::Succeeded(payload)
}

fn exited(code: u8, stdout: Bytes, reply: Reply) -> Failure {
    Failure {
        code: reply.code.unwrap_or_else(|| "exit".to_owned()),
        message: reply.message.unwrap_or_else(|| format!("it ended with exit code {code}")),
        retryable: reply.retryable.unwrap_or(code == TRY_AGAIN),
        exit: Some(Exit { code, stdout }),
    }
}

/// Without the secrets that it has read, and cut. It cannot claim a denial: the hostcalls must have recorded one.
pub(super) fn redacted(outcome: Outcome, session: &Session) -> Outcome {
    let Outcome::Failed(mut failure) = outcome else { return outcome };
    if let Some(Denial { what, grant, lacking }) = session.denial().filter(|_| failure.code == DENIED) {
        let (what, grant) = (session.redact(&what, MAX_MESSAGE), session.redact(&grant, MAX_MESSAGE));
        return Outcome::Denied(Denial { what, grant, lacking });
    }
    failure.code = session.redact(&failure.code, MAX_CODE);
    failure.message = session.redact(&failure.message, MAX_MESSAGE);
    Outcome::Failed(failure)
}

/// An instance that served calls broke off in one.
pub(super) fn broke_off(ended: Option<Ended>, error: &std::io::Error, limits: &Limits) -> Outcome {
    match ended {
        Some(Ended::OutOfMemory) => Outcome::OutOfMemory { limit: limits.memory, asked: limits.memory },
        Some(Ended::Exited(code)) => trapped(format!("it ended with exit code {code} in a call")),
        Some(Ended::Killed(signal)) => trapped(format!("signal {signal} ended it")),
        Some(Ended::Lost) => trapped("what ran it is gone, and it with that".to_owned()),
        None => trapped(error.to_string()),
    }
}

fn failed(code: &str, message: String) -> Outcome {
    Outcome::Failed(Failure { code: code.to_owned(), message, retryable: false, exit: None })
}

fn trapped(message: String) -> Outcome {
    Outcome::Trapped(Trap { message, frames: Vec::new() })
}
