//! What a program is given: arguments, environment, standard input, and a file that says the rest.

use std::{collections::BTreeMap, fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use spear_types::{Call, Code, Identity, Payload, Refusal};

/// What describes the call, in the sandbox's folder.
pub(super) const CALL: &str = "call.json";

/// What may describe the reply, beside it.
pub(super) const REPLY: &str = "reply.json";

/// A call, as a program is given it.
pub(super) struct Given {
    /// Arguments after those of the manifest.
    pub(super) args: Vec<String>,
    pub(super) stdin: Bytes,
    about: About,
}

/// `call.json`. Its names are a promise.
#[derive(Serialize)]
struct About {
    task: String,
    attempt: u32,
    function: String,
    version: u32,
    node: String,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    trace_parent: Option<String>,
    /// Who waits for it, outermost first.
    callers: Vec<String>,
    timeout_ms: u64,
    /// Those of the call, after the manifest's.
    args: Vec<String>,
}

/// The line of a call for an instance that serves one after another.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    about: &'a About,
    body_bytes: usize,
    /// For hostcalls, as long as this call is under way.
    token: &'a str,
}

impl Given {
    /// # Errors
    /// `InvalidRequest` for a call by type: a program has no types.
    pub(super) fn new(call: Call, identity: &Identity, timeout: Duration) -> Result<Self, Refusal> {
        let (args, stdin, content_type, headers) = match call {
            Call::Payload(Payload { content_type, headers, body }) => (Vec::new(), body, content_type, headers),
            Call::Command { args, stdin } => (args, stdin, None, Vec::new()),
            Call::Typed(_) => {
                let message = "a program has no exports to call by their types: only components have";
                return Err(Refusal::new(Code::InvalidRequest, message)
                    .help("send a body with `--data`, or arguments after `--`"));
            }
        };
        let Identity { task, attempt, function, version, node, trace_parent, callers } = identity;
        let about = About {
            task: task.to_string(),
            attempt: *attempt,
            function: function.to_string(),
            version: *version,
            node: node.to_string(),
            content_type,
            headers,
            trace_parent: trace_parent.clone(),
            callers: callers.iter().map(ToString::to_string).collect(),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            args: args.clone(),
        };
        Ok(Self { args, stdin, about })
    }

    /// What the environment says of it; `folder` is the sandbox's, as the program sees it.
    pub(super) fn env(&self, folder: &Path) -> BTreeMap<&'static str, String> {
        let About { task, attempt, function, version, node, content_type, trace_parent, .. } = &self.about;
        let mut env = BTreeMap::from([
            ("SPEAR_TASK", task.clone()),
            ("SPEAR_ATTEMPT", attempt.to_string()),
            ("SPEAR_FUNCTION", function.clone()),
            ("SPEAR_VERSION", version.to_string()),
            ("SPEAR_NODE", node.clone()),
            ("SPEAR_CALL", folder.join(CALL).display().to_string()),
            ("SPEAR_REPLY", folder.join(REPLY).display().to_string()),
        ]);
        env.extend(content_type.iter().map(|text| ("SPEAR_CONTENT_TYPE", text.clone())));
        env.extend(trace_parent.iter().map(|text| ("TRACEPARENT", text.clone())));
        // No variable can have a NUL, whoever chose the text.
        env.retain(|_, value| !value.contains('\0'));
        env
    }

    /// The line of its frame.
    ///
    /// # Errors
    /// Never, as far as is known: all of it is text.
    pub(super) fn line(&self, token: &str) -> io::Result<Vec<u8>> {
        serde_json::to_vec(&Line { about: &self.about, body_bytes: self.stdin.len(), token }).map_err(io::Error::other)
    }

    /// Writes the file that says the rest. Blocks.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(folder.join(CALL))?;
        serde_json::to_writer(file, &self.about).map_err(io::Error::other)
    }
}
