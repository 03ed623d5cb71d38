//! Programs as processes: real ones, of this machine.

mod bench;
mod bounds;
mod children;
mod common;
mod hidden;
mod programs;
mod removal;
