//! Values against a model: a list of what is there.

use proptest::{collection::vec, prelude::*};
use spear_guest::kv::{self, Change, Entry, Error, Expected};

use crate::host;

const GRANTED: &str = "[grants.kv]\ns = \"read-write\"\nt = \"read-write\"";

/// One step; an expected version is meant as the key's own, moved by this.
#[derive(Clone, Debug)]
enum Step {
    Put(String, Vec<u8>, Option<i8>),
    Delete(String, Option<i8>),
    Increment(String, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = "[ab]{1,2}";
    let shift = prop::option::of(-1_i8..2);
    let value = prop_oneof![Just(b"7".to_vec()), Just(b"x".to_vec()), Just(i64::MAX.to_string().into_bytes())];
    prop_oneof![
        (key, value, shift.clone()).prop_map(|(key, value, shift)| Step::Put(key, value, shift)),
        (key, shift).prop_map(|(key, shift)| Step::Delete(key, shift)),
        (key, -2_i64..3).prop_map(|(key, by)| Step::Increment(key, by)),
    ]
}

#[derive(Clone, Default)]
struct Model {
    entries: Vec<(String, Entry)>,
    /// The last version that was given, of all stores.
    last: u64,
}

impl Model {
    fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|(own, _)| own == key).map(|(_, entry)| entry)
    }

    fn expected(&self, key: &str, shift: Option<i8>) -> Expected {
        match (shift, self.find(key)) {
            (None, _) => Expected::Anything,
            (Some(1), None) => Expected::Absent,
            (Some(shift), found) => {
                Expected::Version(found.map_or(1, |entry| entry.version).wrapping_add_signed(shift.into()))
            }
        }
    }

    fn change(&self, step: &Step) -> Change {
        match step.clone() {
            Step::Put(key, value, shift) => Change::Put { expected: self.expected(&key, shift), key, value },
            Step::Delete(key, shift) => Change::Delete { expected: self.expected(&key, shift), key },
            Step::Increment(key, by) => Change::Increment { key, by },
        }
    }

    /// What the change should come to: the code of its error, or the model after it.
    fn after(&self, change: &Change) -> Result<Self, &'static str> {
        let mut next = self.clone();
        let (key, value) = match change {
            Change::Put { key, value, expected } => self.check(key, *expected).map(|()| (key, Some(value.clone())))?,
            Change::Delete { key, expected } => self.check(key, *expected).map(|()| (key, None))?,
            Change::Increment { key, by } => {
                let text = self
                    .find(key)
                    .map_or_else(|| "0".to_owned(), |entry| String::from_utf8(entry.value.clone()).unwrap());
                let number = text.parse::<i64>().ok().and_then(|number| number.checked_add(*by));
                (key, Some(number.ok_or("not-a-number")?.to_string().into_bytes()))
            }
        };
        next.entries.retain(|(own, _)| own != key);
        next.last += u64::from(value.is_some());
        next.entries.extend(value.map(|value| (key.clone(), Entry { value, version: next.last })));
        next.entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(next)
    }

    fn check(&self, key: &str, expected: Expected) -> Result<(), &'static str> {
        let version = self.find(key).map(|entry| entry.version);
        let met = match expected {
            Expected::Anything => true,
            Expected::Absent => version.is_none(),
            Expected::Version(wanted) => version == Some(wanted),
        };
        if met { Ok(()) } else { Err("conflict") }
    }
}

fn make(store: &kv::Store, change: &Change) -> Result<(), Error> {
    match change.clone() {
        Change::Put { key, value, expected } => store.put_if(&key, value, expected).map(drop),
        Change::Delete { key, expected } => store.delete_if(&key, expected).map(drop),
        Change::Increment { key, by } => store.increment(&key, by).map(drop),
    }
}

fn listed(store: &kv::Store) -> Vec<(String, Entry)> {
    store.list("").collect::<Result<_, _>>().unwrap()
}

proptest! {
    #[test]
    fn a_store_is_what_its_changes_make_it_and_no_version_is_given_twice(steps in vec(step(), 1..40), together: bool) {
        let _host = host(GRANTED);
        let store = kv::store("s").unwrap();
        let mut model = Model::default();
        for step in &steps {
            // Another store takes versions from the same count.
            kv::store("t").unwrap().put("other", b"").unwrap();
            model.last += 1;
            let change = model.change(step);
            let done = if together { store.apply([change.clone()]) } else { make(&store, &change) };
            match (done, model.after(&change)) {
                (Ok(()), Ok(after)) => model = after,
                (Err(error), Err(code)) => prop_assert_eq!(error.code(), code),
                (done, _) => prop_assert!(false, "{:?}: {:?}", change, done),
            }
            prop_assert_eq!(&listed(&store), &model.entries);
        }
    }

    #[test]
    fn a_batch_is_made_whole_or_not_at_all(steps in vec(step(), 1..8)) {
        let _host = host(GRANTED);
        let store = kv::store("s").unwrap();
        store.put("a", b"1").unwrap();
        let before = listed(&store);
        let start = Model { entries: before.clone(), last: 1 };
        let changes: Vec<_> = steps.iter().map(|step| start.change(step)).collect();
        let end = changes.iter().try_fold(start, |model, change| model.after(change));
        match (store.apply(changes), end) {
            (Ok(()), Ok(end)) => prop_assert_eq!(listed(&store), end.entries),
            (Err(error), Err(code)) => {
                prop_assert_eq!(error.code(), code);
                prop_assert_eq!(listed(&store), before);
            }
            (done, _) => prop_assert!(false, "{:?}", done),
        }
    }
}

#[test]
fn a_key_that_was_deleted_and_written_again_has_another_version() {
    let _host = host(GRANTED);
    let store = kv::store("s").unwrap();
    let first = store.put("a", b"1").unwrap();
    assert!(store.delete("a").unwrap() && !store.delete("a").unwrap());
    assert!(store.put("a", b"1").unwrap() > first);
    let error = store.put_if("a", b"2", Expected::Version(first)).unwrap_err();
    assert_eq!(error.to_string(), "the key \"a\" has the version 2, another was expected");
}

#[test]
fn malformed_names_and_keys_are_refused() {
    let _host = host(GRANTED);
    assert_eq!(kv::store("No").unwrap_err().code(), "invalid");
    let store = kv::store("s").unwrap();
    for key in ["", "a\nb", &"k".repeat(1_025)] {
        assert_eq!(store.get(key).unwrap_err().code(), "invalid", "{key}");
        assert_eq!(store.put(key, b"").unwrap_err().code(), "invalid", "{key}");
    }
    assert_eq!(store.list(&"k".repeat(1_025)).next().unwrap().unwrap_err().code(), "invalid");
}
