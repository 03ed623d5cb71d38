//! How a container ended, and what it used until then.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{
    Docker,
    errors::Error,
    models::{ContainerInspectResponse, ContainerStatsResponse},
    query_parameters::{InspectContainerOptions, StatsOptionsBuilder, WaitContainerOptions},
};
use futures::StreamExt;
use tokio::{
    sync::{OnceCell, watch},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use super::engine::Engine;
use crate::{
    process::Groups,
    sandbox::{Ended, Used},
};

/// When what it uses is looked at for the first time. A look is two small files where the machine's own control groups are
/// read, and a request to the engine otherwise.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// Then after twice the time, up to this: what nobody saw is less than half of a short run.
const LOOK: Duration = Duration::from_secs(1);
/// For an answer about one container.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the end by SIGKILL leaves.
const KILLED: i64 = 137;
/// How long an engine that says nothing of memory is waited for then.
const HEARS: Duration = Duration::from_millis(100);
/// What an init process and shells add to the number of a signal.
const BY_SIGNAL: u8 = 128;

/// One container, as the engine is asked about it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) engine: Arc<Engine>,
    pub(super) docker: Docker,
    pub(super) name: String,
    used: Arc<Mutex<Used>>,
    /// Where the kernel counts it, once that was looked for; none: not on this machine.
    groups: Arc<OnceCell<Option<Groups>>>,
}

impl Asked {
    pub(super) fn new(engine: Arc<Engine>, docker: Docker, name: String) -> Self {
        Self { engine, docker, name, used: Arc::default(), groups: Arc::default() }
    }

    /// Waits for the end, and looks at what is used until then.
    pub(super) async fn watch(self, ended: watch::Sender<Option<Ended>>) {
        let end = tokio::select! {
            end = self.end() => end,
            () = self.keep_looking() => Ended::Lost,
        };
        if end == Ended::Lost {
            self.engine.doubt();
        }
        ended.send_replace(Some(end));
    }

    async fn end(&self) -> Ended {
        loop {
            let answer = self.docker.wait_container(&self.name, None::<WaitContainerOptions>).next().await;
            let code = match answer {
                // Podman that stops says so this way.
                Some(Ok(answer)) if answer.status_code < 0 => return Ended::Lost,
                Some(Ok(answer)) => answer.status_code,
                Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
                // An engine that says nothing until the end.
                Some(Err(Error::RequestTimeoutError)) => continue,
                // The engine is gone, or somebody else removed the container.
                Some(Err(_)) | None => return Ended::Lost,
            };
            return if code == 0 { Ended::Exited(0) } else { of(code, self.why(code).await) };
        }
    }

    /// Whether it ran out of memory. An engine may hear of that after the end, where the machine is busy.
    async fn why(&self, code: i64) -> Option<bool> {
        let first = self.ran_out_of_memory().await;
        if first == Some(false) && code == KILLED {
            sleep_until(Instant::now() + HEARS).await;
            return self.ran_out_of_memory().await;
        }
        first
    }

    /// None: the engine does not say.
    async fn ran_out_of_memory(&self) -> Option<bool> {
        Some(self.inspected().await?.state?.oom_killed == Some(true))
    }

    async fn inspected(&self) -> Option<ContainerInspectResponse> {
        let asked = self.docker.inspect_container(&self.name, None::<InspectContainerOptions>);
        timeout(PATIENCE, asked).await.ok()?.ok()
    }

    /// The control groups of its first process, if that is a process of this machine: an engine may be in a virtual one.
    async fn find_groups(&self) -> Option<Groups> {
        let ContainerInspectResponse { id: Some(id), state: Some(state), .. } = self.inspected().await? else {
            return None;
        };
        let pid = state.pid.filter(|pid| *pid > 0)?;
        spawn_blocking(move || Groups::of_process(pid, &id)).await.ok()?
    }

    async fn keep_looking(&self) {
        let mut pause = FIRST_LOOK;
        loop {
            sleep_until(Instant::now() + pause).await;
            self.look().await;
            pause = (pause * 2).min(LOOK);
        }
    }

    /// Looks at what it has used; nothing changes where nobody says.
    pub(super) async fn look(&self) {
        match self.groups.get_or_init(|| self.find_groups()).await.clone() {
            Some(groups) => {
                let before = self.used();
                if let Ok(used) = spawn_blocking(move || groups.used(before)).await {
                    self.note(|before| before.or_more(used));
                }
            }
            None => self.ask_the_engine().await,
        }
    }

    /// Engines count once a second, and some answer no sooner.
    async fn ask_the_engine(&self) {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut answers = self.docker.stats(&self.name, Some(options));
        if let Ok(Some(Ok(stats))) = timeout(PATIENCE, answers.next()).await {
            self.note(|before| more(before, &stats));
        }
    }

    fn note(&self, change: impl FnOnce(Used) -> Used) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = change(*used);
    }

    pub(super) fn used(&self) -> Used {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A container that has ended has used nothing, by its statistics: what was seen before stays.
fn more(before: Used, stats: &ContainerStatsResponse) -> Used {
    let cpu = stats.cpu_stats.as_ref().and_then(|stats| stats.cpu_usage.as_ref()?.total_usage);
    // The second version of control groups does not tell the peak this way.
    let memory = stats.memory_stats.as_ref().and_then(|memory| memory.max_usage.max(memory.usage));
    before.or_more(Used { cpu: Duration::from_nanos(cpu.unwrap_or(0)), peak_memory: memory.unwrap_or(0) })
}

/// A code above 128 is what a signal leaves, where it is one that ends programs: nothing tells it from a program that
/// returns this code itself. An engine that is gone by now has ended what it had.
fn of(code: i64, out_of_memory: Option<bool>) -> Ended {
    let code = u8::try_from(code).unwrap_or(u8::MAX);
    let signal = code.checked_sub(BY_SIGNAL).map(i32::from).filter(|signal| ends_programs(*signal));
    match (out_of_memory, signal) {
        (Some(true), _) => Ended::OutOfMemory,
        (None, Some(9 | 15)) => Ended::Lost,
        (_, Some(signal)) => Ended::Killed(signal),
        (_, None) => Ended::Exited(code),
    }
}

/// Of the first 31, those that do by default: not CHLD, CONT, the four that stop, URG and WINCH.
fn ends_programs(signal: i32) -> bool {
    matches!(signal, 1..=16 | 24..=27 | 29..=31)
}

/// Waits for the end, which is lost with the one who watches.
pub(super) async fn ended(end: &mut watch::Receiver<Option<Ended>>) -> Ended {
    end.wait_for(Option::is_some).await.ok().and_then(|end| *end).unwrap_or(Ended::Lost)
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats};

    use super::*;

    #[test]
    fn a_code_is_a_signal_where_one_would_have_ended_the_program() {
        let of = |code| of(code, Some(false));
        assert_eq!(of(1), Ended::Exited(1));
        assert_eq!(of(127), Ended::Exited(127));
        assert_eq!(of(128), Ended::Exited(128));
        assert_eq!(of(128 + 11), Ended::Killed(11));
        assert_eq!(of(128 + 17), Ended::Exited(145));
        assert_eq!(of(255), Ended::Exited(255));
    }

    #[test]
    fn what_ran_out_of_memory_did_so_however_it_ended_then() {
        assert_eq!(of(1, Some(true)), Ended::OutOfMemory);
        assert_eq!(of(137, Some(true)), Ended::OutOfMemory);
        assert_eq!(of(137, None), Ended::Lost);
        assert_eq!(of(3, None), Ended::Exited(3));
    }

    #[test]
    fn what_was_used_never_becomes_less() {
        let stats = |cpu, memory| ContainerStatsResponse {
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage { total_usage: Some(cpu), ..Default::default() }),
                ..Default::default()
            }),
            memory_stats: Some(ContainerMemoryStats { usage: Some(memory), ..Default::default() }),
            ..Default::default()
        };
        let seen = more(more(Used::default(), &stats(5, 100)), &stats(7, 50));
        assert_eq!(seen, Used { cpu: Duration::from_nanos(7), peak_memory: 100 });
        assert_eq!(more(seen, &ContainerStatsResponse::default()), seen);
    }
}
