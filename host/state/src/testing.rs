//! What tests of this crate share.

use spear_placement::Ask;
use spear_types::{Constraints, Digest, PlacementPolicy, Resources, TaskId};

/// The ids sort as the numbers do.
pub(crate) fn task_id(number: u64) -> TaskId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TaskId::from_bytes(bytes)
}
