//! Whether a component may run: what it imports and exports, and whether its grants cover that. Pure: bytes and grants
//! go in, a decision comes out; nothing is compiled, run, read or remembered.
//!
//! ```text
//! bytes ─▶ form ─▶ validate ─▶ outline ─▶ Component ─▶ review ─▶ Review ─▶ admit ─▶ () | Refusal
//!          wasm?   all of it   imports,                against   for        all that is wrong, at once,
//!                  + debug     exports                 grants    people     with the lines to add
//!                  bounded
//! ```
//!
//! The bytes are an author's, so they are nobody's to trust: whatever they are, the answer is a
//! [`Refusal`](spear_types::Refusal) or a [`Component`], within bounded memory and stack. Time is bounded by size alone:
//! an honest component takes milliseconds, 30 kB made for it take 15 s. A server reads few at once, and off the threads
//! that answer others.
//!
//! What SPEAR provides is one list, in `provided.rs`.

mod component;
mod debug;
mod exports;
mod form;
mod outline;
mod provided;
mod review;
mod validate;

pub use component::{Component, MAX_COMPONENT};
pub use exports::Entry;
pub use review::{ImportReview, Review, Verdict};
