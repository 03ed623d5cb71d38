//! The project in the current folder: its manifest, its component, its build.

pub(crate) mod artifacts;
pub(crate) mod tools;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use spear_types::{
    AgentKind, Code, Manifest, Refusal,
    manifest::{self, Source},
};

/// A folder with a manifest.
pub(crate) struct Project {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Project {
    /// Reads the manifest in `folder`.
    ///
    /// # Errors
    /// `InvalidManifest` when there is none, or with the line that is wrong.
    pub(crate) fn open(folder: &Path) -> Result<Self, Refusal> {
        let file = below(folder, manifest::FILE_NAME);
        let absent = |error| {
            Refusal::new(Code::InvalidManifest, format!("cannot read {}: {error}", file.display()))
                .help("run this in a project's folder, or make one with `spear new NAME`")
        };
        let text = fs::read_to_string(&file).map_err(absent)?;
        let manifest = Manifest::parse(&text)
            .map_err(|refusal| Refusal { message: format!("{}: {}", file.display(), refusal.message), ..refusal })?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Its component, where one of its ways to run is one.
    pub(crate) fn component_path(&self) -> Option<PathBuf> {
        self.manifest.run.iter().find_map(|run| match run.source() {
            Source::Component(path) => Some(below(&self.folder, path)),
            Source::Files(_) | Source::None => None,
        })
    }

    /// Runs the manifest's build commands in the project's folder, with what is installed there.
    ///
    /// # Errors
    /// When there is none for a component, the program that one needs is not installed, or it fails.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        for run in &self.manifest.run {
            match run.build() {
                Some(command) => self.build_by(command)?,
                None if run.agent() == AgentKind::Wasm => {
                    let refusal = Refusal::new(Code::InvalidManifest, "the manifest's [[run]] has no `build` command");
                    return Err(refusal.help("add build = \"cargo build --release --target wasm32-wasip2\"").into());
                }
                None => {}
            }
        }
        Ok(())
    }

    fn build_by(&self, command: &str) -> anyhow::Result<()> {
        let path = tools::search_path(&self.folder);
        tools::prepare(&self.folder, command, &path)?;
        let mut shell = Command::new("sh");
        // A build that a build started must not inherit whose package that was.
        shell.arg("-c").arg(command).current_dir(&self.folder).env("PATH", path).env_remove("CARGO_TARGET_DIR");
        // Standard output is for the answer.
        shell.stdout(io::stderr());
        let status = shell.status().with_context(|| format!("cannot run `{command}`"))?;
        anyhow::ensure!(status.success(), "`{command}` failed: {status}");
        Ok(())
    }
}

/// A path in a folder, shown as a person would write it: `spear.toml`, not `./spear.toml`.
pub(crate) fn below(folder: &Path, name: &str) -> PathBuf {
    folder.strip_prefix(".").unwrap_or(folder).join(name)
}
