//! Prints to stdout and stderr; the last line of each has no end.

#[spear_guest::function]
fn printer() {
    println!("one to stdout");
    eprintln!("one to stderr");
    println!("two to stdout");
    eprint!("the last to stderr");
    print!("the last to stdout");
}
