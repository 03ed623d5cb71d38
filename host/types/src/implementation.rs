//! The ways to run a function, and what runs them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{AgentKind, Code, Digest, Refusal};

/// One way to run a function. A function has one or more, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Implementation {
    /// What runs.
    pub body: Body,
    /// Whether an instance serves more than one call.
    pub reuse: Reuse,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// A WebAssembly component.
    Wasm(Artifact),
    /// A program on the node's machine.
    Process(Program),
    /// A program in a container.
    Docker(Image, Program),
}

/// Bytes that the SMS keeps and nodes fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Artifact {
    /// SHA-256 of them.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
}

/// A program, its arguments, its environment, its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Program {
    command: Vec<String>,
    env: BTreeMap<String, String>,
    files: Option<Artifact>,
}

/// A program that was not looked at.
#[derive(Serialize, Deserialize)]
struct Parts {
    command: Vec<String>,
    env: BTreeMap<String, String>,
    files: Option<Artifact>,
}

/// An image's name, with a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image(String);

/// Whether an instance serves more than one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reuse {
    /// A fresh one for each.
    #[default]
    Never,
    /// One call after another.
    Serial(Pool),
}

/// How many instances wait for calls, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// So many are started ahead and kept, also when nobody calls.
    pub min: u32,
    /// So many there are at the most, on one node.
    pub max: u32,
    /// An instance that served so many calls is replaced.
    pub calls: u32,
    /// One that is so old is replaced.
    #[serde(with = "humantime_serde")]
    pub age: Duration,
    /// One that nobody called for so long goes, down to `min`.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
}

/// By what a run was run, and what it would rather have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The agent.
    pub agent: AgentKind,
    /// The implementations before it, and why the node did not run them.
    pub skipped: Vec<Skipped>,
}

/// An implementation that a node did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its agent.
    pub agent: AgentKind,
    /// Why.
    pub reason: String,
}

/// What is said of a command that is to serve one call after another.
pub const NO_SERIAL_COMMAND: &str = "a command runs once, from its start to its end: reuse = \"serial\" is for components \
                                     that export a handler, an HTTP handler or functions, and for programs";

impl Artifact {
    /// These bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), size: bytes.len() as u64 }
    }
}

impl Implementation {
    /// The most of one function.
    pub const MAX: usize = 8;

    /// A component in a fresh instance for each call.
    #[must_use]
    pub fn wasm(artifact: Artifact) -> Self {
        Self { body: Body::Wasm(artifact), reuse: Reuse::Never }
    }

    /// Whether it can be run as it says.
    ///
    /// # Errors
    /// `InvalidManifest` for a pool that serves nobody.
    pub fn check(&self) -> Result<(), Refusal> {
        match self.reuse {
            Reuse::Never => Ok(()),
            Reuse::Serial(pool) => pool.check(),
        }
    }

    /// What runs it.
    #[must_use]
    pub fn agent(&self) -> AgentKind {
        match self.body {
            Body::Wasm(_) => AgentKind::Wasm,
            Body::Process(_) => AgentKind::Process,
            Body::Docker(..) => AgentKind::Docker,
        }
    }

    /// What a node has to fetch for it.
    #[must_use]
    pub fn artifact(&self) -> Option<Artifact> {
        match &self.body {
            Body::Wasm(artifact) => Some(*artifact),
            Body::Process(program) | Body::Docker(_, program) => program.files,
        }
    }
}

impl Program {
    /// The most words of a command, and the most variables.
    pub const MAX: usize = 100;
    /// The most bytes of all of them: they stand with each version and travel with each link.
    pub const MAX_BYTES: usize = 64 << 10;

    /// A program.
    ///
    /// # Errors
    /// `TooLarge`, and `InvalidManifest` for a word with a NUL and for a variable's name that is none, or SPEAR's own.
    pub fn new(command: Vec<String>, env: BTreeMap<String, String>, files: Option<Artifact>) -> Result<Self, Refusal> {
        let words = command.iter().chain(env.keys()).chain(env.values());
        let bytes: usize = words.clone().map(String::len).sum();
        for (what, value, limit) in [
            ("words", command.len(), Self::MAX),
            ("variables", env.len(), Self::MAX),
            ("bytes", bytes, Self::MAX_BYTES),
        ] {
            if value > limit {
                let message = format!("a command and its environment have {value} {what}, the limit is {limit}");
                return Err(Refusal::new(Code::TooLarge, message));
            }
        }
        let invalid = |message: String| Err(Refusal::new(Code::InvalidManifest, message));
        if let Some(word) = words.clone().find(|word| word.contains('\0')) {
            return invalid(format!("{word:?} has a NUL, which no program can be given"));
        }
        if let Some(name) = env.keys().find(|name| !is_variable(name)) {
            return invalid(format!("{name:?} is no name of a variable"));
        }
        if let Some(name) = env.keys().find(|name| name.starts_with("SPEAR_")) {
            return invalid(format!("{name} is SPEAR's own to set"));
        }
        Ok(Self { command, env, files })
    }

    /// The program and its arguments; empty where an image says.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// Its environment.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Its files, as a tar archive.
    #[must_use]
    pub fn files(&self) -> Option<Artifact> {
        self.files
    }
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl TryFrom<Parts> for Program {
    type Error = Refusal;

    fn try_from(Parts { command, env, files }: Parts) -> Result<Self, Refusal> {
        Self::new(command, env, files)
    }
}

impl From<Program> for Parts {
    fn from(Program { command, env, files }: Program) -> Self {
        Self { command, env, files }
    }
}

impl Image {
    /// The longest name in bytes.
    pub const MAX: usize = 512;

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Image {
    type Error = Refusal;

    fn try_from(name: String) -> Result<Self, Refusal> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        if name.is_empty() || name.len() > Self::MAX || !name.bytes().all(known) || name.starts_with('-') {
            let shown: String = name.chars().take(64).collect();
            return Err(Refusal::new(Code::InvalidManifest, format!("{shown:?} is no name of an image"))
                .help("write it as `repository:tag` or, better, `repository@sha256:…`"));
        }
        Ok(Self(name))
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.0
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { min: 0, max: 8, calls: 1_000, age: Duration::from_secs(3_600), idle: Duration::from_secs(60) }
    }
}

impl Pool {
    /// Whether its numbers make a pool.
    ///
    /// # Errors
    /// `InvalidManifest` says which do not.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong = match self {
            Self { max: 0, .. } => "max = 0 serves no call",
            Self { max: 1_001.., .. } => "max is over 1,000",
            Self { calls: 0, .. } => "calls = 0 serves no call",
            Self { min, max, .. } if min > max => "min is over max",
            _ => return Ok(()),
        };
        Err(Refusal::new(Code::InvalidManifest, format!("[run.pool] {wrong}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_started_so_is_refused() {
        let program = |word: &str, name: &str| {
            Program::new(vec![word.to_owned()], [(name.to_owned(), "1".to_owned())].into(), None)
        };
        assert!(program("sh", "A_1").is_ok());
        for (word, name, said) in [
            ("a\0b", "A", "NUL"),
            ("sh", "1A", "no name of a variable"),
            ("sh", "A=B", "no name of a variable"),
            ("sh", "", "no name of a variable"),
            ("sh", "SPEAR_TOKEN", "SPEAR's own"),
        ] {
            let refusal = program(word, name).unwrap_err();
            assert!(refusal.message.contains(said), "{refusal}");
        }
        let refusal = Program::new(vec!["w".repeat(65 << 10)], BTreeMap::new(), None).unwrap_err();
        assert_eq!(refusal.code, Code::TooLarge);
        assert!(Program::new(vec![String::new(); 101], BTreeMap::new(), None).is_err());
    }

    #[test]
    fn an_image_is_a_name_and_no_option() {
        assert!(Image::try_from("registry:5000/a/b@sha256:0123".to_owned()).is_ok());
        for name in ["", "--privileged", "a b", "a\nb", &"a".repeat(513)] {
            assert!(Image::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_pool_that_serves_nobody_is_refused() {
        assert!(Pool::default().check().is_ok());
        for pool in [
            Pool { max: 0, ..Pool::default() },
            Pool { calls: 0, ..Pool::default() },
            Pool { min: 9, max: 8, ..Pool::default() },
            Pool { max: 1_001, ..Pool::default() },
        ] {
            assert!(pool.check().is_err(), "{pool:?}");
        }
    }
}
