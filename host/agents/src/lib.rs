//! What runs an implementation on a node.
//!
//! ```text
//!                    ┌ wasm ────────────────────▶ engine
//! Agents ─▶ Agent ───┼ program ─▶ Sandboxes ────▶ process      one contract of calls over standard streams,
//!                    └               └──────────▶ docker       two ways to shut a program in
//! ```
//!
//! Nothing outside of this crate asks which agent a run has.

mod agent;
mod agents;
pub mod docker;
pub mod process;
pub mod program;
pub mod sandbox;
mod wasm;

pub use self::{
    agent::{Artifacts, Unready},
    agents::{Agents, Config, Prepared},
};
