//! The programs that build functions: whether they are here, and how to get them.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use spear_types::{Code, Refusal};

/// Where a project keeps programs of its own.
const OWN: &str = ".venv/bin";

/// A program that a build command may begin with.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    /// It and its purpose, in words.
    pub(crate) what: &'static str,
    install: &'static str,
}

/// Those that `spear new` makes projects for.
pub(crate) const TOOLS: [Tool; 3] = [
    Tool {
        program: "cargo",
        what: "cargo, to build functions in Rust",
        install: "install Rust with https://rustup.rs and add its target: rustup target add wasm32-wasip2",
    },
    Tool {
        program: "componentize-py",
        what: "componentize-py, to build functions in Python",
        install: concat!(
            "install it for the project: python3 -m venv .venv && .venv/bin/pip install ",
            include_str!("../template/python/requirements.txt")
        ),
    },
    Tool {
        program: "node",
        what: "node, to build functions in JavaScript",
        install: "install Node.js 20 or later, with npm: https://nodejs.org",
    },
];

impl Tool {
    /// The one that `command` begins with.
    fn of(command: &str) -> Option<&'static Self> {
        let first = command.split_whitespace().next()?;
        TOOLS.iter().find(|tool| tool.program == first)
    }

    /// Where it is, looked for in `path`.
    pub(crate) fn find(&self, path: &OsString) -> Option<PathBuf> {
        env::split_paths(path).map(|folder| folder.join(self.program)).find(|file| file.is_file())
    }

    /// How to get it.
    pub(crate) fn help(&self) -> &'static str {
        self.install.trim_end()
    }
}

/// Where programs are looked for: the project's own first.
pub(crate) fn search_path(folder: &Path) -> OsString {
    let all = env::var_os("PATH").unwrap_or_default();
    let own = fs::canonicalize(folder.join(OWN)).into_iter();
    // A folder with a colon in its name cannot be in a path at all.
    env::join_paths(own.chain(env::split_paths(&all))).unwrap_or(all)
}

/// Sees to what `command` needs before it can run in `folder`: its program, and what npm has to fetch once.
///
/// # Errors
/// How to install what is missing; what npm said.
pub(crate) fn prepare(folder: &Path, command: &str, path: &OsString) -> anyhow::Result<()> {
    let Some(tool) = Tool::of(command) else { return Ok(()) };
    if tool.find(path).is_none() {
        return Err(Refusal::new(Code::InvalidRequest, format!("{}: not installed", tool.what))
            .help(tool.help())
            .into());
    }
    if tool.program == "node" && folder.join("package.json").is_file() && !folder.join("node_modules").exists() {
        return npm_install(folder, path);
    }
    Ok(())
}

fn npm_install(folder: &Path, path: &OsString) -> anyhow::Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund"]).current_dir(folder).env("PATH", path).stdout(io::stderr());
    let status = npm.status().context("cannot run `npm install`; npm comes with Node.js: https://nodejs.org")?;
    anyhow::ensure!(status.success(), "`npm install` failed: {status}");
    Ok(())
}
