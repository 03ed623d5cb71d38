//! One call of an instance that serves one after another.

use std::{sync::Arc, time::Duration};

use spear_engine::{
    Attempt, Report,
    warm::{Instance as _, Warm},
};
use spear_hostcalls::{logs::LogBuffer, remote::Server};
use spear_types::{Code, Outcome, Refusal};
use tokio_util::sync::CancellationToken;

use super::{
    Programs, Ready,
    called::Called,
    instance::Instance,
    outcome,
    room::Room,
    run::{self, no_room},
};
use crate::agent::Unready;
use crate::sandbox::{Sandboxes, Unrunnable, Used};

/// How long the end of a program that broke off is waited for, to say how it ended.
const LAST: Duration = Duration::from_secs(1);

/// How a call was left.
enum Left {
    Served(std::io::Result<Outcome>),
    Late,
    Cancelled,
}

pub(super) async fn serve<S: Sandboxes>(
    programs: &Programs<S>,
    ready: &Ready<S>,
    warm: &Warm<Instance<S::Sandbox>>,
    attempt: Attempt,
    log: Arc<LogBuffer>,
    cancel: &CancellationToken,
) -> Result<Report, Unready> {
    let called = Called::new(ready, attempt, log)?;
    let late = tokio::time::sleep_until(called.deadline.into());
    tokio::pin!(late);
    let turn = tokio::select! {
        biased;
        () = cancel.cancelled() => return Ok(called.report(Outcome::Cancelled, Used::default())),
        () = &mut late => return Ok(called.report(called.late(), Used::default())),
        turn = warm.turn() => turn.ok_or_else(|| Unready::Refused(Refusal::new(Code::Draining, "the node is stopping")))?,
    };
    let mut instance = match turn.take() {
        Ok(kept) => kept,
        Err(vacancy) => vacancy.filled(start(programs, ready).await?),
    };
    let Called { given, session, log, .. } = &called;
    let line = given.line(session.token()).map_err(|error| Unready::Refused(no_room(&error)))?;
    let left = tokio::select! {
        biased;
        () = cancel.cancelled() => Left::Cancelled,
        () = &mut late => Left::Late,
        served = instance.serve(line, &given.stdin, (session, log), ready.limits.payload) => Left::Served(served),
    };
    let used = instance.used().await;
    called.saw(used);
    let outcome = match left {
        Left::Served(Ok(outcome)) => {
            let outcome = outcome::redacted(outcome, session);
            if let Some(worn) = warm.give_back(instance) {
                // Nobody waits for it.
                tokio::spawn(worn.end());
            }
            return Ok(called.report(outcome, used));
        }
        Left::Served(Err(error)) => {
            let ended = tokio::time::timeout(LAST, instance.ended()).await.ok();
            outcome::broke_off(ended, &error, &ready.limits)
        }
        Left::Late => called.late(),
        Left::Cancelled => Outcome::Cancelled,
    };
    instance.into_inner().end().await;
    Ok(called.report(outcome, used))
}

/// Starts an instance.
pub(super) async fn start<S: Sandboxes>(
    programs: &Programs<S>,
    ready: &Ready<S>,
) -> Result<Instance<S::Sandbox>, Unready> {
    let name = programs.name();
    let refused = |refusal: Refusal| Unready::Refused(refusal);
    let room = Room::make(programs.folders.join(&name), None).map_err(refused)?;
    let server = Server::bind(&room.hostcalls()).map_err(|error| refused(no_room(&error)))?;
    let spec = run::spec(programs, ready, &room, name, None);
    let sandbox = programs.sandboxes.start(&spec).await.map_err(Unready::Unrunnable)?;
    let gone = || Unready::Unrunnable(Unrunnable::new("it was started without its standard streams"));
    Instance::new(sandbox, server, room).ok_or_else(gone)
}
