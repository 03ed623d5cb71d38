//! What a program sees of the node, and of other programs.

use std::fs;

use spear_types::{AgentKind, Artifact, Grants, LimitRequest, Outcome};

use super::stage::{self, Stage};
use crate::harness::Function;

super::on! {
    [process, docker]:
    its_folder_is_its_own_and_gone_afterwards,
    nothing_else_can_be_written,
    nothing_that_the_node_or_the_sms_keeps_can_be_read,
    there_is_no_network,
    its_files_are_there_and_cannot_be_written,
    it_is_no_other_program_than_it_was_made;
}

const CANARY: &str = "canary-6b1f0c93";

async fn of_the_node(agent: AgentKind) {
    let settings = [("CANARY", CANARY), ("SPEAR_SECRET_HUSH", CANARY), (CANARY, "1")];
    let Some(stage) = stage::on(agent, &settings).await else { return };
    let script = "busybox env; busybox env >&2; busybox cat /proc/*/environ /proc/*/cmdline 2>/dev/null; busybox cat \
                  /proc/*/environ >&2; set; exit 3";
    stage.script("peek", script, LimitRequest::default()).await;
    let invoked = stage.sms.api.invoke("peek", "").await.unwrap();
    let Outcome::Failed(failure) = &invoked.outcome else { panic!("{}", invoked.outcome) };
    let stdout = String::from_utf8_lossy(&failure.exit.as_ref().unwrap().stdout).into_owned();
    assert!(stdout.contains("GIVEN=by the manifest"), "{stdout}");
    let log = stage.sms.api.log(&invoked.task).await.messages().join("\n");
    assert!(log.contains("SPEAR_FUNCTION=peek"), "{log}");
    let json = stage.sms.spear(["-o", "json", "invoke", "peek"]).await;
    let logs = stage.sms.spear(["-o", "json", "logs", &invoked.task]).await;
    let node = format!("{}{}", stage.sms.program.stdout.text(), stage.sms.program.stderr.text());
    for (place, text) in [
        ("what it sees", &stdout),
        ("its log", &log),
        ("-o json", &json.stdout),
        ("-o json, standard error", &json.stderr),
        ("logs -o json", &logs.stdout),
        ("what the node writes", &node),
    ] {
        assert!(!text.contains(CANARY), "{place}: {text}");
    }
}

#[tokio::test]
async fn nothing_of_the_nodes_environment_is_seen_by_a_process() {
    of_the_node(AgentKind::Process).await;
}

#[tokio::test]
async fn nothing_of_the_nodes_environment_is_seen_by_a_container() {
    of_the_node(AgentKind::Docker).await;
}

/// All of its variables, each for a reason.
async fn it_is_no_other_program_than_it_was_made(stage: Stage) {
    let text = stage.says("exec busybox env").await;
    let mut names: Vec<_> = text.lines().map(|line| line.split('=').next().unwrap()).collect();
    names.sort_unstable();
    let mut known = vec![
        "GIVEN",
        "HOME",
        "PATH",
        "SPEAR_ATTEMPT",
        "SPEAR_CALL",
        "SPEAR_FUNCTION",
        "SPEAR_HOSTCALLS",
        "SPEAR_NODE",
        "SPEAR_REPLY",
        "SPEAR_TASK",
        "SPEAR_TOKEN",
        "SPEAR_VERSION",
        "TMPDIR",
        "TRACEPARENT",
    ];
    // Of the shell, and of the image.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_", "FROM_THE_IMAGE"].contains(name));
    known.retain(|name| *name != "TRACEPARENT" || names.contains(name));
    assert_eq!(names, known);
    let status = stage.says("exec busybox cat /proc/self/status").await;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    assert_eq!(field("NoNewPrivs:"), Some("1"));
    assert_eq!(stage.says("ulimit -c; ulimit -n").await, "0\n1024\n");
}

async fn its_folder_is_its_own_and_gone_afterwards(stage: Stage) {
    let script = "[ \"$PWD\" = \"$HOME\" ] && [ \"$PWD\" = \"$TMPDIR\" ] && [ ! -e mine ] && echo mine > mine && \
                  busybox ls -a && busybox ls -A .. | busybox wc -l";
    for _ in 0..2 {
        let text = stage.says(script).await;
        assert!(text.starts_with(".\n..\ncall.json\nmine\n"), "{text}");
        assert_eq!(stage.traces().folders(), [""; 0].map(std::path::PathBuf::from), "it is gone with the answer");
    }
    // Also where the program made it hard.
    let script = "busybox mkdir -p a/b; echo x > a/b/c; busybox chmod 0 a/b a; busybox ln -s /etc out; \
                  busybox mkfifo pipe; busybox chmod 0 .; echo done";
    assert_eq!(stage.says(script).await, "done\n");
    stage.is_empty().await;
    assert!(fs::exists("/etc/passwd").unwrap());
}

async fn nothing_else_can_be_written(stage: Stage) {
    let script = "for folder in / /bin /etc /usr /proc /proc/sys /sys /spear /dev; do \
                  ( : > $folder/spear-was-here ) 2>/dev/null && echo $folder; done; \
                  ( echo x > $SPEAR_HOSTCALLS.x ) 2>/dev/null && echo hostcalls; \
                  ( echo x > ${SPEAR_HOSTCALLS#unix:}.x ) 2>/dev/null && echo hostcalls; \
                  busybox mount -t tmpfs none $HOME 2>/dev/null && echo mounted; echo end";
    let written = stage.says(script).await;
    assert!(!fs::exists("/spear-was-here").unwrap() && !fs::exists("/etc/spear-was-here").unwrap());
    assert_eq!(written, "end\n");
}

/// Neither as files nor over the sockets of the machine; whoever it is, it is not root.
async fn nothing_that_the_node_or_the_sms_keeps_can_be_read(stage: Stage) {
    let data = stage.sms.home.path().join("state/spear");
    let data = data.display();
    for folder in ["sms", "spearlet"] {
        assert!(fs::read_dir(format!("{data}/{folder}")).unwrap().count() > 0);
    }
    let script = format!(
        "for place in {data}/sms {data}/spearlet {data}/spearlet/runs /run/docker.sock /run/user; do \
         busybox ls -A $place 2>/dev/null; done; [ \"$(busybox id -u)\" = 0 ] && echo root; echo end"
    );
    assert_eq!(stage.says(&script).await, "end\n");
}

async fn there_is_no_network(stage: Stage) {
    let address = stage.sms.url.trim_start_matches("http://").replace(':', " ");
    let script = format!(
        "busybox cat /proc/net/dev | busybox tail -n +3 | busybox cut -d: -f1 | busybox tr -d ' '; \
         echo x | busybox timeout 5 busybox nc -w 2 {address} 2>/dev/null && echo reached; \
         busybox timeout 5 busybox nc -w 2 1.1.1.1 53 </dev/null 2>/dev/null && echo reached; echo end"
    );
    let text = stage.says(&script).await;
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.pop(), Some("end"));
    // Devices of tunnels are in every namespace, and lead nowhere.
    let other = lines.iter().filter(|name| **name == "reached" || name.starts_with("eth") || name.starts_with("en"));
    assert_eq!(other.count(), 0, "{text}");
}

/// A container's is tested with the agent, where an engine has one to give.
#[tokio::test]
async fn a_process_has_the_network_where_all_of_it_is_granted() {
    let Some(stage) = stage::process().await else { return };
    let address = stage.sms.url.trim_start_matches("http://").replace(':', " ");
    let script =
        format!("echo x | busybox timeout 5 busybox nc -w 2 {address} >/dev/null 2>&1 && echo reached; echo end");
    let with = |sockets: &[&str]| {
        let body = stage::implementation(AgentKind::Process, stage::shell(&script), None);
        let mut function = stage::function("reach", [body]);
        function.spec.grants.sockets = sockets.iter().map(|text| text.parse().unwrap()).collect();
        function
    };
    stage.sms.api.deploy(&with(&[])).await.unwrap();
    assert_eq!(stage.sms.api.invoke("reach", "").await.unwrap().text(), "end\n");
    stage.sms.api.deploy(&with(&Grants::WHOLE_NETWORK)).await.unwrap();
    assert_eq!(stage.sms.api.invoke("reach", "").await.unwrap().text(), "reached\nend\n");
    let refused = stage.sms.api.deploy(&with(&["tcp://127.0.0.0/8:*"])).await.unwrap_err();
    assert!(refused.to_string().contains("all of them or none"), "{refused}");
}

async fn its_files_are_there_and_cannot_be_written(stage: Stage) {
    let folder = stage.sms.home.path().join("project");
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/tell"), "#!/bin/busybox sh\necho told by $0; busybox cat greeting\n").unwrap();
    std::process::Command::new("chmod").args(["-R", "755"]).arg(&folder).status().unwrap();
    fs::write(folder.join("greeting"), "good day").unwrap();
    let tar =
        std::process::Command::new("tar").arg("-C").arg(&folder).args(["-c", "bin", "greeting"]).output().unwrap();
    let artifact = Artifact::of(&tar.stdout);
    let script = "./bin/tell; for file in greeting bin/tell new bin/new; do \
                  ( echo x >> $file ) 2>/dev/null && echo wrote $file; done; \
                  busybox rm greeting 2>/dev/null && echo removed; [ \"$PWD\" != \"$HOME\" ] && echo mine > $HOME/mine";
    let body = stage::implementation(stage.agent, stage::shell(script), Some(artifact));
    let function = Function::of("files", tar.stdout).run_as([body]);
    stage.sms.api.deploy(&function).await.unwrap();
    for _ in 0..2 {
        let invoked = stage.sms.api.invoke("files", "").await.unwrap();
        assert_eq!(invoked.text(), "told by ./bin/tell\ngood day");
    }
}
