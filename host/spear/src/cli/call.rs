//! What is sent to a function: the same flags wherever something is.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::PathBuf,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use spear_types::{Call, FunctionName, Payload, Refusal};

use super::function::parse;

/// Which function, and what it is sent.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The function.
    function: String,
    /// A function that its component exports, with arguments in WAVE: 'add(1, 2)'.
    #[arg(value_name = "CALL", conflicts_with_all = ["args", "data", "file", "content_type", "headers", "method", "path"])]
    typed: Option<String>,
    /// Arguments of a command. Its standard input is the body, else what is piped into this one.
    #[arg(last = true, conflicts_with_all = ["content_type", "headers", "method", "path"])]
    args: Vec<String>,
    /// Another version than the newest.
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) version: Option<u32>,
    /// The body.
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file")]
    data: Option<String>,
    /// The body from a file, or from standard input with `-`.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The body's media type.
    #[arg(short = 't', long, value_name = "TYPE")]
    content_type: Option<String>,
    /// A header; may be given more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The method of an HTTP request. [default: POST with a body, else GET]
    #[arg(long)]
    method: Option<String>,
    /// The path and query of an HTTP request. [default: /]
    #[arg(long)]
    path: Option<String>,
}

impl CallArgs {
    pub(crate) fn function(&self) -> Result<FunctionName, Refusal> {
        parse(&self.function)
    }

    /// The call.
    ///
    /// # Errors
    /// When the body cannot be read.
    pub(crate) fn call(&self) -> anyhow::Result<Call> {
        Ok(self.call_with(if self.typed.is_some() { Bytes::new() } else { self.body()?.into() }))
    }

    /// The call with another body.
    pub(crate) fn call_with(&self, body: Bytes) -> Call {
        if let Some(text) = &self.typed {
            return Call::Typed(text.clone());
        }
        if !self.args.is_empty() {
            return Call::Command { args: self.args.clone(), stdin: body };
        }
        let pseudo = |name: &str, value: &Option<String>| value.clone().map(|value| (name.to_owned(), value));
        let pseudo = [pseudo(":method", &self.method), pseudo(":path", &self.path)].into_iter().flatten();
        let headers = pseudo.chain(self.headers.clone()).collect();
        Payload { content_type: self.content_type.clone(), headers, body }.into()
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        let piped = || !self.args.is_empty() && !io::stdin().is_terminal();
        match (&self.data, &self.file) {
            (Some(data), _) => Ok(data.clone().into_bytes()),
            (None, Some(file)) if file.as_os_str() != "-" => {
                fs::read(file).with_context(|| format!("cannot read {}", file.display()))
            }
            (None, None) if !piped() => Ok(Vec::new()),
            (None, _) => {
                let mut body = Vec::new();
                io::stdin().read_to_end(&mut body).context("cannot read standard input")?;
                Ok(body)
            }
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
