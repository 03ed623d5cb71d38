//! Many writers at once, and an SMS that is killed under them: what was acknowledged is there, once.

use std::{array, collections::BTreeSet, ops::RangeInclusive};

use bytes::Bytes;
use spear_proto::v1::{self, ObjectChange, condition::Is, value_change::Kind};
use spear_types::{Code, Digest};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Code as Grpc, Status};

use crate::harness::{Api, Random, Refused as _, Sms, seed, soon};

const WRITERS: u64 = 8;
const OBJECTS: usize = 10;

/// One operation, which adds one to something or takes one away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Put,
    AddRef,
    RemoveRef,
    Increment,
}

/// What is known of an object and the number beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    version: u64,
    references: u64,
    number: u64,
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    acknowledged: Vec<(usize, Operation)>,
    /// The one that it was never answered: done or not.
    in_flight: Option<(usize, Operation)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn references_versions_and_numbers_equal_what_was_acknowledged() {
    let sms = Sms::alone().await;
    begin(&sms).await;
    let before = counts(&sms).await;
    let (told, mut acknowledged) = write(&sms, seed(), 1_000);
    let told = told.join_all().await;
    assert!(told.iter().all(|told| told.in_flight.is_none()));
    let mut count = 0;
    while acknowledged.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, WRITERS * 1_000);
    check(&sms, before, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_kill_and_at_most_one_operation_of_each_writer_more() {
    let mut sms = Sms::alone().await;
    let seed = seed();
    let mut random = Random::new(seed);
    begin(&sms).await;
    for round in 0..3 {
        let before = counts(&sms).await;
        let (told, mut acknowledged) = write(&sms, seed + round, 1_000);
        for _ in 0..=random.below(1_000) {
            soon("an acknowledged operation", acknowledged.recv()).await.expect("the writers go on");
        }
        sms.kill_and_start_again("sms").await;
        let told = told.join_all().await;
        check(&sms, before, &told).await;
    }
    // It goes on where it is now.
    let before = counts(&sms).await;
    let told = write(&sms, seed, 50).0.join_all().await;
    assert!(told.iter().all(|told| told.in_flight.is_none()));
    check(&sms, before, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_that_want_the_same_etag_or_version_one_wins() {
    let sms = Sms::alone().await;
    let mut there = sms.api.put("b", "k", "first").await.unwrap();
    for round in 0..25 {
        let etag = Is::Etag(there.etag.to_string());
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let is = if writer % 2 == 0 { etag.clone() } else { Is::Version(there.version) };
            writers.spawn(swap(Api::new(&sms.url), is, format!("{round} of {writer}")));
        }
        let answers = writers.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, WRITERS as usize - 1));
        there = won.into_iter().next().unwrap().unwrap();
        for lost in lost {
            let refusal = lost.refused(Code::ConditionFailed, Grpc::FailedPrecondition);
            assert_eq!(refusal.version, Some(there.version));
        }
        assert_eq!(sms.api.stat("b", "k").await.unwrap(), there);
    }
}

async fn swap(api: Api, is: Is, bytes: String) -> Result<spear_types::ObjectInfo, Status> {
    let condition = Some(v1::Condition { is: Some(is) });
    let (bucket, key) = ("b".to_owned(), "k".to_owned());
    api.put_parts(v1::PutObjectHeader { bucket, key, condition, ..Default::default() }, bytes.into()).await
}

/// Each object has one reference that nobody takes away.
async fn begin(sms: &Sms) {
    for object in 0..OBJECTS {
        sms.api.put("b", &object.to_string(), "begin").await.unwrap();
        sms.api.change("b", &object.to_string(), ObjectChange::AddRef).await.unwrap();
    }
}

/// Has all writers write; each operation that is acknowledged is also told at once.
fn write(sms: &Sms, seed: u64, operations: u64) -> (JoinSet<Told>, mpsc::UnboundedReceiver<()>) {
    let (teller, acknowledged) = mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let random = Random::new(seed.wrapping_add(writer));
        writers.spawn(write_often(Api::new(&sms.url), random, operations, teller.clone()));
    }
    (writers, acknowledged)
}

async fn write_often(api: Api, mut random: Random, operations: u64, teller: mpsc::UnboundedSender<()>) -> Told {
    let (mut told, mut held) = (Told::default(), [0_u64; OBJECTS]);
    for number in 0..operations {
        let object = random.below(OBJECTS as u64) as usize;
        let operation = match random.below(4) {
            0 => Operation::Put,
            1 if held[object] > 0 => Operation::RemoveRef,
            1 | 2 => Operation::AddRef,
            _ => Operation::Increment,
        };
        if let Err(status) = operation.perform(&api, object, format!("{} {number}", random.below(u64::MAX))).await {
            assert_ne!(status.code(), Grpc::FailedPrecondition, "{status}");
            told.in_flight = Some((object, operation));
            break;
        }
        match operation {
            Operation::AddRef => held[object] += 1,
            Operation::RemoveRef => held[object] -= 1,
            Operation::Put | Operation::Increment => {}
        }
        told.acknowledged.push((object, operation));
        let _ = teller.send(());
    }
    told
}

impl Operation {
    async fn perform(self, api: &Api, object: usize, bytes: String) -> Result<(), Status> {
        let key = object.to_string();
        match self {
            Self::Put => api.put("b", &key, bytes).await.map(drop),
            Self::AddRef => api.change("b", &key, ObjectChange::AddRef).await.map(drop),
            Self::RemoveRef => api.change("b", &key, ObjectChange::RemoveRef).await.map(drop),
            Self::Increment => {
                api.change_value("s", &key, Kind::Increment(v1::IncrementValue { by: 1 })).await.map(drop)
            }
        }
    }
}

async fn counts(sms: &Sms) -> [Count; OBJECTS] {
    let mut counts = [Count::default(); OBJECTS];
    for (object, count) in counts.iter_mut().enumerate() {
        let key = object.to_string();
        let info = sms.api.stat("b", &key).await.expect("every object is there");
        let value =
            sms.api.value("s", &key).await.expect("an answer").map_or_else(|| Bytes::from("0"), |(value, _)| value);
        let number = std::str::from_utf8(&value).expect("text").parse().expect("a number");
        *count = Count { version: info.version, references: info.references, number };
    }
    counts
}

/// Everything that was acknowledged happened once; what was in flight once or not at all; nothing else.
async fn check(sms: &Sms, before: [Count; OBJECTS], told: &[Told]) {
    let after = counts(sms).await;
    for object in 0..OBJECTS {
        let of = |operation, all: &mut dyn Iterator<Item = (usize, Operation)>| {
            all.filter(|done| *done == (object, operation)).count() as u64
        };
        let done = |operation| of(operation, &mut told.iter().flat_map(|told| told.acknowledged.iter().copied()));
        let maybe = |operation| of(operation, &mut told.iter().filter_map(|told| told.in_flight));
        let range = |before: u64, more, fewer: Option<Operation>| -> RangeInclusive<u64> {
            let (removed, maybe_removed) = fewer.map_or((0, 0), |fewer| (done(fewer), maybe(fewer)));
            let sum = before + done(more) - removed;
            sum - maybe_removed..=sum + maybe(more)
        };
        let (before, after) = (before[object], after[object]);
        let versions = range(before.version, Operation::Put, None);
        let references = range(before.references, Operation::AddRef, Some(Operation::RemoveRef));
        let numbers = range(before.number, Operation::Increment, None);
        assert!(versions.contains(&after.version), "object {object}: {versions:?} {after:?}");
        assert!(references.contains(&after.references), "object {object}: {references:?} {after:?}");
        assert!(numbers.contains(&after.number), "object {object}: {numbers:?} {after:?}");
    }
    check_bytes(sms).await;
}

/// Every object has its bytes, and there is no file that is nobody's.
async fn check_bytes(sms: &Sms) {
    let mut etags = BTreeSet::new();
    for key in array::from_fn::<_, OBJECTS, _>(|object| object.to_string()) {
        let (info, bytes) = (sms.api.stat("b", &key).await.unwrap(), sms.api.get("b", &key).await.unwrap());
        assert_eq!(Digest::of(&bytes), info.etag);
        etags.insert(format!("{}/{}", &info.etag.to_string()[..2], info.etag));
    }
    assert_eq!(sms.blobs(), etags);
}
