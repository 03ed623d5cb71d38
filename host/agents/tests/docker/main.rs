//! Containers of a real engine: every test says on stderr why it is skipped where there is none.

mod bounds;
mod calls;
mod daemon;
mod engine;
mod overhead;
mod shut_in;
mod trial;
