//! A person's first minutes, outside of the repository.

use std::{env, path::PathBuf, process::Command};

use crate::harness::{Home, Ran, Sms, root};

/// `spear` in a project's folder, with the toolchain of whoever runs the tests.
fn spear(sms: &Sms, folder: &str, args: &[&str]) -> Command {
    let mut command = sms.home.spear(["--sms", &sms.url]);
    command.args(args).current_dir(sms.home.path().join(folder));
    // The toolchain is at home, and home is another one here.
    for (name, at_home) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let own = || env::var_os("HOME").map(|home| PathBuf::from(home).join(at_home).into_os_string());
        command.envs(env::var_os(name).or_else(own).map(|folder| (name, folder)));
    }
    command.envs(env::var_os("RUSTUP_TOOLCHAIN").map(|toolchain| ("RUSTUP_TOOLCHAIN", toolchain)));
    // What the SDK needs was fetched for the guests.
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

#[tokio::test]
async fn new_build_deploy_and_invoke_is_all_it_takes() {
    let sms = Sms::with_node().await;
    let sdk = root().join("guest-sdk");
    let run = async |folder: &str, args: &[&str]| Ran::of(spear(&sms, folder, args)).await;
    run("", &["new", "greet", "--sdk", sdk.to_str().unwrap()]).await.answer();
    let built = run("greet", &["build"]).await;
    assert_eq!(built.code, 0, "{}", built.stderr);
    assert!(built.stdout.contains("spear:hostcalls/logs@0.1.0"), "{}", built.stdout);
    assert!(run("greet", &["deploy"]).await.answer().contains("deployed greet version 1"));
    assert_eq!(run("greet", &["invoke", "greet", "--data", "you"]).await.answer(), "Hello, you!\n");
    assert!(run("greet", &["logs", "greet"]).await.answer().contains("greeting you"));
}

#[tokio::test]
async fn a_folder_that_exists_is_left_alone() {
    let home = Home::new().await;
    std::fs::create_dir(home.path().join("greet")).unwrap();
    let sdk = root().join("guest-sdk");
    let ran = home.run(["new", "greet", "--sdk", sdk.to_str().unwrap()]).await;
    assert!(ran.code == 3 && ran.stderr.contains("cannot make the folder greet"), "{ran:?}");
    assert_eq!(std::fs::read_dir(home.path().join("greet")).unwrap().count(), 0);
    assert_eq!(home.run(["-o", "json", "new", "No Name"]).await.error()["code"], "InvalidName");
}

#[tokio::test]
async fn a_folder_without_a_project_is_told_how_to_make_one() {
    let home = Home::new().await;
    for command in ["build", "deploy", "inspect"] {
        let error = home.run(["-o", "json", command]).await.error();
        assert_eq!(error["code"], "InvalidManifest");
        assert!(error["help"].as_str().unwrap().contains("spear new"), "{error}");
    }
}
