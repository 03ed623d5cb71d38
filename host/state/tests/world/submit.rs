//! Tasks that come in, and when they may be refused.

use std::sync::Arc;

use spear_state::{Answer, Command, Config, Submission};
use spear_types::{Code, FunctionName, Refusal, TaskId};

use super::{Then, World};
use crate::{actions::Options, common::call};

impl World {
    pub(super) fn submit(&mut self, options: &Options) {
        let made: Vec<Submission> = (0..options.count)
            .map(|_| {
                let function = Arc::clone(&self.functions[options.function]);
                Submission::new(self.id(), function, call(options.call), options.task())
            })
            .collect();
        match self.apply(Command::Submit(made)) {
            Ok(Answer::Submitted(submitted)) => {
                let tasks = submitted.iter().map(|submitted| submitted.task).collect();
                self.then.push(Then::Acknowledge(tasks));
            }
            Ok(answer) => panic!("{answer:?}"),
            Err(refusal) => self.is_refused(options, &refusal),
        }
    }

    fn is_refused(&mut self, options: &Options, refusal: &Refusal) {
        if refusal.code == Code::QueueFull {
            let Config { queue, queue_per_function, .. } = self.config;
            let of_function = self.live_of(&self.functions[options.function].name);
            let has_room = |has: usize, limit: usize| has + options.count <= limit;
            assert!(!has_room(self.live(), queue) || !has_room(of_function, queue_per_function), "{refusal}");
            self.refused_full += 1;
        } else {
            let expected = [Code::KeyTaken, Code::InvalidRequest, Code::NoNodeFits];
            assert!(expected.contains(&refusal.code), "{refusal}");
        }
    }

    /// Tasks that have not ended.
    pub(super) fn live(&self) -> usize {
        let counts = self.state.counts();
        counts.queued + counts.assigned + counts.running
    }

    fn live_of(&self, function: &FunctionName) -> usize {
        self.state.tasks(None, 1_000, |task| task.function == *function).tasks.len()
    }

    pub(super) fn id(&mut self) -> TaskId {
        self.made += 1;
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&(self.now.as_micros() / 1_000).to_be_bytes()[2..]);
        bytes[8..].copy_from_slice(&self.made.to_be_bytes());
        TaskId::from_bytes(bytes)
    }
}
