//! Every capability under every grant: what is denied, and the line that would allow it.

use spear_guest::{Failure, config, http::Request, http::Response, kv, log, objects, resources, secrets, tasks};

use crate::host;

type Use = fn() -> Result<(), Failure>;

fn read_object() -> Result<(), Failure> {
    objects::bucket("photos")?.get("a")?;
    Ok(())
}

fn write_object() -> Result<(), Failure> {
    objects::bucket("photos")?.put("b", b"1")?;
    Ok(())
}

fn refer() -> Result<(), Failure> {
    objects::bucket("photos")?.add_ref("a")?;
    Ok(())
}

fn batch() -> Result<(), Failure> {
    objects::bucket("photos")?.batch([objects::Operation::pin("a")])?;
    Ok(())
}

fn list_objects() -> Result<(), Failure> {
    objects::bucket("photos")?.list("").collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn read_value() -> Result<(), Failure> {
    kv::store("counters")?.get("a")?;
    Ok(())
}

fn list_values() -> Result<(), Failure> {
    kv::store("counters")?.list("").collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn write_value() -> Result<(), Failure> {
    kv::store("counters")?.put("a", b"1")?;
    Ok(())
}

fn increment() -> Result<(), Failure> {
    kv::store("counters")?.increment("a", 1)?;
    Ok(())
}

fn apply() -> Result<(), Failure> {
    kv::store("counters")?.apply([kv::Change::delete("a"), kv::Change::increment("a", 1)])?;
    Ok(())
}

fn invoke() -> Result<(), Failure> {
    Ok(tasks::invoke("other", ())?)
}

fn secret() -> Result<(), Failure> {
    secrets::get("api-key")?;
    Ok(())
}

fn request() -> Result<(), Failure> {
    Request::get("https://api.test/").send()?;
    Ok(())
}

fn request_inside() -> Result<(), Failure> {
    Request::get("http://[::ffff:10.0.0.1]:8080/").send()?;
    Ok(())
}

fn ungranted() -> Result<(), Failure> {
    log::info!("hi");
    config::all()?;
    resources::limits();
    resources::usage();
    resources::remaining();
    resources::who_am_i();
    Ok(())
}

const READ_PHOTOS: &str = "[grants.objects]\nphotos = \"read\"";
const WRITE_PHOTOS: &str = "[grants.objects]\nphotos = \"write\"";
const BOTH_PHOTOS: &str = "[grants.objects]\nphotos = \"read-write\"";
const READ_COUNTERS: &str = "[grants.kv]\ncounters = \"read\"";
const WRITE_COUNTERS: &str = "[grants.kv]\ncounters = \"write\"";
const BOTH_COUNTERS: &str = "[grants.kv]\ncounters = \"read-write\"";
const INSIDE: &str = "[grants]\nhttp = [\"http://[::ffff:10.0.0.1]:8080\"]";

/// A use, the grants, and the line that is lacking.
const TABLE: &[(Use, &str, Option<&str>)] = &[
    (ungranted, "", None),
    (read_object, "", Some(READ_PHOTOS)),
    (read_object, "[grants.objects]\nother = \"read\"", Some(READ_PHOTOS)),
    (read_object, READ_PHOTOS, None),
    (read_object, WRITE_PHOTOS, Some(BOTH_PHOTOS)),
    (list_objects, READ_PHOTOS, None),
    (list_objects, WRITE_PHOTOS, Some(BOTH_PHOTOS)),
    (write_object, READ_PHOTOS, Some(BOTH_PHOTOS)),
    (write_object, WRITE_PHOTOS, None),
    (refer, READ_PHOTOS, Some(BOTH_PHOTOS)),
    (refer, WRITE_PHOTOS, None),
    (batch, READ_PHOTOS, Some(BOTH_PHOTOS)),
    (batch, BOTH_PHOTOS, None),
    (read_value, "", Some(READ_COUNTERS)),
    (read_value, READ_COUNTERS, None),
    (read_value, WRITE_COUNTERS, Some(BOTH_COUNTERS)),
    (list_values, WRITE_COUNTERS, Some(BOTH_COUNTERS)),
    (list_values, READ_COUNTERS, None),
    (write_value, READ_COUNTERS, Some(BOTH_COUNTERS)),
    (write_value, WRITE_COUNTERS, None),
    (increment, WRITE_COUNTERS, Some(BOTH_COUNTERS)),
    (increment, BOTH_COUNTERS, None),
    (apply, WRITE_COUNTERS, Some(BOTH_COUNTERS)),
    (apply, BOTH_COUNTERS, None),
    (invoke, "", Some("[grants]\ntasks = [\"other\"]")),
    (invoke, "[grants]\ntasks = [\"another\"]", Some("[grants]\ntasks = [\"other\"]")),
    (invoke, "[grants]\ntasks = [\"other\"]", None),
    (secret, "", Some("[grants]\nsecrets = [\"api-key\"]")),
    (secret, "[grants]\nsecrets = [\"api-key\"]", None),
    (request, "", Some("[grants]\nhttp = [\"https://api.test\"]")),
    (request, "[grants]\nhttp = [\"http://api.test\", \"https://api.test:8443\"]", Some("https://api.test")),
    (request, "[grants]\nhttp = [\"https://*.test\"]", None),
    (request_inside, "", Some(INSIDE)),
    (request_inside, INSIDE, Some("[grants]\nnetworks = [\"10.0.0.1/32\"]")),
    (request_inside, "[grants]\nhttp = [\"http://*:*\"]\nnetworks = [\"10.0.0.0/8\"]", None),
];

#[test]
fn each_use_needs_its_grant_and_a_denial_has_the_line_to_add() {
    for (index, (run, grants, lacking)) in TABLE.iter().enumerate() {
        let host = host(grants)
            .object("photos", "a", b"1")
            .value("counters", "a", b"1")
            .secret("api-key", "hunter2")
            .function("other", |_| Ok(Default::default()))
            .http("https://api.test", |_| Response::new(200, ""))
            .http("http://*:*", |_| Response::new(200, ""));
        match (run(), lacking) {
            (Ok(()), None) => assert!(host.denials().is_empty()),
            (Err(failure), Some(line)) => {
                assert_eq!((failure.code.as_str(), failure.retryable), ("denied", false), "{index}: {failure}");
                assert!(failure.message.contains("add to spear.toml:\n"), "{index}: {failure}");
                assert!(failure.message.contains(line), "{index}: {failure}");
                assert_eq!(host.denials(), [failure.message], "{index}");
                assert!(host.requests().is_empty() && host.get_object("photos", "b").is_none(), "{index}");
            }
            (done, lacking) => panic!("{index}: {done:?}, lacking {lacking:?}"),
        }
    }
}

#[test]
fn a_denial_is_in_the_log_once_with_the_line_to_add() {
    let host = host("");
    for _ in 0..3 {
        secrets::get("api-key").unwrap_err();
    }
    let logs = host.logs();
    assert_eq!((logs.len(), logs[0].message.as_str()), (1, "denied: the secret \"api-key\""));
    let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let grant = "[grants]\nsecrets = [\"api-key\"]";
    assert_eq!(logs[0].fields, [field("grant", grant), field("lacking-in", "spear.toml")]);
}

#[test]
fn a_policy_takes_away_what_it_does_not_allow() {
    let host =
        host("[grants.objects]\nphotos = \"read-write\"\n").policy("spear = 1\n[grants.objects]\n\"*\" = \"read\"");
    let error = objects::bucket("photos").unwrap().put("a", b"").unwrap_err().to_string();
    assert!(error.contains("not allowed by the operator") && error.ends_with("photos = \"read-write\""), "{error}");
    assert_eq!(host.logs()[0].fields[1].1, "the operator's policy");
}
