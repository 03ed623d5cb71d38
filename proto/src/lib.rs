//! `spear.v1` over the wire: generated code and nothing else.
//!
//! Payloads are [`bytes::Bytes`](prost::bytes::Bytes), so a message is taken apart without copying them.

/// The messages, clients and servers of `proto/spear/v1`.
pub mod v1 {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated; documented in proto/"
    )]
    tonic::include_proto!("spear.v1");
}

/// Every descriptor, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
