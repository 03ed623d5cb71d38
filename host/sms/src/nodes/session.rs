//! One link as the state knows it: from the registration to the word that it is gone.

use spear_placement::NodeId;
use spear_proto::v1::spearlet_service_client::SpearletServiceClient;
use spear_state::{Answer, Command, Joining, Report, ReportKind};
use spear_types::{AttemptId, Code, NodeName, Refusal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::{Links, Outgoing, inbound::Beat, links::Open};
use crate::scheduler::{Durable, Scheduler};

/// A node that joined; dropping it disconnects the node.
pub(super) struct Session {
    scheduler: Scheduler,
    links: Links,
    name: NodeName,
    pub(super) node: NodeId,
    /// The link's number.
    pub(super) number: u64,
    end: End,
}

/// How it ends.
enum End {
    /// The link broke, and why.
    Broken(String),
    /// The node said that it leaves.
    Left,
}

impl Session {
    /// Lets a node in. What it is to be told comes by `orders`; `end` is cancelled when its link is to end.
    ///
    /// # Errors
    /// What the state refuses: `NameTaken`.
    pub(super) fn open(
        scheduler: &Scheduler,
        links: &Links,
        joining: Joining,
        client: SpearletServiceClient<Channel>,
        orders: mpsc::UnboundedSender<Outgoing>,
        end: CancellationToken,
    ) -> Result<(Self, Durable), Refusal> {
        let (name, address, held) = (joining.spec.name.clone(), joining.address.clone(), joining.held.len());
        let (node, (number, remembered)) = links.join(|| {
            let (mut answers, remembered) = scheduler.apply_all(vec![Command::Join(joining)]);
            match answers.pop() {
                Some(Ok(Answer::Joined(node, session))) => {
                    Ok((node, Open { session, orders, client, _end: end.drop_guard() }, (session, remembered)))
                }
                Some(Err(refusal)) => Err(refusal),
                _ => Err(Refusal::new(Code::Internal, "the state does not say whether the node joined")),
            }
        })?;
        tracing::info!(node = %name, address, held, "a node registered");
        let (scheduler, links) = (scheduler.clone(), links.clone());
        let end = End::Broken("its link broke".to_owned());
        Ok((Self { scheduler, links, name, node, number, end }, remembered))
    }

    /// The node beat.
    ///
    /// # Errors
    /// When this is not the node's link any more.
    pub(super) fn heard(&self, Beat { load, artifacts, stopping, agents }: Beat) -> Result<(), Refusal> {
        let (node, session) = (self.node, self.number);
        self.scheduler.apply_now(Command::Heard { node, session, load, artifacts, stopping, agents }).map(drop)
    }

    /// Something happened on the node; the future resolves once it is remembered. What is said of attempts that are over
    /// changes nothing, and the node need not say it again; one that it starts all the same is to be stopped.
    ///
    /// # Errors
    /// When a report could not be taken for another reason: the node has to say it again.
    pub(super) fn reported(&self, reports: Vec<Report>) -> Result<Durable, Refusal> {
        let started = |report: &Report| matches!(report.kind, ReportKind::Started).then_some(report.attempt);
        let started: Vec<Option<AttemptId>> = reports.iter().map(started).collect();
        let (answers, durable) = self.scheduler.apply_all(reports.into_iter().map(Command::Report).collect());
        let refused = started.into_iter().zip(answers).filter_map(|(started, answer)| Some((started, answer.err()?)));
        for (started, refusal) in refused {
            if !matches!(refusal.code, Code::StaleAttempt | Code::UnknownTask) {
                return Err(refusal);
            }
            tracing::debug!(node = %self.name, %refusal, "a report is refused");
            started.into_iter().for_each(|attempt| self.links.send(self.node, Outgoing::Cancel(attempt)));
        }
        Ok(durable)
    }

    /// The node stops.
    ///
    /// # Errors
    /// When this is not the node's link any more, or the node has attempts.
    pub(super) fn leave(&mut self) -> Result<(), Refusal> {
        let (node, session) = (self.node, self.number);
        self.scheduler.apply_now(Command::Left { node, session })?;
        self.end = End::Left;
        Ok(())
    }

    /// Says why the node will be disconnected when this is dropped.
    pub(super) fn broken(&mut self, reason: String) {
        self.end = End::Broken(reason);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (node, session) = (self.node, self.number);
        self.links.close(node, session);
        match std::mem::replace(&mut self.end, End::Left) {
            End::Left => tracing::info!(node = %self.name, "the node left"),
            End::Broken(reason) => {
                tracing::warn!(node = %self.name, reason, "the node is disconnected");
                // A node whose link is another one already is not.
                let _ = self.scheduler.apply_now(Command::Disconnected { node, session, reason });
            }
        }
    }
}
