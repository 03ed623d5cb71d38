//! Panics: the message goes to the log, and the run ends as trapped.

#[spear_guest::function]
fn panic(input: String) {
    panic!("asked to panic with {input:?}");
}
