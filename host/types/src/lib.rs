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
mod limits;
mod log;
pub mod manifest;
mod name;
mod node;
mod object;
mod outcome;
mod refusal;
mod run;

pub use digest::{Digest, Hasher};
pub use function::{FunctionSpec, FunctionVersion};
pub use grants::{Access, Denial, Grants};
pub use limits::{EnforcedBy, LimitPolicy, LimitRequest, Limits};
pub use log::{Level, LogLine};
pub use manifest::Manifest;
pub use name::{BucketName, FunctionName, InvalidName, NodeName, ObjectKey};
pub use node::{NodeInfo, NodeState};
pub use object::{MAX_MEDIA_TYPE, ObjectInfo, ObjectPage};
pub use outcome::{Failure, Frame, Outcome, Trap, Usage};
pub use refusal::{Code, Refusal};
pub use run::{Identity, Payload, TaskId};
