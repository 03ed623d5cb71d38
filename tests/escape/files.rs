//! Files outside of a granted folder.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use spear_types::{Access, LimitRequest, Outcome};

use crate::harness::{Function, Home, Invoked, Sms};

/// What nobody may ever read.
const SECRET: &str = "the operator's own";

/// A node with the folder `inside`, and beside it the folder `outside` with a secret.
struct Node {
    sms: Sms,
    inside: PathBuf,
    outside: PathBuf,
}

impl Node {
    async fn new(access: Access) -> Self {
        let home = Home::new().await;
        let (inside, outside) = (home.path().join("inside"), home.path().join("outside"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(outside.join("secret"), SECRET).unwrap();
        fs::write(inside.join("file"), "inside").unwrap();
        let files = format!("{{inside={inside:?}}}");
        let sms = Sms::with_node_in(home, &[("SPEAR_SPEARLET_FILES", &files)]).await;
        sms.api.deploy(&function(access)).await.unwrap();
        Self { sms, inside, outside }
    }

    async fn outcome(&self, call: &Value) -> Outcome {
        self.sms.api.invoke("files", call.to_string()).await.unwrap().outcome
    }

    async fn answer(&self, call: Value) -> Value {
        self.sms.api.invoke("files", call.to_string()).await.unwrap().json()
    }

    async fn fails(&self, call: Value) -> String {
        match self.outcome(&call).await {
            Outcome::Failed(failure) => failure.code,
            other => panic!("{call}: {other}"),
        }
    }
}

fn function(access: Access) -> Function {
    let mut function = Function::guest("files");
    function.spec.grants.files.insert("inside".parse().unwrap(), access);
    function
}

/// Everything below a folder, so that a change is seen.
fn below(folder: &Path) -> Vec<(String, String)> {
    let entry = |entry: fs::DirEntry| {
        let path = entry.path();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(path).unwrap_or_default())
    };
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let node = Node::new(Access::ReadWrite).await;
    let secret = node.outside.join("secret");
    symlink(&secret, node.inside.join("to-file")).unwrap();
    symlink(&node.outside, node.inside.join("to-folder")).unwrap();
    symlink("../outside/secret", node.inside.join("by-dots")).unwrap();
    symlink("/proc/self", node.inside.join("to-proc")).unwrap();
    // A name that is a link can be linked and replaced as such: it stays where it is.
    let links = ["/inside/to-file", "/inside/by-dots"];
    let ways = [
        "/inside/../outside/secret",
        "/inside/../../../../../../../../etc/passwd",
        "/outside/secret",
        "../outside/secret",
        secret.to_str().unwrap(),
        "/etc/passwd",
        "/proc/self/environ",
        "/inside/to-folder/secret",
        "/inside/to-proc/environ",
        "/inside/to-proc/root/etc/passwd",
        "/inside//proc/self/environ",
    ];
    let before = below(&node.outside);
    for path in links.into_iter().chain(ways) {
        node.fails(json!({ "op": "read", "path": path })).await;
        node.fails(json!({ "op": "stat", "path": path })).await;
        node.fails(json!({ "op": "write", "path": path, "text": "taken" })).await;
    }
    for path in ways {
        node.fails(json!({ "op": "remove", "path": path })).await;
        node.fails(json!({ "op": "hard-link", "path": path, "to": "/inside/stolen" })).await;
        node.fails(json!({ "op": "rename", "path": "/inside/file", "to": path })).await;
    }
    for folder in ["/inside/../outside", "/inside/to-folder", "/inside/to-proc", "/", "/proc"] {
        node.fails(json!({ "op": "list", "path": folder })).await;
        node.fails(json!({ "op": "make-folder", "path": format!("{folder}/new") })).await;
    }
    assert_eq!(below(&node.outside), before);
    assert_eq!(node.answer(json!({ "op": "read", "path": "/inside/file" })).await, "inside");
}

#[tokio::test]
async fn a_link_that_the_guest_makes_does_not_lead_out_either() {
    let node = Node::new(Access::ReadWrite).await;
    for to in [node.outside.join("secret").to_str().unwrap(), "../outside/secret", "/proc/self/environ", "/etc/passwd"]
    {
        // Whether it may be made or not: it is never followed.
        node.outcome(&json!({ "op": "symlink", "path": "/inside/link", "to": to })).await;
        node.fails(json!({ "op": "read", "path": "/inside/link" })).await;
        node.outcome(&json!({ "op": "remove", "path": "/inside/link" })).await;
    }
    assert!(matches!(
        node.outcome(&json!({ "op": "symlink", "path": "/inside/good", "to": "file" })).await,
        Outcome::Succeeded(_)
    ));
    assert_eq!(node.answer(json!({ "op": "read", "path": "/inside/good" })).await, "inside");
}

#[tokio::test]
async fn a_folder_that_becomes_a_link_while_it_is_looked_at_does_not_lead_out() {
    let node = Node::new(Access::Read).await;
    let (folder, link, path) = (node.inside.join("a"), node.inside.join("b"), node.inside.join("way"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("secret"), "inside").unwrap();
    symlink(&node.outside, &link).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut swaps = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                for now in [&folder, &link] {
                    fs::rename(now, &path).unwrap();
                    fs::rename(&path, now).unwrap();
                    swaps += 1;
                }
            }
            swaps
        })
    };
    let mut seen = 0;
    while seen < 3 {
        let call = json!({ "op": "read-often", "path": "/inside/way/secret", "times": 1_000 });
        let texts = node.answer(call).await;
        assert!(texts == json!([]) || texts == json!(["inside"]), "{texts}");
        seen += usize::from(texts == json!(["inside"]));
    }
    stop.store(true, Ordering::Relaxed);
    assert!(swapping.join().unwrap() > 100);
}

#[tokio::test]
async fn what_is_granted_to_read_is_not_changed() {
    let node = Node::new(Access::Read).await;
    let before = below(&node.inside);
    for call in [
        json!({ "op": "write", "path": "/inside/file", "text": "changed" }),
        json!({ "op": "write", "path": "/inside/new", "text": "new" }),
        json!({ "op": "append", "path": "/inside/file", "text": "more" }),
        json!({ "op": "truncate", "path": "/inside/file" }),
        json!({ "op": "remove", "path": "/inside/file" }),
        json!({ "op": "rename", "path": "/inside/file", "to": "/inside/other" }),
        json!({ "op": "make-folder", "path": "/inside/folder" }),
        json!({ "op": "hard-link", "path": "/inside/file", "to": "/inside/other" }),
        json!({ "op": "symlink", "path": "/inside/link", "to": "file" }),
    ] {
        node.fails(call).await;
    }
    assert_eq!(below(&node.inside), before);
}

#[tokio::test]
async fn what_is_granted_to_write_is_written_and_the_swap_of_the_folder_changes_nothing() {
    let node = Node::new(Access::ReadWrite).await;
    let written = node.answer(json!({ "op": "write", "path": "/inside/new", "text": "new" })).await;
    assert_eq!((written, fs::read_to_string(node.inside.join("new")).unwrap().as_str()), (Value::Null, "new"));
    let away = node.inside.with_file_name("away");
    fs::rename(&node.inside, &away).unwrap();
    symlink(&node.outside, &node.inside).unwrap();
    node.fails(json!({ "op": "read", "path": "/inside/secret" })).await;
    assert_eq!(node.answer(json!({ "op": "read", "path": "/inside/new" })).await, "new");
}

#[tokio::test]
async fn write_alone_is_refused_because_reading_comes_with_it() {
    let node = Node::new(Access::Read).await;
    node.sms.api.deploy(&function(Access::Write)).await.unwrap();
    let refused = node.sms.api.invoke("files", json!({ "op": "list", "path": "/" }).to_string()).await.unwrap_err();
    assert!(refused.message().contains("write access alone"), "{refused}");
}

#[tokio::test]
async fn open_files_are_counted_as_handles() {
    let node = Node::new(Access::Read).await;
    let limits = LimitRequest { handles: Some(50), ..LimitRequest::default() };
    node.sms.api.deploy(&function(Access::Read).limits(limits)).await.unwrap();
    let open = |times: u32| json!({ "op": "open", "path": "/inside/file", "times": times });
    assert_eq!(node.answer(open(20)).await, 20);
    let Outcome::Trapped(trap) = node.outcome(&open(1_000_000)).await else { panic!("it has them all") };
    assert!(trap.message.contains("`handles`"), "{}", trap.message);
    assert_eq!(node.answer(open(20)).await, 20);
}

#[tokio::test]
async fn a_folder_with_too_many_entries_is_not_listed_and_the_log_names_the_limit() {
    let node = Node::new(Access::Read).await;
    for number in 0..10_000 {
        fs::write(node.inside.join(number.to_string()), "").unwrap();
    }
    let list = json!({ "op": "list", "path": "/inside" }).to_string();
    let Invoked { outcome, task, .. } = node.sms.api.invoke("files", list).await.unwrap();
    assert_eq!(outcome.name(), "failed", "{outcome}");
    let log = node.sms.api.log(&task).await;
    assert_eq!(log.messages(), ["over a limit: a folder with more than 10000 entries cannot be listed"]);
    fs::remove_file(node.inside.join("0")).unwrap();
    let listed = node.answer(json!({ "op": "list", "path": "/inside" })).await;
    assert_eq!(listed.as_array().unwrap().len(), 10_000);
}
