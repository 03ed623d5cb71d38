//! Submits a task for each line of a text, and says later where they are:
//!
//! `{"submit": {"function": "hello", "lines": "Ada\nGrace"}}` answers the tasks' ids,
//! `{"look": ["0198…", "0198…"]}` where each is: `queued`, `running`, or its end.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::{
    Failure, Json,
    tasks::{self, Status, TaskId},
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Command {
    Submit(Submit),
    Look(Vec<TaskId>),
}

#[derive(Deserialize)]
struct Submit {
    function: String,
    /// The bodies.
    lines: String,
    /// With this key and the line's number the same lines are submitted once, however often this runs.
    key: Option<String>,
    #[serde(default)]
    delay_ms: u64,
    max_attempts: Option<u32>,
}

#[spear_guest::function]
fn fan_out(Json(command): Json<Command>) -> Result<Json<Value>, Failure> {
    Ok(Json(match command {
        Command::Submit(submit) => json!(submit.all()?),
        Command::Look(ids) => json!(ids.iter().map(look).collect::<Result<Vec<_>, _>>()?),
    }))
}

impl Submit {
    fn all(&self) -> Result<Vec<TaskId>, tasks::Error> {
        let lines = self.lines.lines().enumerate();
        lines.map(|(number, line)| self.options(number).submit(&self.function, line)).collect()
    }

    fn options(&self, number: usize) -> tasks::Options {
        let mut options = tasks::Options::new().delay(Duration::from_millis(self.delay_ms));
        if let Some(key) = &self.key {
            options = options.key(format!("{key}:{number}"));
        }
        match self.max_attempts {
            Some(attempts) => options.max_attempts(attempts),
            None => options,
        }
    }
}

fn look(id: &TaskId) -> Result<Value, tasks::Error> {
    Ok(match tasks::status(id)? {
        Status::Queued => json!("queued"),
        Status::Running => json!("running"),
        Status::Succeeded(reply) => json!({ "succeeded": String::from_utf8_lossy(&reply.body) }),
        Status::Failed(failure) => json!({ "failed": failure.code }),
        Status::Ended(text) => json!({ "ended": text }),
    })
}
