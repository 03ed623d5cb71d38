//! The door between `spear.v1` and the nouns: each message is converted here and nowhere else.
//!
//! Every conversion takes the message apart field by field, so a field that is new in `proto/` does not compile until
//! somebody has decided what it means. Messages from outside are untrusted: [`Decode`] refuses what is malformed.

pub mod client;
mod function;
mod grants;
pub mod implementation;
mod kv;
mod limits;
mod node;
mod object;
mod outcome;
mod payload;
mod placement;
pub mod server;
mod status;
pub mod stream;
mod task;

pub use spear_proto::v1;
use spear_types::{Code, Limits, Refusal};

pub use crate::status::{from_status, to_status};
pub use crate::task::{MAX_CRON, MAX_TRACE_PARENT};

/// A value made from a message.
pub trait Decode<Message>: Sized {
    /// Takes the message apart.
    ///
    /// # Errors
    /// `InvalidRequest` or `InvalidName` says which field is missing or malformed.
    fn decode(message: Message) -> Result<Self, Refusal>;
}

/// A message made from a value; cannot fail.
pub trait Encode<Message> {
    /// Puts the message together.
    fn encode(self) -> Message;
}

/// A field that proto3 cannot make mandatory.
///
/// # Errors
/// `InvalidRequest` names the field.
pub fn required<T>(field: Option<T>, name: &str) -> Result<T, Refusal> {
    field.ok_or_else(|| invalid(format!("{name} is missing")))
}

/// A text from outside that nobody needs to be longer than `max` bytes.
///
/// # Errors
/// `InvalidRequest` names the field, its length and the limit.
pub fn capped(text: String, name: &str, max: usize) -> Result<String, Refusal> {
    if text.len() > max {
        return Err(invalid(format!("{name} has {} bytes, the limit is {max}", text.len())));
    }
    Ok(text)
}

/// The largest message that carries a payload: the payload and the log at their maxima, and room for names, frames and
/// framing.
#[must_use]
pub fn max_message(maxima: &Limits) -> usize {
    const REST: u64 = 1 << 20;
    // A line of log costs its limit more than it takes on the wire.
    usize::try_from(maxima.payload.saturating_add(maxima.log).saturating_add(REST)).unwrap_or(usize::MAX)
}

/// What of a text from outside is shown.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, message)
}
