//! What a program is not to see, and the user that it becomes.

use std::{fs, os::unix::net::UnixListener};

use rustix::process::geteuid;
use spear_agents::sandbox::{Ended, Sandboxes, Spec, Status};

use crate::common::{Node, finish};

const NOBODY: (u32, u32) = (65_534, 65_534);

/// A node that hides its folder, as another user where that may be.
async fn node(test: &str) -> Option<Node> {
    let user = geteuid().is_root().then_some(NOBODY);
    let node = Node::with(test, |config| {
        config.hidden = vec![config.folders.clone(), config.folders.join("engine.sock"), "/nowhere".into()];
        config.user = user;
    });
    match node.processes.status().await {
        Status::Available { enforces, .. } if enforces.contains(&("folders", "namespace")) => Some(node),
        status => {
            eprintln!("not tested: this machine gives programs no folders of their own: {status:?}");
            None
        }
    }
}

async fn says(node: &Node, spec: &Spec) -> String {
    let (ended, output, errors) = finish(node.processes.start(spec).await.unwrap()).await;
    assert_eq!(ended, Ended::Exited(0), "{errors}");
    output
}

#[tokio::test]
async fn what_the_node_hides_and_the_machines_sockets_are_not_there() {
    let Some(node) = node("hidden").await else { return };
    fs::write(node.folders.path().join("secret"), "hush").unwrap();
    let folders = node.folders.path().display();
    let script = format!("ls -A {folders}; ls -A /run; ls -A /run/spear; cat {folders}/secret 2>/dev/null; true");
    let spec = node.spec(0, &["sh", "-c", &script]).await;
    assert_eq!(says(&node, &spec).await, "spear\nfiles\nhostcalls\nwork\n");
}

#[tokio::test]
async fn a_socket_that_is_hidden_cannot_be_connected_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let node = Node::with("socket", |config| config.hidden = vec![path.clone()]);
    if !node.enforces("folders").await {
        return;
    }
    let spec = node.spec(0, &["stat", "-c", "%F", path.to_str().unwrap()]).await;
    assert_eq!(says(&node, &spec).await, "character special file\n");
}

#[tokio::test]
async fn a_program_is_the_user_it_was_made_and_its_folder_and_sockets_are_that_users() {
    let Some(node) = node("user").await else { return };
    let hostcalls = node.folders.path().join("hostcalls");
    fs::create_dir(&hostcalls).unwrap();
    let listener = UnixListener::bind(hostcalls.join("hostcalls.sock")).unwrap();
    let script = "id -u; id -G; pwd; echo mine > $HOME/x && cat x; [ -w /run/spear/hostcalls/hostcalls.sock ] && \
                  touch /run/spear/hostcalls/other 2>/dev/null || echo kept";
    let mut spec = node.spec(0, &["sh", "-c", script]).await;
    spec.hostcalls = Some(hostcalls);
    let (user, group) = if geteuid().is_root() { NOBODY } else { (0, 0) };
    assert_eq!(says(&node, &spec).await, format!("{user}\n{group}\n/run/spear/work\nmine\nkept\n"));
    drop(listener);
    assert_eq!(fs::read_to_string(spec.folder.join("x")).unwrap(), "mine\n");
}

#[tokio::test]
async fn another_user_without_namespaces_is_refused_with_the_reason() {
    if !geteuid().is_root() {
        eprintln!("not tested: only root becomes another user");
        return;
    }
    let node = Node::with("refused", |config| (config.user, config.namespaces) = (Some(NOBODY), false));
    let Status::Unavailable { reason } = node.processes.status().await else { panic!("it is refused") };
    assert!(reason.contains("folders of its own") && reason.contains("no other user than root"), "{reason}");
}
