//! Every limit: the last that is allowed, and the first that is not.

use spear_guest::{http::Request, http::Response, kv, log, objects, resources, tasks};

use crate::host;

#[track_caller]
fn over<T: std::fmt::Debug, E: std::error::Error + 'static>(result: Result<T, E>, limit: &str) {
    let failure = spear_guest::Failure::from(result.unwrap_err());
    assert!(["over-limit", "too-large"].contains(&failure.code.as_str()), "{failure}");
    assert!(failure.message.contains(limit), "{failure}");
}

#[test]
fn payload_bounds_what_is_put_and_what_is_read() {
    let _host = host("[limits]\npayload = 10\n[grants.objects]\nb = \"read-write\"\n[grants.kv]\ns = \"read-write\"")
        .object("b", "large", [0; 11])
        .value("s", "large", [0; 11])
        .value("s", "small", [0; 4]);
    let (bucket, store) = (objects::bucket("b").unwrap(), kv::store("s").unwrap());
    bucket.put("k", [0; 10]).unwrap();
    over(bucket.put("k", [0; 11]), "11 bytes are over the limit `payload` of 10");
    over(bucket.batch([objects::Operation::put("k", [0; 11])]), "`payload` of 10");
    over(bucket.get("large"), "`payload` of 10");
    assert_eq!(bucket.get_range("large", 1, 100).unwrap().len(), 10);
    assert_eq!(bucket.get_range("large", 100, 100).unwrap().len(), 0);
    assert_eq!(bucket.get_range("large", u64::MAX, u64::MAX).unwrap().len(), 0);
    over(store.get("large"), "the limit `payload` is 10");
    over(store.get_many(["small", "small", "small"]), "12 bytes, the limit `payload` is 10");
    over(store.list("large").next().unwrap(), "`payload` of 10 bytes");
    store.put("large", [0; 100]).unwrap();
}

#[test]
fn payload_bounds_calls_replies_requests_and_responses() {
    let _host = host("[limits]\npayload = 40\n[grants]\ntasks = [\"f\"]\nhttp = [\"https://a.test\"]")
        .function("f", |call| Ok(spear_guest::Reply::new("a/b", call.body.repeat(2))))
        .http("https://a.test", |request| Response::new(200, request.body.repeat(2)));
    let bytes = |count| vec![0; count];
    tasks::invoke::<Vec<u8>>("f", spear_guest::Call { body: bytes(18), ..Default::default() }).unwrap();
    over(
        tasks::invoke::<Vec<u8>>("f", spear_guest::Call { body: bytes(19), ..Default::default() }),
        "the reply has 41",
    );
    over(tasks::invoke::<Vec<u8>>("f", spear_guest::Call { body: bytes(41), ..Default::default() }), "the call has 41");
    let send = |count, max| Request::post("https://a.test/").body(bytes(count)).max_body(max).send();
    assert_eq!(send(20, 100).unwrap().body.len(), 40);
    over(send(21, 100), "limit of 40 bytes");
    over(send(10, 19), "limit of 19 bytes");
    over(send(41, 100), "the limit `payload` is 40");
}

#[test]
fn handles_are_counted_while_they_are_open() {
    let _host = host("[limits]\nhandles = 2\n[grants.objects]\nb = \"read\"\n[grants.kv]\ns = \"read\"");
    let _bucket = objects::bucket("b").unwrap();
    let store = kv::store("s").unwrap();
    over(objects::bucket("b"), "2 handles are open, the limit `handles`");
    over(kv::store("s"), "the limit `handles`");
    drop(store);
    objects::bucket("b").unwrap();
}

#[test]
fn calls_and_requests_are_counted() {
    let _host = host("[limits]\ncalls = 1\nrequests = 1\n[grants]\ntasks = [\"f\"]\nhttp = [\"https://a.test\"]")
        .function("f", |_| Ok(Default::default()))
        .http("https://a.test", |_| Response::new(200, ""));
    tasks::invoke::<()>("f", ()).unwrap();
    over(tasks::invoke::<()>("f", ()), "1 function(s) were invoked or submitted, the limit `calls` is 1");
    Request::get("https://a.test/").send().unwrap();
    over(Request::get("https://a.test/").send(), "the limit `requests`");
}

#[test]
fn batches_pages_and_values_have_sizes() {
    let _host =
        host("[limits]\npayload = \"8MiB\"\n[grants.objects]\nb = \"read-write\"\n[grants.kv]\ns = \"read-write\"");
    let (bucket, store) = (objects::bucket("b").unwrap(), kv::store("s").unwrap());
    let put = |index: usize| objects::Operation::put(format!("k{index:04}"), *b"1");
    bucket.batch((0..1_000).map(put)).unwrap();
    over(bucket.batch((0..1_001).map(put)), "1001 operations are over the limit of 1000");
    bucket.put("last", b"").unwrap();
    assert_eq!(bucket.list("").count(), 1_001);
    let set = |index: usize| kv::Change::put(format!("k{index:04}"), *b"1");
    store.apply((0..1_000).map(set)).unwrap();
    over(store.apply((0..1_001).map(set)), "1001 changes are over the limit of 1000");
    over(store.get_many((0..1_001).map(|index| index.to_string())), "1001 keys");
    over(store.put("k", vec![0; (1 << 20) + 1]), "\"k\" has 1048577 bytes, the limit is 1048576");
    let large = |index: usize| kv::Change::put(format!("large{index}"), vec![0; 1 << 20]);
    over(store.apply((0..4).map(large)), "the limit for a batch is 4194304");
    (0..4).for_each(|index| store.apply([large(index)]).unwrap());
    over(store.get_many((0..4).map(|index| format!("large{index}"))), "more than 4194304 bytes in all");
    assert_eq!(store.list("").count(), 1_004);
}

#[test]
fn a_log_ends_at_its_limit() {
    let host = host("[limits]\nlog = 200");
    (0..10).for_each(|line| log::info!("{line}"));
    assert_eq!(host.logs().len(), 3);
    assert_eq!((resources::usage().log_bytes, resources::remaining().log_bytes), (195, 5));
}

#[test]
fn a_run_knows_the_limits_of_its_manifest() {
    let _host = host("[limits]\nmemory = \"32MiB\"\nfuel = 5\ntimeout = \"3s\"");
    let limits = resources::limits();
    assert_eq!((limits.memory_bytes, limits.fuel, limits.timeout.as_secs()), (32 << 20, Some(5), 3));
    assert_eq!((limits.payload_bytes, limits.calls, limits.requests), (4 << 20, 100, 100));
    assert_eq!(resources::who_am_i().function, "tested");
}
