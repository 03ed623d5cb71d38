//! The nouns of SPEAR as plain values: no I/O, no clock, no async.
//!
//! ```text
//! manifest ─▶ FunctionSpec ─▶ FunctionVersion        deploy
//!               │ LimitRequest ─▶ Limits             (operator's defaults and maxima)
//!               └ Grants ─▶ Denial
//! Payload ─▶ Run ─▶ Outcome + Usage + LogLines       invoke
//! ```
//!
//! Whatever is not accepted, anywhere, becomes a [`Refusal`] with one of a closed list of [`Code`]s.

mod digest;
mod function;
mod grants;
mod kv;
mod limits;
mod log;
pub mod manifest;
mod name;
mod node;
mod object;
mod outcome;
mod refusal;
mod run;
mod settings;

pub use digest::{Digest, Hasher};
pub use function::{FunctionSpec, FunctionVersion};
pub use grants::{
    Access, Cut, Denial, GrantPolicy, Granted, Grants, HostPattern, Lacking, Pattern, Scheme, SocketPattern, Transport,
};
pub use kv::{Expected, KvChange, KvChanged, KvEntry, KvPage};
pub use limits::{EnforcedBy, LimitPolicy, LimitRequest, Limits};
pub use log::{Level, LogLine};
pub use manifest::Manifest;
pub use name::{BucketName, FolderName, FunctionName, InvalidName, KvKey, NodeName, ObjectKey, SecretName, StoreName};
pub use node::{NodeInfo, NodeState};
pub use object::{Condition, MAX_MEDIA_TYPE, ObjectChange, ObjectInfo, ObjectPage};
pub use outcome::{Exit, Failure, Frame, Outcome, Trap, Usage};
pub use refusal::{Code, Refusal};
pub use run::{Call, Identity, Payload, TaskId};
pub use settings::Settings;
