//! What a component calls: convert, hand over, convert back.

use super::{View, wit};

impl wit::Host for View<'_> {
    async fn invoke(&mut self, function: String, call: wit::Call) -> wasmtime::Result<Result<wit::Reply, wit::Error>> {
        Ok(self.run(function, call.into()).await.map(Into::into))
    }

    async fn submit(
        &mut self,
        function: String,
        call: wit::Call,
        options: wit::Options,
    ) -> wasmtime::Result<Result<String, wit::Error>> {
        Ok(self.remember(function, call.into(), options.try_into()).await)
    }

    async fn status(&mut self, task: String) -> wasmtime::Result<Result<wit::TaskStatus, wit::Error>> {
        let looked = self.look(&task).await;
        Ok(looked.map(Into::into))
    }
}
