//! The nouns of SPEAR as plain values: no I/O, no clock, no async.
//!
//! ```text
//! manifest ─▶ FunctionSpec ─▶ FunctionVersion        deploy
//!               │ LimitRequest ─▶ Limits             (operator's defaults and maxima)
//!               └ Grants ─▶ Denial
//! Payload ─▶ Run ─▶ Outcome + Usage + LogLines       invoke
//! Payload + TaskOptions ─▶ TaskInfo ─▶ TaskResult    submit
//! ```
//!
//! Whatever is not accepted, anywhere, becomes a [`Refusal`] with one of a closed list of [`Code`]s.

mod agent;
mod digest;
mod function;
mod grants;
mod implementation;
mod kv;
mod limits;
mod log;
pub mod manifest;
mod name;
mod node;
mod object;
mod outcome;
mod placement;
mod refusal;
mod run;
mod settings;
pub mod size;
mod task;
mod time;

pub use agent::{AgentInfo, AgentKind, Agents, InstanceCounts};
pub use digest::{Digest, Hasher};
pub use function::{FunctionSpec, FunctionVersion};
pub use grants::{
    Access, Cut, Denial, GrantPolicy, Granted, Grants, HostPattern, Lacking, Pattern, Scheme, SocketPattern, Transport,
};
pub use implementation::{
    Artifact, Body, Image, Implementation, NO_SERIAL_COMMAND, Pool, Program, Ran, Reuse, Skipped,
};
pub use kv::{Expected, KvChange, KvChanged, KvEntry, KvPage};
pub use limits::{EnforcedBy, LimitPolicy, LimitRequest, Limits};
pub use log::{Level, LogLine};
pub use manifest::Manifest;
pub use name::{
    BucketName, FolderName, FunctionName, IdempotencyKey, InvalidName, KvKey, LabelName, LabelValue, NodeName,
    ObjectKey, ScheduleName, SecretName, StoreName,
};
pub use node::{Capacity, Duty, Load, MAX_ARTIFACTS, NodeInfo, NodeState, Penalty, Reserved};
pub use object::{Condition, MAX_MEDIA_TYPE, ObjectChange, ObjectInfo, ObjectPage};
pub use outcome::{Exit, Failure, Frame, Outcome, OutcomeKind, Trap, Usage};
pub use placement::{
    Constraint, Constraints, Cpu, Labels, MAX_LABELS, MAX_WAIT, Placement, PlacementPolicy, Priority, Resources,
};
pub use refusal::{Code, Refusal};
pub use run::{Call, Identity, Payload, TaskId};
pub use settings::Settings;
pub use task::{AttemptId, MAX_BATCH, RetryPolicy, ScheduleInfo, TaskInfo, TaskOptions, TaskResult, TaskState};
pub use time::Timestamp;
