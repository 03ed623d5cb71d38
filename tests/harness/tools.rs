//! What functions in other languages are built with: fetched once into `target/tools`, and used from there.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use super::example;

/// Where the tools of one language are.
pub(crate) struct Tools(PathBuf);

static PYTHON: LazyLock<Result<Tools, String>> = LazyLock::new(|| {
    Tools::fetch("python", &example("hello-python").join("requirements.txt"), |folder| {
        run("python3", ["-m", "venv", "."], folder)?;
        run("./bin/pip", ["install", "--quiet", "--retries", "1", "-r", "requirements.txt"], folder)
    })
});

static JS: LazyLock<Result<Tools, String>> = LazyLock::new(|| {
    Tools::fetch("js", &example("hello-js").join("package.json"), |folder| {
        run("npm", ["install", "--no-audit", "--no-fund", "--fetch-retries", "1"], folder)
    })
});

impl Tools {
    /// componentize-py; nothing, and a line that says why, where it cannot be had.
    pub(crate) fn python() -> Option<&'static Self> {
        PYTHON.as_ref().map_err(|why| skip("Python", why)).ok()
    }

    /// ComponentizeJS; nothing, and a line that says why, where it cannot be had.
    pub(crate) fn js() -> Option<&'static Self> {
        JS.as_ref().map_err(|why| skip("JavaScript", why)).ok()
    }

    /// Programs, with these before all others.
    pub(crate) fn path(&self) -> OsString {
        let all = env::var_os("PATH").unwrap_or_default();
        env::join_paths([self.0.join("bin")].into_iter().chain(env::split_paths(&all))).expect("a path")
    }

    /// A folder `node_modules` with everything in it.
    pub(crate) fn modules(&self) -> PathBuf {
        self.0.join("node_modules")
    }

    /// Installs what `wanted` lists, unless that was done before.
    fn fetch(language: &str, wanted: &Path, install: impl FnOnce(&Path) -> Result<(), String>) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join(language);
        let text = fs::read_to_string(wanted).expect("the example lists what it is built with");
        let installed = folder.join("installed");
        if fs::read_to_string(&installed).is_ok_and(|there| there == text) {
            return Ok(Self(folder));
        }
        // What was broken off is no good.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder under target");
        fs::write(folder.join(wanted.file_name().expect("it is a file")), &text).expect("a file under target");
        install(&folder)?;
        fs::write(installed, text).expect("a file under target");
        Ok(Self(folder))
    }
}

/// Says so past the test runner, which keeps what a test that passes prints to itself.
fn skip(language: &str, why: &str) {
    let _ = writeln!(io::stderr(), "skipped: nothing to build functions in {language} with: {why}");
}

fn run<const N: usize>(program: &str, args: [&str; N], folder: &Path) -> Result<(), String> {
    let output = Command::new(program).args(args).current_dir(folder).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = || format!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    output.status.success().then_some(()).ok_or_else(said)
}
