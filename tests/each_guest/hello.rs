//! Text in, text out, one line of log.

use spear_types::Level;

use crate::harness::{Function, Sms};

#[tokio::test]
async fn it_answers_and_logs_and_is_told_what_it_cost() {
    let sms = Sms::with_node().await;
    sms.api.deploy(&Function::guest("hello")).await.unwrap();
    let invoked = sms.api.invoke("hello", "Ada").await.unwrap();
    assert_eq!((invoked.text(), invoked.version), ("Hello, Ada!", 1));

    let usage = invoked.usage;
    assert!(usage.wall >= usage.cpu / 2 && !usage.wall.is_zero() && !usage.cpu.is_zero(), "{usage:?}");
    assert!(usage.peak_memory >= 1 << 20, "Rust's own stack is 1 MiB: {usage:?}");
    assert_eq!((usage.fuel, usage.hostcalls, usage.bytes_in), (None, 1, 3));
    assert!(usage.bytes_out >= "Hello, Ada!".len() as u64, "{usage:?}");

    let log = sms.api.log(&invoked.task).await;
    assert_eq!((log.messages(), log.dropped), (vec!["greeting Ada"], 0));
    assert_eq!(log.lines[0].level, Level::Info);
    assert_eq!(log.lines[0].fields, [("bytes".to_owned(), "3".to_owned())]);
}

#[tokio::test]
async fn an_older_version_runs_when_it_is_asked_for() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let other = Function::guest("counter").named("hello");
    assert_eq!(sms.api.deploy(&other).await.unwrap().version, 2);
    assert_eq!(sms.spear(["invoke", "hello"]).await.answer(), "1\n");
    assert_eq!(sms.spear(["invoke", "hello", "--version", "1", "-d", "Ada"]).await.answer(), "Hello, Ada!\n");
}
