//! Memory without end.

use spear_types::Outcome;

use crate::harness::Sms;

/// The manifest's.
const LIMIT: u64 = 32 << 20;

#[tokio::test]
async fn it_ends_as_out_of_memory_with_what_it_asked_for() {
    let sms = Sms::with_node().await;
    sms.deploy("hog").await;
    let invoked = sms.api.invoke("hog", "").await.unwrap();
    let Outcome::OutOfMemory { limit, asked } = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert_eq!(limit, LIMIT);
    assert!(asked > LIMIT, "{asked}");
    // It takes a mebibyte at a time: what did not fit is less than two.
    assert!((LIMIT - (2 << 20)..=LIMIT).contains(&invoked.usage.peak_memory), "{:?}", invoked.usage);
    assert!(!invoked.usage.wall.is_zero() && !invoked.usage.cpu.is_zero(), "{:?}", invoked.usage);
}

#[tokio::test]
async fn the_command_line_says_so_and_ends_with_137() {
    let sms = Sms::with_node().await;
    sms.deploy("hog").await;
    let ran = sms.spear(["invoke", "hog"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (137, ""), "{ran:?}");
    assert!(ran.stderr.contains("out-of-memory:") && ran.stderr.contains("the limit is 32.0 MiB"), "{ran:?}");
}
