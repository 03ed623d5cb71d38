//! As a component asks: through the functions that its linker has.

use super::{Answer, Ask, Object, Value, task};
use crate::{
    State,
    bindings::spear::hostcalls::{
        kv::{self, HostStore as _},
        objects::{self, HostBucket as _},
        secrets::{self, Host as _},
        tasks::{self, Host as _},
    },
};

fn told<T, E>(answer: wasmtime::Result<Result<T, E>>, name: impl FnOnce(E) -> (&'static str, String)) -> Answer {
    answer.unwrap().map(|_| ()).map_err(name)
}

impl Ask {
    /// As a component calls.
    pub(in super::super) async fn component(self, state: &mut State) -> Answer {
        match self {
            Self::Object(ask) => ask.component(state).await,
            Self::Value(ask) => ask.component(state).await,
            Self::Secret(name) => told(state.own.secrets().get(name.to_owned()).await, secret_error),
            Self::Invoke(function) => told(state.own.tasks().invoke(function.to_owned(), call()).await, task_error),
            Self::Submit => told(state.own.tasks().submit("mine".to_owned(), call(), options()).await, task_error),
            Self::Status => told(state.own.tasks().status(task()).await, task_error),
        }
    }
}

fn call() -> tasks::Call {
    tasks::Call { content_type: None, headers: Vec::new(), body: b"body".to_vec() }
}

fn options() -> tasks::Options {
    tasks::Options { key: None, priority: None, delay_ms: None, deadline_ms: None, max_attempts: None }
}

impl Object {
    async fn component(self, state: &mut State) -> Answer {
        let mut handles = crate::objects::Handles { view: state.own.objects(), table: &mut state.table };
        let bucket = match handles.open("mine".to_owned()).await.unwrap() {
            Ok(bucket) => bucket,
            Err(error) => return Err(object_error(error)),
        };
        let (key, none) = ("k".to_owned(), objects::Condition::None);
        match self {
            Self::Get => told(handles.get(bucket, key).await, object_error),
            Self::GetRange => told(handles.get_range(bucket, key, 1, 2).await, object_error),
            Self::Stat => told(handles.stat(bucket, key).await, object_error),
            Self::List => told(handles.list(bucket, key, None, 10).await, object_error),
            Self::Put => told(handles.put(bucket, key, b"new".to_vec(), None, none).await, object_error),
            Self::Large => told(handles.put(bucket, key, vec![0; 11], None, none).await, object_error),
            Self::Delete => told(handles.delete(bucket, key, none, true).await, object_error),
            Self::AddRef => told(handles.add_ref(bucket, key).await, object_error),
            Self::RemoveRef => told(handles.remove_ref(bucket, key).await, object_error),
            Self::Pin => told(handles.pin(bucket, key).await, object_error),
            Self::Unpin => told(handles.unpin(bucket, key).await, object_error),
            Self::Batch(count) => {
                let operations = (0..count).map(|_| objects::Operation::Pin(key.clone())).collect();
                told(handles.batch(bucket, operations).await, object_error)
            }
        }
    }
}

impl Value {
    async fn component(self, state: &mut State) -> Answer {
        let mut handles = crate::kv::Handles { view: state.own.kv(), table: &mut state.table };
        let store = match handles.open("mine".to_owned()).await.unwrap() {
            Ok(store) => store,
            Err(error) => return Err(value_error(error)),
        };
        let (key, any) = ("k".to_owned(), kv::Expected::Anything);
        match self {
            Self::Get => told(handles.get(store, key).await, value_error),
            Self::GetMany(count) => told(handles.get_many(store, vec!["absent".to_owned(); count]).await, value_error),
            Self::List => told(handles.list(store, key, None, 10).await, value_error),
            Self::Put => told(handles.put(store, key, b"new".to_vec(), any).await, value_error),
            Self::Large => told(handles.put(store, key, vec![0; (1 << 20) + 1], any).await, value_error),
            Self::Delete => told(handles.delete(store, key, any).await, value_error),
            Self::Increment => told(handles.increment(store, key, 1).await, value_error),
            Self::ApplyPuts => {
                let put = kv::Change::Put((key, b"new".to_vec(), any));
                told(handles.apply(store, vec![put]).await, value_error)
            }
            Self::ApplyIncrement => {
                let changes = vec![kv::Change::Delete((key.clone(), any)), kv::Change::Increment((key, 1))];
                told(handles.apply(store, changes).await, value_error)
            }
            Self::ApplyNothing => told(handles.apply(store, Vec::new()).await, value_error),
        }
    }
}

fn object_error(error: objects::Error) -> (&'static str, String) {
    match error {
        objects::Error::Denied(text) => ("denied", text),
        objects::Error::OverLimit(text) => ("over-limit", text),
        other => ("other", other.to_string()),
    }
}

fn value_error(error: kv::Error) -> (&'static str, String) {
    match error {
        kv::Error::Denied(text) => ("denied", text),
        kv::Error::OverLimit(text) => ("over-limit", text),
        other => ("other", other.to_string()),
    }
}

fn secret_error(error: secrets::Error) -> (&'static str, String) {
    match error {
        secrets::Error::Denied(text) => ("denied", text),
        other => ("other", other.to_string()),
    }
}

fn task_error(error: tasks::Error) -> (&'static str, String) {
    match error {
        tasks::Error::Denied(text) => ("denied", text),
        tasks::Error::OverLimit(text) => ("over-limit", text),
        tasks::Error::UnknownTask(text) => ("unknown-task", text),
        other => ("other", other.to_string()),
    }
}
