//! The floor: store, limiter, instantiate, one call, drop; pooling with the measured settings, nothing else.

use bytes::Bytes;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
    component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, Lower, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct WitPayload {
    #[component(name = "content-type")]
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct WitFailure {
    code: String,
    message: String,
    retryable: bool,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Field {
    key: String,
    value: String,
}

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the guest makes them")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

struct Data {
    wasi: WasiCtx,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A component, ready to be called without anything around it.
pub(crate) struct Bare {
    instance: InstancePre<Data>,
    handle: ComponentExportIndex,
}

impl Bare {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(2 << 20).table_keep_resident(64 << 10).async_stack_keep_resident(64 << 10);
        let scan = PoolingAllocationConfig::is_pagemap_scan_available();
        pool.pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        config.concurrency_support(false).epoch_interruption(true);
        let engine = Engine::new(&config).map_err(anyhow::Error::msg)?;
        let component = Component::from_file(&engine, spear_test_guests::HELLO).map_err(anyhow::Error::msg)?;
        let interface = component.get_export_index(None, "spear:hostcalls/handler@0.1.0");
        let handle = component.get_export_index(interface.as_ref(), "handle");
        let instance = Self::linker(&engine).and_then(|linker| linker.instantiate_pre(&component));
        Ok(Self {
            instance: instance.map_err(anyhow::Error::msg)?,
            handle: handle.ok_or_else(|| anyhow::anyhow!("hello has no handler"))?,
        })
    }

    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let answer = self.handle().await.map_err(anyhow::Error::msg)?;
        anyhow::ensure!(answer.is_ok_and(|reply| reply.body == "Hello, world!"), "hello answered something else");
        Ok(())
    }

    async fn handle(&self) -> wasmtime::Result<Result<WitPayload, WitFailure>> {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let data = Data { wasi: WasiCtx::builder().build(), table: ResourceTable::new(), limits };
        let mut store = Store::new(self.instance.engine(), data);
        store.limiter(|data| &mut data.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let instance = self.instance.instantiate_async(&mut store).await?;
        let handle =
            instance.get_typed_func::<(WitPayload,), (Result<WitPayload, WitFailure>,)>(&mut store, self.handle)?;
        let call = WitPayload { content_type: None, headers: Vec::new(), body: Bytes::from_static(b"world") };
        Ok(handle.call_async(&mut store, (call,)).await?.0)
    }

    fn linker(engine: &Engine) -> wasmtime::Result<Linker<Data>> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let mut logs = linker.instance("spear:hostcalls/logs@0.1.0")?;
        logs.func_wrap("write", |_, _: (Level, String, Vec<Field>)| Ok(()))?;
        Ok(linker)
    }
}
