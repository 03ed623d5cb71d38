//! Runs into a real trap, in a function that the backtrace must name.

#[spear_guest::function]
fn trap() {
    step_on_it();
}

#[inline(never)]
fn step_on_it() {
    core::arch::wasm32::unreachable()
}
