//! What one run holds of the capabilities that are SPEAR's own: a component in its store, a program in its session.

use spear_types::Denial;

use crate::{Gate, Meter, config, kv, logs, meter::Count, objects, resources, secrets, tasks};

/// One run's part of each of them. Every hostcall goes through one of the views, whoever makes it.
pub(crate) struct Own {
    pub(crate) config: config::State,
    pub(crate) kv: kv::State,
    pub(crate) logs: logs::State,
    pub(crate) objects: objects::State,
    pub(crate) resources: resources::State,
    pub(crate) secrets: secrets::State,
    pub(crate) tasks: tasks::State,
    pub(crate) meter: Count,
    pub(crate) gate: Gate,
}

impl Own {
    pub(crate) fn config(&self) -> config::View<'_> {
        config::View::new(&self.config)
    }

    pub(crate) fn kv(&self) -> kv::View<'_> {
        kv::View { state: &self.kv, meter: &self.meter, gate: &self.gate }
    }

    pub(crate) fn logs(&self) -> logs::View<'_> {
        logs::View { state: &self.logs, meter: &self.meter }
    }

    pub(crate) fn objects(&self) -> objects::View<'_> {
        objects::View { state: &self.objects, meter: &self.meter, gate: &self.gate }
    }

    pub(crate) fn secrets(&self) -> secrets::View<'_> {
        secrets::View { state: &self.secrets, meter: &self.meter, gate: &self.gate }
    }

    pub(crate) fn tasks(&self) -> tasks::View<'_> {
        tasks::View { state: &self.tasks, meter: &self.meter, gate: &self.gate }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter.read()
    }

    pub(crate) fn denial(&self) -> Option<Denial> {
        self.gate.denial()
    }

    pub(crate) fn redact(&self, text: &str, max: usize) -> String {
        self.logs.redact(text, max)
    }
}
