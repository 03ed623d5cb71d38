//! The smallest function: text in, text out, one line of log.

use spear_guest::log;

#[spear_guest::function]
fn hello(name: String) -> String {
    log::info!("greeting {name}"; bytes = name.len());
    format!("Hello, {name}!")
}

#[cfg(test)]
mod tests {
    use spear_guest::test::Host;

    use super::*;

    #[test]
    fn whoever_is_named_is_greeted_and_logged() {
        let host = Host::from_manifest();
        assert_eq!(hello("Ada".to_owned()), "Hello, Ada!");
        assert_eq!(host.logs()[0].to_string(), "info greeting Ada bytes=3");
    }
}
