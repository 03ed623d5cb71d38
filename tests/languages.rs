//! Functions in Python and JavaScript, from an empty folder to an answer. Where the tools cannot be had, a line says so.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use futures::future::join_all;
use spear_types::{Failure, Level, Outcome};

use crate::harness::{Home, Ran, Sms, Tools, example};

/// Large components on a busy machine: a run's time starts after its code is compiled, a call's does not.
const PATIENT: (&str, &str) = ("SPEAR_DEFAULTS_TIMEOUT", "2m");

/// `spear` in a project's folder, with the tools before all other programs.
fn spear(home: &Home, tools: &Tools, folder: &str, args: &[&str]) -> Command {
    let mut command = home.spear(args);
    command.current_dir(home.path().join(folder)).env("PATH", tools.path());
    command
}

async fn ask(sms: &Sms, tools: &Tools, folder: &str, args: &[&str]) -> Ran {
    Ran::of(spear(&sms.home, tools, folder, &[&["--sms", &sms.url], args].concat())).await
}

/// An example as a folder of its own: what its WIT refers to is in it.
fn take(home: &Home, name: &str) -> PathBuf {
    let to = home.path().join(name);
    copy(&example(name), &to);
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        match path.is_dir() {
            true if name == "node_modules" || name == ".venv" => {}
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

fn bad_input(message: &str) -> Outcome {
    let failure = Failure { code: "bad-input".into(), message: message.into(), retryable: false, exit: None };
    Outcome::Failed(failure)
}

/// The example answers, logs, and fails where it says that it does.
async fn greets(sms: &Sms, name: &str) {
    let invoked = sms.api.invoke(name, "Ada").await.unwrap();
    assert_eq!(invoked.text(), "Hello, Ada!");
    let log = sms.api.log(&invoked.task).await;
    assert_eq!(log.messages(), ["greeting Ada"]);
    assert_eq!(log.lines[0].level, Level::Info);
    assert_eq!(log.lines[0].fields, [("bytes".to_owned(), "3".to_owned())]);
    assert!(invoked.usage.peak_memory < 64 << 20, "the default has to do: {:?}", invoked.usage);
}

#[tokio::test]
async fn the_example_in_python_is_built_deployed_and_run() {
    let Some(python) = Tools::python() else { return };
    let sms = Sms::with_node_set(&[PATIENT]).await;
    take(&sms.home, "hello-python");
    let built = ask(&sms, python, "hello-python", &["-o", "json", "build"]).await.json();
    assert_eq!(built["refusal"], serde_json::Value::Null, "{built}");
    ask(&sms, python, "hello-python", &["deploy"]).await.answer();
    greets(&sms, "hello-python").await;
    let empty = sms.api.invoke("hello-python", "").await.unwrap();
    assert_eq!(empty.outcome, bad_input("there is nobody to greet"));
}

#[tokio::test]
async fn the_example_in_javascript_is_built_deployed_and_run() {
    let Some(js) = Tools::js() else { return };
    let sms = Sms::with_node_set(&[PATIENT]).await;
    let folder = take(&sms.home, "hello-js");
    symlink(js.modules(), folder.join("node_modules")).unwrap();
    let built = ask(&sms, js, "hello-js", &["-o", "json", "build"]).await.json();
    assert_eq!(built["refusal"], serde_json::Value::Null, "{built}");
    ask(&sms, js, "hello-js", &["deploy"]).await.answer();
    greets(&sms, "hello-js").await;
    let binary = sms.api.invoke("hello-js", vec![0xff, 0xfe]).await.unwrap();
    assert_eq!(binary.outcome, bad_input("the body is not text"));
}

/// It also sleeps, when it is asked to: runs have to overlap to show what they hold.
#[tokio::test]
async fn python_from_new_to_invoke_with_a_grant_and_in_every_slot_at_once() {
    let Some(python) = Tools::python() else { return };
    const SLOTS: usize = 6;
    let sms = Sms::with_node_set(&[PATIENT, ("SPEAR_SPEARLET_SLOTS", "6")]).await;
    ask(&sms, python, "", &["new", "greet", "--lang", "python"]).await.answer();
    let folder = sms.home.path().join("greet");
    change(&folder.join("wit/world.wit"), "// import spear:hostcalls/objects", "import spear:hostcalls/objects");
    change(&folder.join("app.py"), "from componentize_py_types", "import time\n\nfrom componentize_py_types");
    change(&folder.join("app.py"), "        logs.write", "        time.sleep(name == \"sleeper\")\n        logs.write");

    let refused = ask(&sms, python, "greet", &["-o", "json", "build"]).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    for part in ["NotGranted", "spear:hostcalls/objects@0.1.0", "[grants.objects]"] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    change(&folder.join("spear.toml"), "# [grants.objects]\n# photos", "[grants.objects]\nphotos");
    ask(&sms, python, "greet", &["deploy"]).await.answer();
    assert_eq!(ask(&sms, python, "greet", &["invoke", "greet", "--data", "you"]).await.answer(), "Hello, you!\n");
    assert!(ask(&sms, python, "greet", &["logs", "greet"]).await.answer().contains("greeting you"));

    let runs = join_all((0..SLOTS).map(|_| sms.api.invoke("greet", "sleeper"))).await;
    for run in runs {
        assert_eq!(run.expect("a slot for each").text(), "Hello, sleeper!");
    }
}

#[tokio::test]
async fn javascript_from_new_to_invoke() {
    let Some(js) = Tools::js() else { return };
    let sms = Sms::with_node_set(&[PATIENT]).await;
    ask(&sms, js, "", &["new", "greet", "--lang", "js"]).await.answer();
    symlink(js.modules(), sms.home.path().join("greet/node_modules")).unwrap();
    let built = ask(&sms, js, "greet", &["build"]).await;
    assert!(built.code == 0 && built.stdout.contains("spear:hostcalls/logs@0.1.0"), "{built:?}");
    ask(&sms, js, "greet", &["deploy"]).await.answer();
    assert_eq!(ask(&sms, js, "greet", &["invoke", "greet", "--data", "you"]).await.answer(), "Hello, you!\n");
    assert!(ask(&sms, js, "greet", &["logs", "greet"]).await.answer().contains("greeting you"));
}

#[tokio::test]
async fn what_a_new_project_is_built_with_is_what_the_examples_prove() {
    let home = Home::new().await;
    for (lang, guest, file) in [("python", "hello-python", "requirements.txt"), ("js", "hello-js", "package.json")] {
        home.run(["new", guest, "--lang", lang]).await.answer();
        for file in [file, ".gitignore", "build.mjs"].map(Path::new) {
            let proved = fs::read_to_string(example(guest).join(file)).ok();
            assert_eq!(fs::read_to_string(home.path().join(guest).join(file)).ok(), proved, "{guest} {file:?}");
        }
    }
}

#[tokio::test]
async fn a_build_without_its_tool_says_how_to_install_it() {
    let home = Home::new().await;
    for (lang, tool, help) in
        [("python", "componentize-py", "pip install componentize-py=="), ("js", "node", "https://nodejs.org")]
    {
        home.run(["new", lang, "--lang", lang]).await.answer();
        let mut build = home.spear(["-o", "json", "-C", lang, "build"]);
        build.env("PATH", home.path());
        let error = Ran::of(build).await.error();
        assert!(error["message"].as_str().unwrap().starts_with(tool), "{error}");
        assert!(error["help"].as_str().unwrap().contains(help), "{error}");
    }
}

#[tokio::test]
async fn the_first_build_in_javascript_fetches_what_package_json_names() {
    let Some(js) = Tools::js() else { return };
    let home = Home::new().await;
    home.run(["new", "greet", "--lang", "js"]).await.answer();
    let folder = home.path().join("greet");
    fs::create_dir(folder.join("beside")).unwrap();
    fs::write(folder.join("beside/package.json"), r#"{ "name": "beside", "version": "1.0.0" }"#).unwrap();
    fs::write(folder.join("package.json"), r#"{ "dependencies": { "beside": "file:./beside" } }"#).unwrap();
    fs::write(folder.join("build.mjs"), "import \"node:fs\";").unwrap();
    let build = async || Ran::of(spear(&home, js, "greet", &["-o", "json", "build"])).await;
    let first = build().await;
    assert!(first.stdout.is_empty() && first.stderr.contains("cannot read the component"), "{first:?}");
    assert!(folder.join("node_modules/beside/package.json").is_file(), "{first:?}");

    fs::write(folder.join("package.json"), "no JSON").unwrap();
    let second = build().await;
    assert!(second.stderr.contains("cannot read the component"), "npm was asked again: {second:?}");
}

#[tokio::test]
async fn an_sdk_is_for_rust() {
    let home = Home::new().await;
    let error = home.run(["-o", "json", "new", "greet", "--lang", "js", "--sdk", "somewhere"]).await.error();
    assert!(error["message"].as_str().unwrap().contains("--sdk"), "{error}");
    assert!(!home.path().join("greet").exists());
}
