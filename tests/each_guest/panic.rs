//! A panic of Rust.

use spear_types::{Level, Outcome};

use crate::harness::Sms;

#[tokio::test]
async fn it_ends_as_trapped_with_the_message_file_and_line() {
    let sms = Sms::with_node().await;
    sms.deploy("panic").await;
    let invoked = sms.api.invoke("panic", "no reason").await.unwrap();
    let Outcome::Trapped(trap) = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert_eq!(trap.message, "panicked at panic/src/lib.rs:5:5: asked to panic with \"no reason\"");
    let own = &trap.frames[0];
    assert_eq!((own.function.as_str(), own.line), ("panic", Some(5)), "the panic's own machinery is not shown");
    assert!(own.file.as_ref().unwrap().ends_with("panic/src/lib.rs"), "{own}");

    let log = sms.api.log(&invoked.task).await;
    assert!(log.lines.iter().any(|line| line.level == Level::Error && line.message.contains("asked to panic")));
    assert!(!invoked.usage.wall.is_zero() && invoked.usage.peak_memory >= 1 << 20, "{:?}", invoked.usage);
}

#[tokio::test]
async fn the_command_line_says_so_and_ends_with_134() {
    let sms = Sms::with_node().await;
    sms.deploy("panic").await;
    let ran = sms.spear(["invoke", "panic", "-d", "x"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (134, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("trapped: panicked at panic/src/lib.rs:5:5: asked to panic with \"x\"\n  at panic"),
        "{ran:?}"
    );
}
