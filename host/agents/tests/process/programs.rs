use std::fs;

use spear_agents::sandbox::{Ended, Sandbox, Sandboxes, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{LONG, Node, finish, launchers, until};

#[tokio::test]
async fn a_program_returns_its_code_and_both_streams() {
    let node = Node::new("code");
    let (ended, output, errors) = node.run("echo out; echo err >&2; exit 7").await;
    assert_eq!((ended, output.as_str(), errors.as_str()), (Ended::Exited(7), "out\n", "err\n"));
    let (ended, ..) = node.run("true").await;
    assert_eq!(ended, Ended::Exited(0));
}

#[tokio::test]
async fn a_signal_that_ends_a_program_is_told() {
    let node = Node::new("signal");
    assert_eq!(node.run("kill -SEGV $$").await.0, Ended::Killed(11));
    assert_eq!(node.run("kill -KILL $$").await.0, Ended::Killed(9), "that was nobody's lack of memory");
}

#[tokio::test]
async fn what_runs_says_what_enforces_its_bounds() {
    let node = Node::new("status");
    let Status::Available { enforces, .. } = node.processes.status().await else { panic!("it can run processes") };
    eprintln!("{enforces:?}");
    for what in ["memory", "open-files", "file-size", "end"] {
        assert!(enforces.iter().any(|(bound, _)| *bound == what), "{what}");
    }
}

#[tokio::test]
async fn cells_wait_before_anybody_comes() {
    let node = Node::with("ahead", |config| config.ahead = 2);
    assert!(launchers(&node.prefix, &["keeper"]).is_empty(), "nothing is started before anybody asks");
    node.processes.status().await;
    until(2, || launchers(&node.prefix, &["keeper"]).len()).await;
}

#[tokio::test]
async fn sixty_four_mebibytes_go_in_and_come_out_as_they_were() {
    let node = Node::new("large");
    let mut process = node.start(&["cat"]).await;
    let mut streams = process.streams().unwrap();
    assert!(process.streams().is_none(), "they are given once");
    let sent: Vec<u8> = (0..64 << 20_u32).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let copy = sent.clone();
    let writes = tokio::spawn(async move { streams.stdin.write_all(&copy).await });
    let mut got = Vec::with_capacity(sent.len());
    tokio::time::timeout(LONG, streams.stdout.read_to_end(&mut got)).await.unwrap().unwrap();
    writes.await.unwrap().unwrap();
    assert!(got == sent);
    assert_eq!(process.ended().await, Ended::Exited(0));
    process.remove().await;
}

#[tokio::test]
async fn nothing_of_the_nodes_environment_is_in_a_programs() {
    let node = Node::new("environment");
    let mut spec = node.spec(0, &["sh", "-c", "cat /proc/self/environ; cat /proc/$PPID/environ 2>/dev/null"]).await;
    spec.env = vec![("GREETING".into(), "a = b\nc".into())];
    let (ended, output, errors) = finish(node.processes.start(&spec).await.unwrap()).await;
    let inside = node.processes.inside(&spec).folder;
    let folder = inside.to_str().unwrap();
    let mut names: Vec<_> = output.split('\0').filter(|variable| !variable.is_empty()).collect();
    names.retain(|variable| !variable.starts_with("PWD=") && !variable.starts_with("_="));
    let expected = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        format!("HOME={folder}"),
        format!("TMPDIR={folder}"),
        "GREETING=a = b\nc".to_owned(),
    ];
    let mut expected: Vec<_> = expected.iter().map(String::as_str).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!((names, errors.as_str()), (expected, ""), "{ended:?}");
}

#[tokio::test]
async fn a_program_sees_no_process_but_its_own() {
    let node = Node::new("sees");
    if !node.processes_are_apart().await {
        eprintln!("not tested: this machine gives no namespace of processes");
        return;
    }
    let (_, output, _) = node.run("echo /proc/[0-9]*").await;
    assert!(output.split_whitespace().count() <= 3, "{output}");
    assert!(!output.contains(&format!("/proc/{} ", std::process::id())));
}

#[tokio::test]
async fn a_program_starts_in_its_files_and_writes_to_its_folder_only() {
    let node = Node::new("folder");
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("part.sh"), "cat data; pwd").unwrap();
    fs::write(files.path().join("data"), "of the files\n").unwrap();
    let mut spec =
        node.spec(0, &["sh", "-c", "sh ./part.sh; echo mine > $HOME/x && cat $TMPDIR/x; echo no > data"]).await;
    spec.files = Some(files.path().to_owned());
    let (_, output, errors) = finish(node.processes.start(&spec).await.unwrap()).await;
    let place = if node.enforces("folders").await { "/run/spear/files" } else { files.path().to_str().unwrap() };
    assert_eq!(output, format!("of the files\n{place}\nmine\n"), "{errors}");
    if node.enforces("read-only").await {
        assert!(errors.contains("Read-only file system"), "{errors}");
        assert_eq!(fs::read_to_string(files.path().join("data")).unwrap(), "of the files\n");
    }
    assert_eq!(fs::read_to_string(spec.folder.join("x")).unwrap(), "mine\n");
}

#[tokio::test]
async fn a_program_has_no_network_unless_it_was_granted() {
    let node = Node::new("network");
    if !node.enforces("network").await {
        eprintln!("not tested: this machine gives no namespace without network");
        return;
    }
    let mut spec = node.spec(0, &["sh", "-c", "cat /proc/net/dev | wc -l"]).await;
    let (_, without, _) = finish(node.processes.start(&spec).await.unwrap()).await;
    assert_eq!(without.trim(), "3", "two lines of titles and the loopback");
    spec.network = true;
    let (_, with, _) = finish(node.processes.start(&spec).await.unwrap()).await;
    assert_eq!(with.trim(), fs::read_to_string("/proc/net/dev").unwrap().lines().count().to_string());
}

#[tokio::test]
async fn a_program_has_no_privilege_also_as_root() {
    let node = Node::new("privilege");
    let (_, output, _) = node.run("grep -E '^(CapEff|CapBnd|CapPrm|NoNewPrivs)' /proc/self/status").await;
    assert!(output.contains("CapEff:\t0000000000000000") && output.contains("NoNewPrivs:\t1"), "{output}");
}

#[tokio::test]
async fn a_missing_command_is_not_run_and_says_where_it_was_looked_for() {
    let node = Node::new("missing");
    let mut spec = node.spec(0, &["there-is-none"]).await;
    spec.env = vec![("PATH".into(), "/bin:/somewhere".into())];
    let reason = node.processes.check(&spec).await.unwrap_err().reason;
    assert!(reason.contains("there-is-none") && reason.contains("/bin:/somewhere"), "{reason}");
    let Err(started) = node.processes.start(&spec).await else { panic!("nothing starts") };
    assert!(started.reason.contains("/bin:/somewhere"), "{started}");
    spec.command = vec![];
    assert!(node.processes.check(&spec).await.is_err());
    spec.command = vec!["cat".into()];
    assert_eq!(node.processes.check(&spec).await, Ok(()));
}

#[tokio::test]
async fn what_the_kernel_does_not_execute_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let node = Node::new("broken");
    let spec = node.spec(0, &["./broken"]).await;
    fs::write(spec.folder.join("broken"), "#!/there/is/none\n").unwrap();
    fs::set_permissions(spec.folder.join("broken"), fs::Permissions::from_mode(0o755)).unwrap();
    let Err(started) = node.processes.start(&spec).await else { panic!("nothing starts") };
    assert!(started.reason.contains("did not start: No such file"), "{started}");
}

#[tokio::test]
async fn a_program_runs_as_the_user_that_the_operator_chose() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can become another user");
        return;
    }
    let node = Node::with("user", |config| config.user = Some((65534, 65534)));
    fs::set_permissions(node.folders.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (_, output, errors) = node.run("id -u; id -g; id -G; echo x > $HOME/mine && cat $HOME/mine").await;
    assert_eq!((output.as_str(), errors.as_str()), ("65534\n65534\n65534\nx\n", ""));
}
