//! Counts its calls in a static: 1 each time, because each call runs in a fresh instance.

use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[spear_guest::function]
fn counter() -> String {
    let before = CALLS.fetch_add(1, Ordering::Relaxed);
    (before + 1).to_string()
}
