//! The project in the current folder: its manifest, its component, its build.

pub(crate) mod tools;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use spear_types::{Code, Manifest, Refusal, manifest};

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

    /// The component's bytes.
    ///
    /// # Errors
    /// When it was not built.
    pub(crate) fn component(&self) -> Result<Vec<u8>, Refusal> {
        let file = self.component_path();
        fs::read(&file).map_err(|error| {
            Refusal::new(Code::InvalidComponent, format!("cannot read the component {}: {error}", file.display()))
                .help("build it with `spear build`")
        })
    }

    pub(crate) fn component_path(&self) -> PathBuf {
        below(&self.folder, self.manifest.wasm().0)
    }

    /// Runs the manifest's build command in the project's folder, with what is installed there.
    ///
    /// # Errors
    /// When there is none, the program that it needs is not installed, or it fails.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        let (_, command) = self.manifest.wasm();
        let command = command.ok_or_else(|| {
            Refusal::new(Code::InvalidManifest, "the manifest's [[run]] has no `build` command")
                .help("add build = \"cargo build --release --target wasm32-wasip2\"")
        })?;
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
