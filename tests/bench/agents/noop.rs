//! The program that does nothing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;

/// Ends at once; where it serves one call after another, each gets an answer without a body.
const SOURCE: &str = r#"
use std::io::{BufRead, Write};
fn main() {
    if std::env::var_os("SPEAR_LOOP").is_none() {
        return;
    }
    let (mut calls, mut replies) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut line = String::new();
    while calls.read_line(&mut line).is_ok_and(|read| read > 0) {
        // A call of this benchmark has no body.
        replies.write_all(b"{\"body_bytes\":0}\n").and_then(|()| replies.flush()).unwrap();
        line.clear();
    }
}
"#;

/// It, statically linked: it runs in any image, and nothing is loaded before it ends.
pub(crate) struct Noop {
    pub(crate) path: PathBuf,
    /// An archive with it alone.
    pub(crate) files: Bytes,
}

impl Noop {
    pub(crate) fn compile(folder: &Path) -> Self {
        let (source, path) = (folder.join("noop.rs"), folder.join("noop"));
        std::fs::write(&source, SOURCE).expect("a file");
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "-C", "opt-level=3", "-C", "panic=abort", "-C", "strip=symbols"]);
        let status = rustc.args(["-C", "target-feature=+crt-static", "-o"]).arg(&path).arg(&source).status();
        assert!(status.expect("rustc can be run").success(), "a static program can be made here");
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_path_with_name(&path, "noop").expect("memory");
        Self { path, files: archive.into_inner().expect("memory").into() }
    }
}
