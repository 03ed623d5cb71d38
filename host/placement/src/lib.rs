//! Which node a run goes to, and why: pure, without a clock and without I/O.
//!
//! ```text
//! Ask ─▶ Fleet::place ─▶ candidates ─▶ filters ─▶ scores ─▶ NodeId     what the run takes of it is reserved
//!                            │            └─────────┴─────▶ Decision   every node that was looked at: filter or terms
//!                            └ all of a small fleet; of a large one the few that its index finds
//! ```

mod ask;
mod decision;
mod fleet;

pub use ask::Ask;
pub use decision::{Considered, Decision, Filter, PassedOver, Term, TermName, Verdict};
pub use fleet::{Fleet, Link, NodeId, NodeSpec};
