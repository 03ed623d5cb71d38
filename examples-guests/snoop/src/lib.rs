//! Reads the key `x` of whichever bucket it is told, granted or not.

use spear_guest::{Failure, objects};

#[spear_guest::function]
fn snoop(bucket: String) -> Result<Vec<u8>, Failure> {
    Ok(objects::bucket(&bucket)?.get("x")?)
}
