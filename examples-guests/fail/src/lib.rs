//! Fails with the code it is given; `<code> retryable` makes the failure retryable.

use spear_guest::Failure;

#[spear_guest::function]
fn fail(input: String) -> Result<(), Failure> {
    let failure = |code| Failure::new(code, format!("asked to fail with `{code}`"));
    Err(match input.split_once(' ') {
        Some((code, "retryable")) => failure(code).retryable(),
        _ => failure(&input),
    })
}
