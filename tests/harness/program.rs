//! One real process: what it says is kept, and it does not outlive its test.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::soon;

/// A process; killed when it is dropped, and what it wrote to standard error is shown if its test failed.
pub(crate) struct Program {
    child: Child,
    pub(crate) stdout: Said,
    pub(crate) stderr: Said,
}

/// What a process wrote up to now. A thread reads it, so that a process never waits for its test.
pub(crate) struct Said {
    bytes: watch::Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a program that starts");
        let stdout = Said::by(child.stdout.take().expect("it is piped"));
        let stderr = Said::by(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program is there");
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a running program");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes << 10
    }

    /// Bytes that it has read from files and sockets, whether the disk had to be asked or not.
    pub(crate) fn has_read(&self) -> u64 {
        let counts = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).expect("a running program");
        let line = counts.lines().find_map(|line| line.strip_prefix("rchar:")).expect("a count");
        line.trim().parse().expect("a number")
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end, which it shows by closing what it writes to.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        soon("a program's end", self.stdout.end()).await;
        soon("a program's end", self.stderr.end()).await;
        self.child.wait().expect("a child's status")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        self.stdout.join();
        self.stderr.join();
        if thread::panicking() {
            eprintln!("── process {} wrote to standard error:\n{}", self.child.id(), self.stderr.text());
        }
    }
}

impl Said {
    fn by(mut stream: impl Read + Send + 'static) -> Self {
        let (sender, bytes) = watch::channel(Vec::new());
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut piece) {
                sender.send_modify(|said| said.extend_from_slice(&piece[..length]));
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    /// The first whole line that has `part` in it, once it is said.
    pub(crate) async fn line_with(&self, part: &str) -> String {
        let find = |said: &[u8]| {
            let text = String::from_utf8_lossy(said);
            let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            lines.find(|line| line.contains(part)).map(str::to_owned)
        };
        let mut bytes = self.bytes.clone();
        let said = soon(part, bytes.wait_for(|said| find(said).is_some())).await;
        let said = said.unwrap_or_else(|_| panic!("the program ended and never said {part:?}: {}", self.text()));
        find(&said).expect("it was found just now")
    }

    /// All of it up to now.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.borrow()).into_owned()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    async fn end(&self) {
        let mut bytes = self.bytes.clone();
        while bytes.changed().await.is_ok() {}
    }

    fn join(&mut self) {
        self.reader.take().map(JoinHandle::join);
    }
}
