//! An SMS that is killed as a power failure would, and comes back.

use std::time::Duration;

use futures::channel::mpsc;
use spear_proto::v1;
use spear_types::{Code, LimitRequest, TaskInfo};
use tonic::Code as Grpc;

use crate::harness::{Function, NewTask, Program, Refused as _, Sms, Spearlet, eventually, payload};

#[tokio::test]
async fn everything_is_there_again_and_the_spearlet_comes_back_by_itself() {
    let mut sms = Sms::alone().await;
    let node = Spearlet::of(&sms, "one").await;
    sms.deploy("thumbnail").await;
    let hello = Function::guest("hello");
    sms.api.deploy(&hello).await.unwrap();
    let limits = LimitRequest { fuel: Some(1_000_000_000), ..LimitRequest::default() };
    sms.api.deploy(&hello.clone().limits(limits)).await.unwrap();
    let object = sms.api.put("photos", "a/b", vec![7; 1 << 20]).await.unwrap();
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
    let (before, versions) = (sms.kept().await, sms.api.versions("hello").await.unwrap());

    sms.kill_and_start_again("sms").await;
    assert_eq!(sms.kept().await, before);
    assert_eq!(sms.api.versions("hello").await.unwrap(), versions);
    assert_eq!(sms.api.put("photos", "a/b", vec![7; 1 << 20]).await.unwrap().version, object.version + 1);
    assert!(sms.api.get("photos", "a/b").await.unwrap() == vec![7; 1 << 20]);

    node.is_live(&sms).await;
    for version in [1, 2] {
        let call = v1::Payload { body: "Ada".into(), ..v1::Payload::default() };
        let request = v1::InvokeRequest {
            function: "hello".to_owned(),
            version: Some(version),
            call: Some(payload(call)),
            trace_parent: None,
            ..Default::default()
        };
        assert_eq!(sms.api.call(request).await.unwrap().text(), "Hello, Ada!");
    }
}

#[tokio::test]
async fn both_programs_in_one_process_come_back_with_everything() {
    let mut sms = Sms::with_node().await;
    sms.deploy("hello").await;
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
    sms.kill_and_start_again("up").await;
    eventually("its node", async || sms.api.live_nodes().await.pop()).await;
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
}

#[tokio::test]
async fn every_task_is_where_it_was() {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let node = Spearlet::of_set(&sms, "one", &[("SPEAR_SPEARLET_SLOTS", "1")]).await;
    for guest in ["hello", "fail"] {
        sms.deploy(guest).await;
    }
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let submit = async |task| sms.api.submit(task).await.unwrap();
    let ended = submit(NewTask::of("hello", "Ada")).await;
    sms.api.ended(ended).await;
    let running = submit(NewTask::of("spin", "").priority(100)).await;
    sms.api.runs(running).await;
    let queued = submit(NewTask::of("hello", "Grace").priority(7)).await;
    let delayed = submit(NewTask::of("hello", "").delay(HOUR).deadline(2 * HOUR)).await;
    let all = [ended, running, queued, delayed];
    let before = futures::future::join_all(all.map(|task| sms.api.task(task))).await;

    sms.kill_and_start_again("sms").await;
    node.is_live(&sms).await;
    // When it began to run only its node knew: that is said anew.
    sms.api.runs(running).await;
    let after = futures::future::join_all(all.map(|task| sms.api.task(task))).await;
    for (before, after) in before.into_iter().zip(after) {
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!(before.state.name(), after.state.name(), "{before:?}");
        assert_eq!(TaskInfo { state: after.state.clone(), changed: after.changed, ..before }, after);
    }
    sms.api.cancel(running).await.unwrap();
    assert_eq!(sms.api.ended(queued).await.text(), "Hello, Grace!");
}

#[tokio::test]
async fn a_call_under_way_when_the_sms_is_killed_ends_for_its_client_and_on_its_node() {
    let mut sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let _node = Spearlet::of(&sms, "one").await;
    sms.deploy_compiled(&Function::spin(Duration::from_secs(3600))).await;
    let mut client = Program::start(sms.home.spear(["--sms", &sms.url, "invoke", "spin"]));
    sms.is_running(1).await;

    sms.kill_and_start_again("sms").await;
    assert_eq!(client.exited().await.code(), Some(3));
    assert!(client.stderr.text().contains(&format!("error[Unreachable]: cannot reach the SMS at {}", sms.url)));
    eventually("the node", async || sms.api.live_nodes().await.pop()).await;
    sms.is_running(0).await;
}

#[tokio::test]
async fn what_was_half_written_is_gone() {
    let mut sms = Sms::alone().await;
    sms.api.put("b", "whole", "whole").await.unwrap();
    let before = sms.kept().await;
    let (out, parts) = mpsc::unbounded();
    let header = v1::PutObjectHeader { bucket: "b".to_owned(), key: "half".to_owned(), ..Default::default() };
    let chunk = v1::Chunk { data: vec![7; 1 << 20].into() };
    for part in [v1::put_object_request::Part::Header(header), v1::put_object_request::Part::Chunk(chunk)] {
        out.unbounded_send(v1::PutObjectRequest { part: Some(part) }).unwrap();
    }
    let mut client = sms.api.objects();
    let put = tokio::spawn(async move { client.put_object(parts).await });
    eventually("a file in the making", async || (sms.blobs() != before.blobs).then_some(())).await;

    sms.kill_and_start_again("sms").await;
    assert!(put.await.unwrap().is_err());
    assert_eq!(sms.kept().await, before);
    sms.api.get("b", "half").await.refused(Code::UnknownObject, Grpc::NotFound);
}

#[tokio::test]
async fn what_was_answered_before_the_kill_is_kept_although_more_was_under_way() {
    let mut sms = Sms::alone().await;
    let api = sms.api.clone();
    let (answered, mut keys) = tokio::sync::mpsc::unbounded_channel();
    let putting = tokio::spawn(async move {
        for number in 0.. {
            let key = number.to_string();
            if api.put("b", &key, key.clone()).await.is_err() {
                break;
            }
            answered.send(key).unwrap();
        }
    });
    let mut kept = Vec::new();
    while kept.len() < 20 {
        kept.push(keys.recv().await.unwrap());
    }
    sms.kill_and_start_again("sms").await;
    putting.abort();
    for key in kept {
        assert_eq!(sms.api.get("b", &key).await.unwrap(), key.as_bytes());
    }
}

#[tokio::test]
async fn two_on_the_same_data_or_the_same_port_are_one_too_many() {
    let sms = Sms::alone().await;
    let same_data = sms.home.run(["-o", "json", "sms", "--listen", "127.0.0.1:0"]).await;
    assert!(same_data.error()["message"].as_str().unwrap().contains("in use by another process"), "{same_data:?}");

    let address = sms.url.trim_start_matches("http://");
    let same_port = sms.home.beside().run(["-o", "json", "sms", "--listen", address]).await;
    assert!(
        same_port.error()["message"].as_str().unwrap().contains(&format!("cannot listen on {address}")),
        "{same_port:?}"
    );
    assert_eq!(same_port.stdout, "", "it never said that it listens");
}
