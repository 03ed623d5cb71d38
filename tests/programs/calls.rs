//! What a program is sent, and what comes back.

use serde_json::{Value, json};
use spear_proto::v1;
use spear_types::LimitRequest;

use super::stage::{Mark, Stage, reply};
use crate::harness::{NewTask, payload, retries};

super::on! {
    [process, docker]:
    what_it_is_sent_comes_back_byte_for_byte,
    as_much_as_anything_may_be_comes_back,
    a_task_is_answered_as_a_call_is,
    arguments_come_after_those_of_the_manifest,
    a_file_says_the_rest_of_a_call,
    a_file_says_the_rest_of_a_reply,
    one_that_does_not_read_its_input_answers,
    one_that_closes_its_streams_ends,
    what_it_left_behind_holds_nothing_up_and_ends_with_it,
    a_task_that_says_so_is_tried_again;
    [wasm]:
    what_it_is_sent_comes_back_byte_for_byte,
    as_much_as_anything_may_be_comes_back,
    a_task_is_answered_as_a_call_is;
}

async fn what_it_is_sent_comes_back_byte_for_byte(stage: Stage) {
    stage.guest_or("echo", "exec busybox cat", LimitRequest::default()).await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    for body in [Vec::new(), b"text".to_vec(), all_bytes.clone(), b"\0\n\r\n\xff\0".repeat(9), all_bytes.repeat(9_999)]
    {
        let invoked = stage.sms.api.invoke("echo", body.clone()).await.unwrap();
        assert_eq!((invoked.ran.agent, invoked.ran.skipped.len()), (stage.agent, 0));
        assert!(reply(&invoked).body == body, "{} bytes", body.len());
        let size = body.len() as u64;
        assert!(invoked.usage.bytes_in >= size && invoked.usage.bytes_out >= size, "{:?}", invoked.usage);
    }
}

async fn as_much_as_anything_may_be_comes_back(stage: Stage) {
    let limits = LimitRequest { payload: Some(64 << 20), memory: Some(512 << 20), ..LimitRequest::default() };
    stage.guest_or("echo", "exec busybox cat", limits).await;
    let body: Vec<u8> = (0..16_u32 << 20).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for size in [16 << 20, 64 << 20] {
        let invoked = stage.sms.api.invoke("echo", body[..size].to_vec()).await.unwrap();
        assert!(reply(&invoked).body == body[..size], "{size} bytes");
    }
}

async fn a_task_is_answered_as_a_call_is(stage: Stage) {
    stage.guest_or("echo", "exec busybox cat", LimitRequest::default()).await;
    let task = stage.sms.api.submit(NewTask::of("echo", "by and by")).await.unwrap();
    assert_eq!(stage.sms.api.ended(task).await.text(), "by and by");
    let result = stage.sms.json(["task", "result", &task.to_string()]).await;
    assert_eq!(result["ran"], json!({ "agent": stage.agent.to_string(), "skipped": [] }));
}

async fn arguments_come_after_those_of_the_manifest(stage: Stage) {
    let script = "printf '%s' \"$0\"; for each; do printf '<%s>' \"$each\"; done; busybox cat";
    stage.script("args", script, LimitRequest::default()).await;
    let invoke = ["invoke", "args", "-q", "-d", "body", "--", "a", "b c", "", "-d", "$x;`y`"];
    assert_eq!(stage.sms.spear(invoke).await.answer(), "sh<a><b c><><-d><$x;`y`>body\n");
}

async fn a_file_says_the_rest_of_a_call(stage: Stage) {
    let script = "busybox cat \"$SPEAR_CALL\"; printf '\\n%s' \"$SPEAR_TASK\" \"$SPEAR_ATTEMPT\" \"$SPEAR_FUNCTION\" \
                  \"$SPEAR_VERSION\" \"$SPEAR_NODE\" \"$SPEAR_CONTENT_TYPE\" \"$TRACEPARENT\"";
    stage.script("about", script, LimitRequest::default()).await;
    let header = |name: &str, value: &str| v1::Header { name: name.to_owned(), value: value.to_owned() };
    let call = v1::Payload {
        content_type: Some("text/x; charset=\"ä\"".to_owned()),
        headers: vec![header("b", "1"), header("a", ""), header("b", "zwei \"2\"\n")],
        body: "not in it".into(),
    };
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = v1::InvokeRequest {
        function: "about".to_owned(),
        call: Some(payload(call)),
        trace_parent: Some(trace.to_owned()),
        ..v1::InvokeRequest::default()
    };
    let invoked = stage.sms.api.call(request).await.unwrap();
    let mut lines = invoked.text().lines();
    let mut about: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (timeout, own_trace) = (about["timeout_ms"].take(), about["trace_parent"].take());
    assert!((1..=10_000).contains(&timeout.as_u64().unwrap()), "{timeout}");
    let own_trace = own_trace.as_str().unwrap().to_owned();
    assert_eq!(own_trace[..36], trace[..36], "it is of the same trace");
    let (task, node) = (invoked.task.as_str(), invoked.node.as_str());
    let expected = json!({
        "task": task, "attempt": 1, "function": "about", "version": 1, "node": node,
        "content_type": "text/x; charset=\"ä\"", "headers": [["b", "1"], ["a", ""], ["b", "zwei \"2\"\n"]],
        "trace_parent": null, "callers": [], "timeout_ms": null, "args": [],
    });
    assert_eq!(about, expected);
    let variables: Vec<_> = lines.collect();
    assert_eq!(variables, [task, "1", "about", "1", node, "text/x; charset=\"ä\"", &own_trace]);
}

async fn a_file_says_the_rest_of_a_reply(stage: Stage) {
    let script = r#"printf '{"content_type":"image/x","headers":[["a","1"],["b",""],["a","ä"]]}' > "$SPEAR_REPLY"
                    printf body"#;
    let invoked = stage.run(script).await;
    let reply = reply(&invoked);
    assert_eq!((reply.content_type.as_deref(), &*reply.body), (Some("image/x"), &b"body"[..]));
    let headers: Vec<_> = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("a", "1"), ("b", ""), ("a", "ä")]);
}

async fn one_that_does_not_read_its_input_answers(stage: Stage) {
    for script in ["echo done", "exec <&-; echo done", "busybox head -c 1 >/dev/null; echo done"] {
        stage.script("unread", script, LimitRequest::default()).await;
        let invoked = stage.sms.api.invoke("unread", vec![7; 4 << 20]).await.unwrap();
        assert_eq!(invoked.text(), "done\n", "{script}");
    }
}

async fn one_that_closes_its_streams_ends(stage: Stage) {
    let invoked = stage.run("printf before; exec <&- >&- 2>&-; busybox true").await;
    assert_eq!(invoked.text(), "before");
    let invoked = stage.run("printf before; exec <&- >&- 2>&-; exit 3").await;
    assert!(invoked.outcome.to_string().contains('3'), "{}", invoked.outcome);
}

async fn what_it_left_behind_holds_nothing_up_and_ends_with_it(stage: Stage) {
    for script in [
        "busybox sleep MARK & echo done",
        "busybox setsid busybox sleep MARK & echo done",
        "(busybox setsid \
        busybox sh -c 'trap \"\" TERM HUP; busybox sleep MARK & wait' &) ; echo done",
    ] {
        let mark = Mark::new();
        let invoked = stage.run(&mark.of(script)).await;
        assert_eq!(invoked.text(), "done\n", "{script}");
        assert_eq!(mark.processes(), [""; 0], "{script}");
        stage.is_empty().await;
    }
}

async fn a_task_that_says_so_is_tried_again(stage: Stage) {
    let script = "[ \"$SPEAR_ATTEMPT\" = 3 ] || exit 75; echo \"attempt $SPEAR_ATTEMPT\"";
    stage.script("flaky", script, LimitRequest::default()).await;
    let task = stage.sms.api.submit(NewTask::of("flaky", "").retry(retries(5))).await.unwrap();
    assert_eq!(stage.sms.api.ended(task).await.text(), "attempt 3\n");
}
