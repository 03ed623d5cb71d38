//! A task's log as it is written.

use spear_proto::v1;
use spear_types::TaskId;
use tonic::Streaming;

use super::{Answer, Api, soon};

/// A line's place: the attempt and its number there, from 1.
pub(crate) type Place = (u32, u64);

/// Lines as they come.
pub(crate) struct Follow(Streaming<v1::FollowLogsResponse>);

impl Api {
    /// A task's lines after a place in its log.
    pub(crate) async fn follow(&self, task: TaskId, after: Option<Place>) -> Answer<Follow> {
        let after = after.map(|(attempt, sequence)| v1::LogCursor { attempt, sequence });
        let request = v1::FollowLogsRequest { task: task.to_string(), after };
        Ok(Follow(self.logs().follow_logs(request).await?.into_inner()))
    }
}

impl Follow {
    /// The next lines; none where the task has ended and all were said.
    pub(crate) async fn next(&mut self) -> Answer<Option<Vec<(Place, String)>>> {
        let Some(response) = soon("lines", self.0.message()).await? else { return Ok(None) };
        let v1::FollowLogsResponse { attempt, first, lines, dropped: _ } = response;
        Ok(Some((first..).zip(lines).map(|(number, line)| ((attempt, number), line.message)).collect()))
    }

    /// At least so many lines.
    pub(crate) async fn take(&mut self, lines: usize) -> Vec<(Place, String)> {
        let mut all = Vec::new();
        while all.len() < lines {
            all.extend(self.next().await.expect("it goes on").expect("more lines"));
        }
        all
    }

    /// All lines until the end.
    pub(crate) async fn rest(&mut self) -> Vec<(Place, String)> {
        let mut all = Vec::new();
        while let Some(lines) = self.next().await.expect("it goes on to the end") {
            all.extend(lines);
        }
        all
    }
}

/// Each attempt's lines are numbered from 1 on, one after the other, after a place in the log.
pub(crate) fn assert_whole(lines: &[(Place, String)], after: Option<Place>) {
    let mut last = after.unwrap_or((1, 0));
    for ((attempt, number), line) in lines {
        let next = if *attempt == last.0 { (last.0, last.1 + 1) } else { (*attempt, 1) };
        assert!(
            *attempt >= last.0 && (*attempt, *number) == next,
            "after {last:?} came {:?}: {line}",
            (attempt, number)
        );
        last = next;
    }
}
