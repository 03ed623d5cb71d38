//! Long bytes as a stream of chunks.

use bytes::Bytes;

use crate::v1;

/// The bytes of one chunk: small beside a message's limit of 4 MiB, large beside the cost of a message.
pub const CHUNK: usize = 256 << 10;

/// Cuts bytes into chunks without copying them.
pub fn chunks(mut bytes: Bytes) -> impl Iterator<Item = v1::Chunk> + Send {
    std::iter::from_fn(move || {
        let data = bytes.split_to(bytes.len().min(CHUNK));
        (!data.is_empty()).then_some(v1::Chunk { data })
    })
}
