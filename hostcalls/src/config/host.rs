//! What a component calls; neither can fail.

use super::{View, wit};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for View<'_> {
    fn get(&mut self, key: String) -> Hostcall<Option<String>> {
        Ok(Ok(self.value(&key).map(str::to_owned)))
    }

    fn get_all(&mut self) -> Hostcall<Vec<(String, String)>> {
        Ok(Ok(self.values().collect()))
    }
}
