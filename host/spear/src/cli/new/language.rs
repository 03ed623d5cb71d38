//! What each language's project consists of.

use clap::ValueEnum;
use serde::Serialize;
use spear_types::{Code, Refusal};

use super::{File, wit};

/// A language that `spear new` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Language {
    /// Rust, with the SDK `spear-guest`.
    Rust,
    /// Python, with componentize-py.
    Python,
    /// JavaScript, with ComponentizeJS.
    #[value(alias = "javascript")]
    Js,
}

const RUST: &[File] = &[
    ("Cargo.toml", include_str!("../../template/rust/Cargo.toml.txt")),
    ("spear.toml", include_str!("../../template/rust/spear.toml.txt")),
    ("src/lib.rs", include_str!("../../template/rust/lib.rs.txt")),
    (".gitignore", include_str!("../../template/rust/gitignore.txt")),
];

const PYTHON: &[File] = &[
    ("app.py", include_str!("../../template/python/app.py.txt")),
    ("requirements.txt", include_str!("../../template/python/requirements.txt")),
    ("spear.toml", include_str!("../../template/python/spear.toml.txt")),
    (".gitignore", include_str!("../../template/python/gitignore.txt")),
];

const JS: &[File] = &[
    ("index.js", include_str!("../../template/js/index.js.txt")),
    ("build.mjs", include_str!("../../template/js/build.mjs.txt")),
    ("package.json", include_str!("../../template/js/package.json.txt")),
    ("spear.toml", include_str!("../../template/js/spear.toml.txt")),
    (".gitignore", include_str!("../../template/js/gitignore.txt")),
];

impl Language {
    /// Its files. Where no SDK brings the WIT, the project has it.
    pub(super) fn files(self) -> impl Iterator<Item = File> {
        let (own, wit): (_, &[File]) = match self {
            Self::Rust => (RUST, &[]),
            Self::Python => (PYTHON, wit::FILES),
            Self::Js => (JS, wit::FILES),
        };
        own.iter().chain(wit).copied()
    }

    /// What has to be run once in a new project. `spear build` does it for the other languages.
    pub(super) fn once(self) -> Option<&'static str> {
        match self {
            Self::Rust | Self::Js => None,
            Self::Python => Some("python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
        }
    }

    /// No SDK.
    pub(super) fn without_sdk(self, sdk: Option<&String>) -> Result<Option<String>, Refusal> {
        match sdk {
            None => Ok(None),
            Some(_) => Err(Refusal::new(Code::InvalidRequest, "--sdk is where the SDK of Rust is")
                .help("leave it away: a project in another language has the WIT in its folder `wit`")),
        }
    }
}
