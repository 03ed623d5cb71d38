//! Standard output and error.

use spear_types::Level;

use crate::harness::Sms;

#[tokio::test]
async fn standard_output_and_error_are_in_the_log_line_by_line() {
    let sms = Sms::with_node().await;
    sms.deploy("printer").await;
    let invoked = sms.api.invoke("printer", "").await.unwrap();
    let log = sms.api.log(&invoked.task).await;
    let lines_of = |stream: &str| -> Vec<(&str, Level)> {
        let of = |fields: &[(String, String)]| fields == [("stream".to_owned(), stream.to_owned())];
        log.lines.iter().filter(|line| of(&line.fields)).map(|line| (line.message.as_str(), line.level)).collect()
    };
    let info = |message| (message, Level::Info);
    let error = |message| (message, Level::Error);
    assert_eq!(lines_of("stdout"), ["one to stdout", "two to stdout", "the last to stdout"].map(info));
    assert_eq!(lines_of("stderr"), ["one to stderr", "the last to stderr"].map(error));
    assert_eq!(log.lines.len(), 5);
}

#[tokio::test]
async fn the_command_line_shows_the_log_beside_the_answer_and_afterwards() {
    let sms = Sms::with_node().await;
    sms.deploy("printer").await;
    let ran = sms.spear(["invoke", "printer", "--logs"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "the log is not the answer");
    assert!(ran.stderr.contains("info  one to stdout") && ran.stderr.contains("error one to stderr"), "{ran:?}");

    let shown = sms.spear(["logs", "printer", "-n", "2"]).await.answer();
    assert_eq!(shown.lines().count(), 3, "a head and two lines: {shown}");
    assert!(shown.contains("the last to stderr"), "{shown}");
}
