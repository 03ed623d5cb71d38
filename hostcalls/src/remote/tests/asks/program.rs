//! As a program asks: over its socket.

use spear_wire::v1::{
    self, kv_error, objects_error, objects_operation as operation, secrets_error, tasks_error,
    value_change::Kind as Change,
};
use tonic::{Response, Status};

use super::{super::Clients, Answer, Ask, Object, Value, task};

/// The error in an answer; a status is none of a hostcall's.
macro_rules! told {
    ($answer:expr, $name:expr) => {
        match answered($answer).error {
            Some(error) => Err($name(error.kind.unwrap())),
            None => Ok(()),
        }
    };
}

fn answered<T>(answer: Result<Response<T>, Status>) -> T {
    answer.unwrap().into_inner()
}

impl Ask {
    /// As a program calls.
    pub(in super::super) async fn program(self, clients: &mut Clients) -> Answer {
        let tasks = &mut clients.tasks;
        match self {
            Self::Object(ask) => ask.program(clients).await,
            Self::Value(ask) => ask.program(clients).await,
            Self::Secret(name) => {
                let request = v1::SecretsGetRequest { name: name.to_owned() };
                told!(clients.secrets.get(request).await, secret_error)
            }
            Self::Invoke(function) => {
                let request = v1::TasksInvokeRequest { function: function.to_owned(), call: Some(call()) };
                told!(tasks.invoke(request).await, task_error)
            }
            Self::Submit => {
                let request = v1::TasksSubmitRequest { function: "mine".to_owned(), call: Some(call()), options: None };
                told!(tasks.submit(request).await, task_error)
            }
            Self::Status => told!(tasks.status(v1::TasksStatusRequest { task: task() }).await, task_error),
        }
    }
}

fn call() -> v1::Payload {
    v1::Payload { content_type: None, headers: Vec::new(), body: "body".into() }
}

impl Object {
    async fn program(self, clients: &mut Clients) -> Answer {
        let objects = &mut clients.objects;
        let (bucket, key) = ("mine".to_owned(), "k".to_owned());
        let at = v1::ObjectsKeyRequest { bucket: bucket.clone(), key: key.clone() };
        let put = |size| v1::ObjectsPutRequest {
            bucket: bucket.clone(),
            key: key.clone(),
            bytes: vec![0; size].into(),
            content_type: None,
            condition: None,
        };
        match self {
            Self::Get => told!(objects.get(at).await, object_error),
            Self::GetRange => {
                let request = v1::ObjectsGetRangeRequest { bucket, key, offset: 1, length: 2 };
                told!(objects.get_range(request).await, object_error)
            }
            Self::Stat => told!(objects.stat(at).await, object_error),
            Self::List => {
                let request = v1::ObjectsListRequest { bucket, prefix: key, after: None, limit: 10 };
                told!(objects.list(request).await, object_error)
            }
            Self::Put => told!(objects.put(put(3)).await, object_error),
            Self::Large => told!(objects.put(put(11)).await, object_error),
            Self::Delete => {
                let request = v1::ObjectsDeleteRequest { bucket, key, condition: None, force: true };
                told!(objects.delete(request).await, object_error)
            }
            Self::AddRef => told!(objects.add_ref(at).await, object_error),
            Self::RemoveRef => told!(objects.remove_ref(at).await, object_error),
            Self::Pin => told!(objects.pin(at).await, object_error),
            Self::Unpin => told!(objects.unpin(at).await, object_error),
            Self::Batch(count) => {
                let pin = operation::Kind::Change(v1::ObjectChange::Pin.into());
                let operation = v1::ObjectsOperation { key, kind: Some(pin) };
                let request = v1::ObjectsBatchRequest { bucket, operations: vec![operation; count] };
                told!(objects.batch(request).await, object_error)
            }
        }
    }
}

impl Value {
    async fn program(self, clients: &mut Clients) -> Answer {
        let kv = &mut clients.kv;
        let (store, key) = ("mine".to_owned(), "k".to_owned());
        let put = |size: usize| v1::KvPutRequest {
            store: store.clone(),
            key: key.clone(),
            value: vec![0; size].into(),
            expected: None,
        };
        let change = |kind| v1::ValueChange { key: key.clone(), kind: Some(kind) };
        match self {
            Self::Get => told!(kv.get(v1::KvGetRequest { store, key }).await, value_error),
            Self::GetMany(count) => {
                let request = v1::KvGetManyRequest { store, keys: vec!["absent".to_owned(); count] };
                told!(kv.get_many(request).await, value_error)
            }
            Self::List => {
                let request = v1::KvListRequest { store, prefix: key, after: None, limit: 10 };
                told!(kv.list(request).await, value_error)
            }
            Self::Put => told!(kv.put(put(3)).await, value_error),
            Self::Large => told!(kv.put(put((1 << 20) + 1)).await, value_error),
            Self::Delete => {
                told!(kv.delete(v1::KvDeleteRequest { store, key, expected: None }).await, value_error)
            }
            Self::Increment => {
                told!(kv.increment(v1::KvIncrementRequest { store, key, by: 1 }).await, value_error)
            }
            Self::ApplyPuts => {
                let put = Change::Put(v1::PutValue { value: "new".into(), expected: None });
                let changes = vec![change(put)];
                told!(kv.apply(v1::KvApplyRequest { store, changes }).await, value_error)
            }
            Self::ApplyIncrement => {
                let delete = Change::Delete(v1::DeleteValue { expected: None });
                let changes = vec![change(delete), change(Change::Increment(v1::IncrementValue { by: 1 }))];
                told!(kv.apply(v1::KvApplyRequest { store, changes }).await, value_error)
            }
            Self::ApplyNothing => {
                told!(kv.apply(v1::KvApplyRequest { store, changes: Vec::new() }).await, value_error)
            }
        }
    }
}

fn object_error(kind: objects_error::Kind) -> (&'static str, String) {
    match kind {
        objects_error::Kind::Denied(text) => ("denied", text),
        objects_error::Kind::OverLimit(text) => ("over-limit", text),
        other => ("other", format!("{other:?}")),
    }
}

fn value_error(kind: kv_error::Kind) -> (&'static str, String) {
    match kind {
        kv_error::Kind::Denied(text) => ("denied", text),
        kv_error::Kind::OverLimit(text) => ("over-limit", text),
        other => ("other", format!("{other:?}")),
    }
}

fn secret_error(kind: secrets_error::Kind) -> (&'static str, String) {
    match kind {
        secrets_error::Kind::Denied(text) => ("denied", text),
        other => ("other", format!("{other:?}")),
    }
}

fn task_error(kind: tasks_error::Kind) -> (&'static str, String) {
    match kind {
        tasks_error::Kind::Denied(text) => ("denied", text),
        tasks_error::Kind::OverLimit(text) => ("over-limit", text),
        tasks_error::Kind::UnknownTask(text) => ("unknown-task", text),
        other => ("other", format!("{other:?}")),
    }
}
