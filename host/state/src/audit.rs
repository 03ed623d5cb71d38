//! Whether everything that is counted or kept twice says the same. Takes time by all that there is: for tests.

use std::collections::BTreeSet;

use spear_placement::NodeId;
use spear_types::{Cpu, Reserved, TaskId};

use crate::{
    State,
    nodes::{Node, Presence},
    tasks::{Holding, Place, Queued, Stop, Task},
    timers::Timer,
};

impl State {
    /// Counts everything anew.
    ///
    /// # Errors
    /// Says what does not fit together.
    pub fn audit(&self) -> Result<(), String> {
        self.audit_counts()?;
        self.tasks.iter().try_for_each(|task| self.audit_task(task))?;
        self.nodes.known.iter().try_for_each(|(id, node)| self.audit_node(*id, node))?;
        self.audit_queue()?;
        self.audit_timers()
    }

    fn audit_counts(&self) -> Result<(), String> {
        let (counted, recounted) = ((self.tasks.places(), self.tasks.bytes()), self.tasks.recount());
        check(counted == recounted, || format!("counted {counted:?}, there are {recounted:?}"))?;
        let (of_functions, all) = (self.functions.count_all(), self.tasks.len());
        check(of_functions == all, || format!("functions have {of_functions} of {all} tasks"))?;
        let of_nodes: usize = self.nodes.known.values().map(|node| node.tasks.len()).sum();
        let of_absent: usize = self.nodes.absent.values().map(|absent| absent.tasks.len()).sum();
        let (given, places) = (of_nodes + of_absent, self.tasks.places());
        check(given == places.assigned + places.running, || format!("nodes have {given} tasks of {places:?}"))
    }

    fn audit_task(&self, task: &Task) -> Result<(), String> {
        let id = task.record.id;
        let sound = match &task.place {
            Place::Queued(Queued { wakes: Some(wakes), .. }) => self.timers.contains(*wakes, Timer::Wake(id)),
            Place::Queued(_) => task.group().is_some_and(|group| self.queue.contains(group, id)),
            Place::Assigned(holding) | Place::Running(holding, _) => self.has(holding, id),
        };
        check(sound, || format!("{id} is not where it is: {:?}", task.place))?;
        let stopping =
            task.holding().is_some_and(|holding| matches!(holding.stop, Some(Stop::TimedOut | Stop::Cancelled)));
        let waits = task.record.deadline.is_none_or(|at| stopping || self.timers.contains(at, Timer::Deadline(id)));
        check(waits, || format!("nobody waits for the deadline of {id}"))?;
        let keyed = task.record.key.is_none_or(|key| self.keys.get(&key.key()) == Some(&(key, id)));
        check(keyed, || format!("the key of {id} is not its"))?;
        check(task.tries <= task.record.retry.max_attempts, || format!("{id} was tried {} times", task.tries))
    }

    fn has(&self, holding: &Holding, id: TaskId) -> bool {
        let by = &holding.by;
        match by.id {
            Some(node) => {
                self.nodes.known.get(&node).is_some_and(|node| node.tasks.contains(&id) && node.holder == *by)
            }
            None => {
                let absent = self.nodes.absent.get(&(by.node.clone(), by.incarnation));
                absent.is_some_and(|absent| absent.tasks.contains(&id))
            }
        }
    }

    fn audit_node(&self, id: NodeId, node: &Node) -> Result<(), String> {
        let name = &node.holder.node;
        let mut sum = node.calls;
        for terms in node.tasks.iter().filter_map(|task| self.tasks.get(*task)?.terms.as_ref()) {
            let asked = terms.ask.resources;
            let cpu = Cpu::from_millis(sum.cpu.as_millis() + asked.cpu.as_millis());
            sum = Reserved { slots: sum.slots + 1, cpu, memory: sum.memory + asked.memory };
        }
        let reserved = self.nodes.fleet.reserved(id);
        check(sum == reserved, || format!("{name} has {sum:?}, reserved are {reserved:?}"))?;
        let lost = matches!(node.presence, Presence::Lost { .. });
        check(!lost || node.tasks.is_empty(), || format!("{name} is lost and has tasks"))?;
        check(lost || self.timers.contains(node.lease, Timer::Lease(id)), || format!("nobody waits for {name}"))?;
        let duty = self.nodes.fleet.duty(id);
        check(duty == self.nodes.duty(name), || format!("{name} is {duty}, which is not remembered"))?;
        check(!(self.is_draining(id) && node.is_vacant()), || format!("{name} is drained and does not know it"))
    }

    fn audit_queue(&self) -> Result<(), String> {
        check(self.queue.is_sound(), || format!("the queue's orders do not fit: {:?}", self.queue))?;
        check(!self.queue.has_open(), || "there may be room for a group, and nobody looked".to_owned())?;
        let ready = |task: &&Task| matches!(task.place, Place::Queued(Queued { wakes: None, .. }));
        let (queued, waiting) = (self.queue.count(), self.tasks.iter().filter(ready).count());
        check(queued == waiting, || format!("the queue has {queued} of {waiting} tasks"))?;
        // What a timer is about to change may look wrong before.
        if self.timers.next().is_some_and(|next| next <= self.now) {
            return Ok(());
        }
        for terms in self.queue.blocked() {
            let room = self.nodes.known.keys().find(|node| self.nodes.fleet.fits(**node, &terms.ask, self.now));
            check(room.is_none(), || format!("{} is blocked, and {room:?} has room", terms.function.name))?;
        }
        Ok(())
    }

    fn audit_timers(&self) -> Result<(), String> {
        let wakes = |task: &&Task| matches!(task.place, Place::Queued(Queued { wakes: Some(_), .. }));
        let (timers, tasks) =
            (self.timers.count(|timer| matches!(timer, Timer::Wake(_))), self.tasks.iter().filter(wakes).count());
        check(timers == tasks, || format!("{timers} timers wake {tasks} tasks"))?;
        let mut due = self.schedules.iter().filter_map(|(name, schedule)| Some((schedule.next?, name.clone())));
        let forgotten = due.find(|(next, name)| !self.timers.contains(*next, Timer::Schedule(name.clone())));
        check(forgotten.is_none(), || format!("nobody waits for {forgotten:?}"))?;
        let timers = self.timers.count(|timer| matches!(timer, Timer::Deadline(_)));
        let late: BTreeSet<TaskId> =
            self.tasks.iter().filter(|task| task.record.deadline.is_some()).map(|task| task.record.id).collect();
        check(timers <= late.len(), || format!("{timers} deadlines of {} tasks", late.len()))
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
