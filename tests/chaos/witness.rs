//! An attempt that a node runs while nobody hears it, and that somebody else runs meanwhile.

use std::time::Duration;

use spear_types::{AttemptId, LimitRequest, Placement, TaskState};

use super::{cluster::Cluster, load::Wanted};
use crate::harness::{Function, assert_whole};

/// Has the SMS say which reports it refuses.
pub(super) const SMS: &[(&str, &str)] = &[("SPEAR_LOG_LEVEL", "info,sms::nodes=debug")];

/// How many lines it writes, one every 100 ms: it ends long before a partition of a minute does.
const LINES: usize = 100;

impl Cluster {
    /// A first attempt that runs on the node that is to be cut off. The other one will do as well.
    pub(super) async fn witness(&mut self) -> AttemptId {
        let prefer = vec!["node = one".parse().expect("a constraint")].try_into().expect("constraints");
        let placement = Placement { prefer, ..Placement::default() };
        let limits = LimitRequest { timeout: Some(Duration::from_secs(60)), ..LimitRequest::default() };
        let function = Function::guest("slow-log").named("witness").placement(placement).limits(limits);
        self.sms.api.deploy(&function).await.expect("a version");
        for number in 0.. {
            let key = format!("witness-{number}");
            let wanted = Wanted::witness(&key, LINES);
            let task = self.sms.api.submit(wanted.task.clone()).await.expect("an id");
            self.ledger.acknowledge(&key, task, wanted);
            // Where that node was full, it is on the other one.
            let info = self.sms.api.runs(task).await;
            if matches!(&info.state, TaskState::Running { node, .. } if node.as_str() == "one") {
                assert_eq!(info.attempt, 1);
                return AttemptId { task, attempt: 1 };
            }
        }
        unreachable!("there is always another number")
    }

    /// The node is back and says what became of its attempt. The other node's word counts.
    pub(super) async fn refuses_what_is_late(&self, late: AttemptId) {
        let ended = self.sms.api.ended(late.task).await;
        let TaskState::Ended { node, .. } = &ended.task.state else { unreachable!("it has ended") };
        let node = node.as_ref().map(ToString::to_string);
        assert_eq!((ended.outcome.name(), ended.task.attempt, node.as_deref()), ("succeeded", 2, Some("two")));

        let refused = self.sms.program.stderr.line_with(&format!("{late} is over")).await;
        assert!(refused.contains("a report is refused") && refused.contains("node=one"), "{refused}");
        assert_eq!(self.sms.api.ended(late.task).await.task, ended.task);

        let log = self.sms.api.follow(late.task, None).await.expect("a log").rest().await;
        assert_whole(&log, None);
        let of = |attempt| log.iter().filter(|((of, _), _)| *of == attempt).count();
        assert!(of(1) < LINES && of(2) == LINES, "what nobody heard in time is in the log: {log:?}");
    }
}
