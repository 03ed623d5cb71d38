//! What runs an implementation on a node.
//!
//! ```text
//!                    ┌ wasm ────────────────────▶ engine
//! Agents ─▶ Agent ───┼ program ─▶ Sandboxes ────▶ process      one contract of calls over standard streams,
//!                    └               └──────────▶ docker       two ways to shut a program in
//! ```
//!
//! Nothing outside of this crate asks which agent a run has.

mod agents;
pub mod docker;
pub mod process;
pub mod program;
pub mod sandbox;

pub use self::{
    agents::{Agents, Artifacts, Config, Prepared},
    program::Unready,
};
