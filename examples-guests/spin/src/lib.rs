//! Never ends, and asks the host for nothing while it does.

#[spear_guest::function]
fn spin() {
    loop {
        std::hint::black_box(());
    }
}
