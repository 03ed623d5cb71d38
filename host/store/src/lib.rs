//! What the SMS remembers, and how it outlives the SMS.
//!
//! ```text
//! bytes ─▶ BlobWriter ─▶ NewBlob ─┬▶ Store::deploy, Store::change_objects   tables in redb that refer to blobs
//!          a file in tmp/         └▶ Blobs::keep                            files alone: a Spearlet's cache
//!                                         │
//!                                         └▶ BlobReader ─▶ bytes
//! ```
//!
//! A data directory is `spear.redb` beside `blobs/`, and [`TaskJournal`]'s `tasks.redb`. In `blobs/` the file
//! `ab/<64 digits>` is that of the digest that begins with `ab`, and `tmp/` has the files in the making. Directories are
//! the owner's alone (0700), files too (0600).
//!
//! A blob lives as long as a record refers to it. The tables count the references in the transaction that makes or
//! drops them, and one lock makes *place the file, commit, remove what nobody refers to* one step: a put of the very
//! bytes that a delete is about to remove waits, and brings its own file. What a crash leaves between these moments is
//! a file without a reference, and [`Store::open`] sweeps it.
//!
//! Changes stand in line. While one group of them is committed and synced the next gathers, and goes into one
//! transaction: each change sees those before it, and one that is refused has written nothing and disturbs no other.

mod blobs;
mod database;
mod error;
mod functions;
mod group;
mod kv;
mod objects;
mod refusal;
mod store;
mod tables;
mod tasks;

pub use blobs::{BlobReader, BlobWriter, Blobs, NewBlob};
pub use error::Error;
pub use functions::{Deployed, FunctionDraft};
pub use objects::{Operation, Put};
pub use store::Store;
pub use tasks::TaskJournal;
