//! What a guest writes to files and TCP, piece by piece: the standard streams hand a write of any size to a thread or a
//! task that holds it, and a guest has as many streams as it has handles.

use std::mem;

use bytes::Bytes;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult, pipe::ClosedOutputStream};

/// What one write may carry, in bytes; a guest that writes more without having asked is broken off.
const WRITE: usize = 64 << 10;

struct Bounded(DynOutputStream);

/// Puts a bounded stream around the standard one.
pub(super) fn bound(table: &mut ResourceTable, stream: &Resource<DynOutputStream>) -> Result<(), ResourceTableError> {
    let place = table.get_mut(stream)?;
    let standard = mem::replace(place, Box::new(ClosedOutputStream));
    *place = Box::new(Bounded(standard));
    Ok(())
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Bounded {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE {
            return Err(StreamError::trap("a write carries more than `check-write` allowed"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.0.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.0.check_write()?.min(WRITE))
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.0.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Bounded {
    async fn ready(&mut self) {
        self.0.ready().await;
    }
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

    use super::*;

    #[test]
    fn a_write_that_was_not_asked_for_is_broken_off() {
        let (mut table, pipe) = (ResourceTable::new(), MemoryOutputPipe::new(2 * WRITE));
        let stream = table.push(Box::new(pipe.clone()) as DynOutputStream).unwrap();
        bound(&mut table, &stream).unwrap();
        let stream = table.get_mut(&stream).unwrap();
        assert_eq!(stream.check_write().unwrap(), WRITE);
        assert!(matches!(stream.write(vec![0; WRITE + 1].into()), Err(StreamError::Trap(_))));
        stream.write(vec![0; WRITE].into()).unwrap();
        assert_eq!(pipe.contents().len(), WRITE);
    }
}
