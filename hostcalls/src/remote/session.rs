//! One attempt's hostcalls: what it may, what it did, and until when.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use spear_types::{Code, Denial, Identity, Limits, Refusal};
use spear_wire::to_status;
use tokio::time::timeout_at;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::body::Body;

use super::{Program, budget::Budget, calls::Calls, token::Token};
use crate::{Configured, Host, Hostcalls, Meter, PrepareContext, logs::LogBuffer};

/// An attempt about to be made by a program.
pub struct SessionContext {
    /// Who runs.
    pub identity: Identity,
    /// What it may use.
    pub limits: Limits,
    /// When it has to be done; no call is answered afterwards.
    pub deadline: Instant,
    /// Where its log goes; outlives the session.
    pub log: Arc<LogBuffer>,
    /// What tells how much memory it has used.
    pub host: Arc<dyn Host + Sync>,
}

/// The hostcalls of one attempt. It ends when this is dropped: calls that are under way are broken off, later ones refused.
pub struct Session {
    live: Arc<Live>,
    _end: DropGuard,
}

/// What a server knows of a session.
pub(super) struct Live {
    calls: Calls,
    token: Token,
    deadline: Instant,
    ended: CancellationToken,
}

impl Hostcalls {
    /// The third moment for a program: the state of one attempt.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness for a token.
    pub fn session(&self, configured: &Configured, context: SessionContext) -> Result<Session, Refusal> {
        let SessionContext { identity, limits, deadline, log, host } = context;
        let token = Token::generate()?;
        let budget = Budget::new(&limits);
        let gate = configured.gate(&log);
        let run = PrepareContext { identity, limits, deadline, log, gate, command: None };
        let program = Arc::new(Program { own: self.own(configured, &run), host });
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        let live = Live { calls: Calls::new(program, budget), token, deadline, ended };
        Ok(Session { live: Arc::new(live), _end: end })
    }
}

impl Session {
    /// What the attempt proves itself with: `authorization: Bearer …`.
    #[must_use]
    pub fn token(&self) -> &str {
        self.live.token.as_str()
    }

    /// What its hostcalls cost up to now.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.live.calls.program().own.meter()
    }

    /// The last thing that it asked for without a grant.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.live.calls.program().own.denial()
    }

    /// At most `max` bytes of the text, with `•••` in place of every secret that it has read.
    #[must_use]
    pub fn redact(&self, text: &str, max: usize) -> String {
        self.live.calls.program().own.redact(text, max)
    }

    pub(super) fn live(&self) -> Weak<Live> {
        Arc::downgrade(&self.live)
    }
}

impl Live {
    /// Whether a request is this attempt's, and the attempt goes on.
    pub(super) fn is_asked(&self, headers: &HeaderMap) -> bool {
        self.token.is_in(headers) && !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_cancelled() || Instant::now() >= self.deadline
    }

    /// Answers until the attempt ends.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let answer = timeout_at(self.deadline.into(), self.calls.answer(request));
        tokio::select! {
            biased;
            () = self.ended.cancelled() => refused(),
            answered = answer => answered.unwrap_or_else(|_| refused()),
        }
    }
}

/// What is said to a call of no attempt; why is not said.
pub(super) fn refused() -> Response<Body> {
    let message = "the token is of no attempt that runs here: `authorization: Bearer` and SPEAR_TOKEN is needed";
    to_status(Refusal::new(Code::WrongToken, message)).into_http()
}
