//! Which node a run goes to, and why: pure, without a clock and without I/O.
//!
//! ```text
//! Ask ─▶ Fleet::place ─▶ filters ─▶ scores ─▶ Taken      the node, and what it takes of it
//!                           └──────────┴────▶ Decision   every node that was looked at, with filter or terms
//! ```

mod ask;
mod decision;
mod fleet;

pub use ask::Ask;
pub use decision::{Considered, Decision, Filter, PassedOver, Term, TermName, Verdict};
pub use fleet::{Fleet, Link, NodeId, NodeSpec};
