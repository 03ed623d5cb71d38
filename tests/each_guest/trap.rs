//! An instruction that cannot be executed.

use spear_types::Outcome;

use crate::harness::Sms;

#[tokio::test]
async fn it_ends_as_trapped_and_names_the_guests_function_file_and_line() {
    let sms = Sms::with_node().await;
    sms.deploy("trap").await;
    let invoked = sms.api.invoke("trap", "").await.unwrap();
    let Outcome::Trapped(trap) = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert!(trap.message.contains("unreachable"), "{trap}");
    let frame = trap.frames.iter().find(|frame| frame.function == "step_on_it").unwrap_or_else(|| panic!("{trap}"));
    assert!(frame.file.as_ref().unwrap().ends_with("trap/src/lib.rs") && frame.line == Some(10), "{frame}");
    assert!(!invoked.usage.wall.is_zero() && invoked.usage.peak_memory >= 1 << 20, "{:?}", invoked.usage);
}
