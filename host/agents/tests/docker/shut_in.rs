//! What a program in a container cannot see or do.

use std::{fs, os::unix::net::UnixListener};

use spear_agents::sandbox::Ended;

use crate::trial::Trial;

#[tokio::test]
async fn there_is_no_network_unless_it_is_granted() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.spec(&["ls", "/sys/class/net"]);
    assert_eq!(trial.run(&spec, b"").await.out(), "lo\n");
    spec = trial.spec(&["ls", "/sys/class/net"]);
    spec.network = true;
    let granted = trial.run(&spec, b"").await.out();
    assert!(granted.contains("eth0"), "{granted}");
}

#[tokio::test]
async fn only_its_own_folder_and_tmp_can_be_written() {
    let Some(trial) = Trial::new() else { return };
    let files = tempfile::TempDir::new().unwrap();
    fs::write(files.path().join("program"), "of the function").unwrap();
    let script = "pwd; cat program; echo; for at in /x /bin/x /spear/x /spear/files/x /spear/work/x /tmp/x; do
        if (echo kept > $at) 2>/dev/null; then echo $at; fi; done";
    let mut spec = trial.shell(script);
    // The folder around is the node's alone; this one is read by whoever the program is.
    fs::set_permissions(files.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    spec.files = Some(files.path().to_owned());
    let ran = trial.run(&spec, b"").await;
    assert_eq!(ran.out(), "/spear/files\nof the function\n/spear/work/x\n/tmp/x\n", "{}", ran.err());
    assert_eq!(fs::read_to_string(spec.folder.join("x")).unwrap(), "kept\n");
    assert_eq!(trial.run(&trial.shell("pwd"), b"").await.out(), "/spear/work\n");
}

#[tokio::test]
async fn the_socket_for_hostcalls_can_be_connected_to_and_not_replaced() {
    let Some(trial) = Trial::new() else { return };
    let hostcalls = tempfile::TempDir::new().unwrap();
    let _listener = UnixListener::bind(hostcalls.path().join("socket")).unwrap();
    let mut spec =
        trial.shell("cd /spear/hostcalls; test -S socket && test -w socket && echo yes; touch other || echo no");
    spec.hostcalls = Some(hostcalls.path().to_owned());
    assert_eq!(trial.run(&spec, b"").await.out(), "yes\nno\n");
}

#[tokio::test]
async fn it_has_no_capabilities_gains_no_privileges_and_is_not_root() {
    let Some(trial) = Trial::new() else { return };
    let ran = trial.run(&trial.spec(&["cat", "/proc/self/status"]), b"").await.out();
    let says = |name: &str| {
        let line = ran.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {ran}"));
        line.split_whitespace().next().unwrap_or_default().to_owned()
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(says(set), "0000000000000000", "{set}");
    }
    assert_eq!(says("NoNewPrivs:"), "1");
    assert_eq!(says("Seccomp:"), "2");
    assert_ne!(says("Uid:"), "0");
}

#[tokio::test]
async fn its_environment_is_what_was_told_and_nothing_of_the_nodes() {
    let Some(trial) = Trial::new() else { return };
    let mut spec = trial.spec(&["env"]);
    spec.env = vec![("TOKEN".to_owned(), "a=b c\"'$".to_owned()), ("EMPTY".to_owned(), String::new())];
    let ran = trial.run(&spec, b"").await.out();
    let mut lines: Vec<_> = ran.lines().filter(|line| !line.starts_with("PATH=")).collect();
    lines.sort_unstable();
    let own = ["EMPTY=", "FROM_THE_IMAGE=yes", "HOME=/spear/work", "TMPDIR=/spear/work", "TOKEN=a=b c\"'$"];
    assert_eq!(lines, own);
}

#[tokio::test]
async fn what_it_leaves_behind_is_reaped_and_ends_with_it() {
    let Some(trial) = Trial::new() else { return };
    let script = "(sh -c true &); (sleep 1000 &); i=0
        while ps | grep -q '[Zz]ombie\\| Z ' && [ $i -lt 1000 ]; do i=$((i+1)); done; cat /proc/1/comm";
    let ran = trial.run(&trial.shell(&script.replace("grep -q", "busybox grep -q")), b"").await;
    assert_eq!((ran.out().as_str(), ran.ended), ("docker-init\n", Ended::Exited(0)));
}
