//! A real engine for tests: one that is there, or one of their own.
//!
//! `dockerd` is started beneath a shell that ends it, and removes what it left, as soon as the test's program is gone, however
//! that ends. Its image is made of one static binary; no registry is needed. Where the folder's file system is not one for
//! `overlay2`, `dockerd` itself takes `vfs`.
//!
//! Without an engine a test says why it skips. With `TEST_ENGINE=required`, as in CI, it fails. (What begins with `SPEAR_`
//! is configuration of the programs under test.)

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use bollard::{Docker, query_parameters::CreateImageOptionsBuilder};
use bytes::Bytes;
use futures::TryStreamExt;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{interval, timeout};

/// The image that every test uses: busybox with its names.
pub(crate) const IMAGE: &str = "spear-test:1";
/// The same with a command, a user by number and a volume.
pub(crate) const IMAGE_THAT_SAYS: &str = "spear-test:says";

const BUSYBOX: &str = "/bin/busybox";
/// An engine needs a second or two; a busy machine may need more.
const DEADLINE: Duration = Duration::from_secs(90);
const NAMES: [&str; 22] = [
    "cat",
    "chmod",
    "dd",
    "env",
    "head",
    "id",
    "ip",
    "kill",
    "ls",
    "mkdir",
    "nc",
    "printf",
    "ps",
    "sh",
    "sha256sum",
    "sleep",
    "stty",
    "tail",
    "test",
    "touch",
    "true",
    "yes",
];

/// $1: folder, $2: the bridge's name or `none`, $3: its number. Reads one line: with `keep` the folder stays.
const SHELL: &str = r#"
cd "$1" || exit 1
group=${1##*/}
bridge=none
if [ "$2" != none ] && ip link add "$2" type bridge && ip addr add "10.252.$3.1/24" dev "$2" && ip link set "$2" up
then bridge=$2; fi
# What a daemon that was killed wrote here may be another process's number by now.
rm -f exec/containerd/containerd.pid
dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" \
    --cgroup-parent "/$group" --bridge "$bridge" --iptables=false --ip-masq=false --ip-forward=false \
    --shutdown-timeout 3 </dev/null >>"$1/log" 2>&1 &
daemon=$!
read -r what
kill -TERM "$daemon" 2>/dev/null
wait "$daemon"
[ "$bridge" = none ] || ip link del "$bridge"
[ "$what" = keep ] && exit 0
# What a daemon that was killed did not take along: its containers, and who watches them.
cat $(find /sys/fs/cgroup -path "*/$group/*" -name cgroup.procs) /dev/null 2>/dev/null | sort -u | xargs -r kill -KILL 2>/dev/null
grep -lF "$1/exec/" /proc/[0-9]*/cmdline 2>/dev/null | while IFS=/ read -r _ _ pid _; do
    [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null
done
grep -F " $1/" /proc/mounts | cut -d' ' -f2 | sort -r | xargs -r umount -l
find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null
cd / && rm -rf "$1"
"#;

/// An engine that was started here, with its image.
pub(crate) struct Engine {
    folder: Option<TempDir>,
    daemon: Option<(Child, ChildStdin)>,
    host: String,
}

/// Where the engine of all tests in this program is; none, with a word on stderr, where there cannot be one.
pub(crate) fn host() -> Option<&'static str> {
    static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();
    let of_all = || on_its_own_thread(|| async { find_or_start().await });
    or_skip(SHARED.get_or_init(of_all).as_ref(), is_required()).map(|engine| engine.host.as_str())
}

/// One for a test that stops it.
pub(crate) async fn own() -> Option<Engine> {
    or_skip(Engine::start(false).await, is_required())
}

/// What the cases of processes run, and the image is made of; none, with a word on stderr, where it is not installed.
#[allow(dead_code, reason = "the agent's own tests have no processes")]
pub(crate) fn busybox() -> Option<()> {
    let there = fs::exists(BUSYBOX).unwrap_or(false);
    assert!(there || !is_required(), "there is no {BUSYBOX}, and it is required");
    there.then_some(()).or_else(|| {
        eprintln!("SKIPPED: no {BUSYBOX} for this test");
        None
    })
}

fn is_required() -> bool {
    std::env::var("TEST_ENGINE").is_ok_and(|value| value == "required")
}

/// What a test without an engine does: it skips with a word on stderr, or fails where it may not skip.
pub(crate) fn or_skip<E, W: std::fmt::Display>(engine: Result<E, W>, required: bool) -> Option<E> {
    assert!(!required || engine.is_ok(), "no container engine, and one is required: {}", engine.err().unwrap());
    engine.inspect_err(|why| eprintln!("SKIPPED: no container engine for this test: {why}")).ok()
}

/// For what has to be done also where no runtime is, or goes on.
pub(crate) fn on_its_own_thread<F: Future>(work: impl FnOnce() -> F + Send + 'static) -> F::Output
where
    F::Output: Send + 'static,
{
    let run = move || tokio::runtime::Runtime::new().expect("a runtime").block_on(work());
    thread::spawn(run).join().expect("it does not panic")
}

async fn find_or_start() -> Result<Engine, String> {
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        let engine = Engine { folder: None, daemon: None, host };
        engine.make_images().await?;
        return Ok(engine);
    }
    Engine::start(true).await
}

impl Engine {
    /// Starts one; with a bridge, where containers may be given a network.
    pub(crate) async fn start(bridge: bool) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("DOCKER_HOST is not set, and only root can start dockerd".to_owned());
        }
        if !Path::new(BUSYBOX).exists() {
            return Err(format!("{BUSYBOX} is not there; Debian has it in busybox-static"));
        }
        let folder = TempDir::with_prefix("spear-docker-").map_err(|error| error.to_string())?;
        let host = format!("unix://{}/docker.sock", folder.path().display());
        let mut engine = Self { folder: Some(folder), daemon: None, host };
        engine.run(bridge).await?;
        engine.make_images().await?;
        Ok(engine)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Starts the daemon, again where it was stopped, and waits until it answers.
    pub(crate) async fn run(&mut self, bridge: bool) -> Result<(), String> {
        let folder = self.folder.as_ref().ok_or("this engine is not ours to start")?.path();
        let number = std::process::id() % 250;
        let name = if bridge { format!("spear{number}") } else { "none".to_owned() };
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, "sh"]).arg(folder).args([name, number.to_string()]);
        let mut shell = shell.stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let stdin = shell.stdin.take().ok_or("no pipe")?;
        self.daemon = Some((shell, stdin));
        self.answers().await.ok_or_else(|| {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            format!("dockerd did not start: {}", log.lines().last().unwrap_or("it said nothing"))
        })
    }

    /// Stops the daemon, and with it every container.
    pub(crate) fn stop(&mut self) {
        if let Some((mut shell, mut stdin)) = self.daemon.take() {
            stdin.write_all(b"keep\n").expect("the shell reads");
            shell.wait().expect("the shell ends");
        }
    }

    /// Ends the daemon as a crash would: its containers go on.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.stop();
    }

    /// To the daemon alone.
    pub(crate) fn signal(&self, signal: Signal) {
        let folder = self.folder.as_ref().expect("ours").path();
        let pid = fs::read_to_string(folder.join("pid")).expect("dockerd has written its number");
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }

    async fn answers(&self) -> Option<()> {
        let mut again = interval(Duration::from_millis(50));
        let answered = async {
            loop {
                again.tick().await;
                let client = Docker::connect_with_host(&self.host);
                if let Ok(client) = client
                    && client.ping().await.is_ok()
                {
                    return;
                }
            }
        };
        timeout(DEADLINE, answered).await.ok()
    }

    async fn make_images(&self) -> Result<(), String> {
        let root = root_with_busybox().map_err(|error| format!("the image's root: {error}"))?;
        let says = ["CMD [\"sh\",\"-c\",\"id -u; touch /data/x && echo wrote\"]", "USER 33:33", "VOLUME /data"];
        self.import(IMAGE, &["ENV FROM_THE_IMAGE=yes"], root.clone()).await?;
        self.import(IMAGE_THAT_SAYS, &says, root).await
    }

    async fn import(&self, image: &str, changes: &[&str], root: Bytes) -> Result<(), String> {
        let (repo, tag) = image.split_once(':').ok_or("a tag")?;
        let changes = changes.iter().map(|&change| change.to_owned()).collect();
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).changes(changes).build();
        let client = Docker::connect_with_host(&self.host).map_err(|error| error.to_string())?;
        let done = client.create_image(Some(options), Some(bollard::body_full(root)), None);
        done.try_for_each(|_| async { Ok(()) }).await.map_err(|error| format!("{image}: {error}"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some((mut shell, stdin)) = self.daemon.take() {
            drop(stdin);
            shell.wait().ok();
        }
    }
}

pub(crate) fn client(host: &str) -> Docker {
    Docker::connect_with_host(host).expect("a client")
}

/// The image's files as a tar.
fn root_with_busybox() -> std::io::Result<Bytes> {
    let root = TempDir::new()?;
    for folder in ["bin", "tmp", "proc", "sys", "dev", "etc", "data"] {
        fs::create_dir(root.path().join(folder))?;
    }
    fs::copy(BUSYBOX, root.path().join("bin/busybox"))?;
    for name in NAMES {
        symlink("busybox", root.path().join("bin").join(name))?;
    }
    let tar = Command::new("tar").args(["-C"]).arg(root.path()).args(["-c", "."]).output()?;
    if !tar.status.success() {
        return Err(std::io::Error::other(String::from_utf8_lossy(&tar.stderr).into_owned()));
    }
    Ok(tar.stdout.into())
}
