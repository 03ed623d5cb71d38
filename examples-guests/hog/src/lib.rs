//! Takes memory without end, a mebibyte at a time, and touches all of it.

use std::hint::black_box;

#[spear_guest::function]
fn hog() {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}
