//! The invariants of ARCHITECTURE.md that can be read off the sources.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that is longer hides rooms from its reader.
const LONGEST: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust source below `folder`, with its path from the root.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The lines of code that have `needle` and are not in one of `allowed`. This file only speaks of them.
fn found_outside(needle: &str, allowed: &[&str]) -> Vec<String> {
    let outside = |name: &str| name != "tests/tidy.rs" && !allowed.iter().any(|prefix| name.starts_with(prefix));
    let all = sources(&root()).into_iter().filter(|(name, _)| outside(name));
    let lines = all.flat_map(|(name, text)| {
        let code = text.lines().filter(|line| line.contains(needle) && !line.trim_start().starts_with("//"));
        code.map(|line| format!("{name}: {}", line.trim())).collect::<Vec<_>>()
    });
    lines.collect()
}

fn dependencies(package: &str) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = ["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none"];
    let output = Command::new(cargo).args(tree).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn links(package: &str, dependency: &str) -> bool {
    dependencies(package).lines().any(|line| line.split(' ').next() == Some(dependency))
}

#[test]
fn only_the_engine_and_the_hostcalls_name_wasmtime() {
    let allowed = ["host/engine/", "hostcalls/"];
    assert_eq!(found_outside("wasmtime::", &allowed), Vec::<String>::new());
    assert_eq!(found_outside("wasmtime_wasi::", &allowed), Vec::<String>::new());
}

#[test]
fn only_the_store_names_redb() {
    assert_eq!(found_outside("redb::", &["host/store/"]), Vec::<String>::new());
}

#[test]
fn a_status_is_built_in_one_place() {
    for constructor in
        ["Status::new(", "Status::internal(", "Status::unavailable(", "Status::invalid_argument(", "Status::not_found("]
    {
        assert_eq!(found_outside(constructor, &["host/wire/src/status.rs"]), Vec::<String>::new());
    }
}

#[test]
fn the_sms_does_not_link_wasmtime_and_the_engine_does_not_link_grpc() {
    assert!(!links("sms", "wasmtime"));
    assert!(!links("spear-engine", "tonic"));
    assert!(!links("spear-types", "tokio"));
    assert!(links("spearlet", "wasmtime"), "the question is asked rightly");
}

#[test]
fn what_decides_links_no_runtime_no_disk_and_no_network_and_reads_no_clock() {
    for package in ["spear-state", "spear-placement"] {
        for dependency in ["tokio", "redb", "tonic"] {
            assert!(!links(package, dependency), "{package} links {dependency}");
        }
    }
    let pure = ["host/state/src", "host/placement/src"];
    for clock in ["SystemTime::now", "Instant::now", "Timestamp::now", ".elapsed()"] {
        let all = found_outside(clock, &[]).into_iter();
        let read: Vec<_> = all.filter(|line| pure.iter().any(|folder| line.starts_with(folder))).collect();
        assert_eq!(read, Vec::<String>::new(), "the time is told to them");
    }
}

#[test]
fn no_source_is_so_long_that_its_rooms_are_lost() {
    let long = sources(&root()).into_iter().filter(|(_, text)| text.lines().count() > LONGEST);
    assert_eq!(long.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn no_test_waits_by_the_clock() {
    let sleeps = [
        found_outside("thread::sleep", &["examples-guests/slow-log/"]),
        found_outside(
            "time::sleep(",
            &[
                "host/sms/src/direct/seat.rs",
                "host/spearlet/src/link.rs",
                "host/spear/src/serve.rs",
                "host/spear/src/cli/again.rs",
            ],
        ),
    ];
    let outside_of_the_harness = |line: &&String| !line.starts_with("tests/harness");
    assert_eq!(sleeps.iter().flatten().find(outside_of_the_harness), None);
}

#[test]
fn no_test_of_containers_is_skipped_in_ci() {
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let required = ci.find("\nexport TEST_ENGINE=required\n");
    assert!(required < ci.find("\ncargo ") && required.is_some(), "it says so before anything is run");
}
