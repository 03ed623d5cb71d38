//! Builds the guests with one call of cargo, and writes down where their components are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

const TARGET: &str = "wasm32-wasip2";

/// What the outer cargo, clippy or a coverage tool sets for its own build and would spoil this one.
const OUTER: [&str; 9] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in tests/guests");
    let workspace = root.join("examples-guests");
    let guests = guests(&workspace);
    watch(root, &workspace, &guests);
    require_target();
    build(&workspace);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("guests.rs"), names(&workspace, &guests)).expect("OUT_DIR can be written");
}

/// The folders of the workspace that are packages, by the alphabet.
fn guests(workspace: &Path) -> Vec<String> {
    let folders = fs::read_dir(workspace).expect("examples-guests can be read").map(|entry| entry.expect("an entry"));
    let packages = folders.filter(|folder| folder.path().join("Cargo.toml").exists());
    let mut names: Vec<_> = packages.map(|folder| folder.file_name().into_string().expect("an ASCII name")).collect();
    names.sort();
    names
}

/// Builds again when a source changes, but not for what a build itself writes.
fn watch(root: &Path, workspace: &Path, guests: &[String]) {
    let shared = ["Cargo.toml", "wit", "guest-sdk/Cargo.toml", "guest-sdk/src", "guest-sdk/macros"];
    let whole = ["Cargo.toml", "Cargo.lock"].map(|file| workspace.join(file));
    let own = guests.iter().flat_map(|guest| ["Cargo.toml", "src", "wit"].map(|part| workspace.join(guest).join(part)));
    let own = own.filter(|path| path.exists());
    for path in shared.iter().map(|path| root.join(path)).chain(whole).chain(own) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Says what to do where rustc has no standard library for the guests, which cargo would only complain about.
fn require_target() {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let libdir = String::from_utf8(output.expect("rustc can be run").stdout).expect("a path in UTF-8");
    if !Path::new(libdir.trim()).exists() {
        let help = format!("run `rustup target add {TARGET}`, or `cargo xtask test`, which does it");
        println!("cargo::error=the guests need the target {TARGET}: {help}");
        process::exit(1);
    }
}

fn build(workspace: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", TARGET]).current_dir(workspace);
    for name in OUTER {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "the guests do not build: {status}");
}

/// The source of what this crate gives.
fn names(workspace: &Path, guests: &[String]) -> String {
    let (mut consts, mut all, mut calls) = (String::new(), String::new(), String::new());
    for guest in guests {
        let snake = guest.replace('-', "_");
        let upper = snake.to_uppercase();
        let path = workspace.join(format!("target/{TARGET}/release/{snake}.wasm"));
        let _ = writeln!(consts, "/// The component of `{guest}`.\npub const {upper}: &str = {path:?};");
        let _ = write!(all, "({guest:?}, {upper}), ");
        let _ = write!(calls, "$mac!({snake}); ");
    }
    format!(
        "{consts}
/// Each guest's name and component.
pub const ALL: &[(&str, &str)] = &[{all}];

/// Calls the macro with the name of each guest, with underscores.
#[macro_export]
macro_rules! foreach_guest {{ ($mac:ident) => {{ {calls} }}; }}
"
    )
}
