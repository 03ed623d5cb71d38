//! `wasi:filesystem`, with bounds where the standard implementation has none: on what a listing keeps, and on a write.

use std::{fs::File, io, sync::Arc, time::SystemTime};

use rustix::fs::Dir;
use spear_types::{Level, LogLine};
use wasmtime::{
    StoreContextMut,
    component::{Linker, LinkerInstance, Resource},
};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _},
    p2::{
        DynOutputStream, FsResult, ReaddirIterator,
        bindings::filesystem::{
            preopens,
            types::{self, ErrorCode, Host as _, HostDescriptor as _},
        },
    },
};

use super::streams::bound;
use crate::{
    capability::{Guest, Host},
    logs::LogBuffer,
};

/// The entries of a folder that a guest may list: the host keeps all of them until the listing is dropped.
const MAX_ENTRIES: usize = 10_000;

/// The listings that one instance has open at once.
const MAX_LISTINGS: usize = 16;

pub(super) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, WasiFilesystem>(linker, |guest| guest.filesystem())?;
    preopens::add_to_linker::<_, WasiFilesystem>(linker, |guest| guest.filesystem())?;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    listing(&mut types)?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, Guest<H>>, (file, offset): (Resource<Descriptor>, u64)| {
            let mut files = store.data_mut().filesystem();
            let stream = files.write_via_stream(file, offset);
            Ok((files.bounded(stream)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, Guest<H>>, (file,): (Resource<Descriptor>,)| {
            let mut files = store.data_mut().filesystem();
            let stream = files.append_via_stream(file);
            Ok((files.bounded(stream)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn listing<H: Host>(types: &mut LinkerInstance<'_, Guest<H>>) -> wasmtime::Result<()> {
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Guest<H>>, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let guest = store.data_mut();
                let log = Arc::clone(&guest.hostcalls.wasi.log);
                let mut files = guest.filesystem();
                let listing = files.list(folder, &log).await;
                Ok((files.told(listing)?,))
            })
        },
    )
}

/// What is done around the standard implementation.
trait Around {
    async fn list(&mut self, folder: Resource<Descriptor>, log: &LogBuffer) -> FsResult<Resource<ReaddirIterator>>;

    fn bounded(
        &mut self,
        stream: FsResult<Resource<DynOutputStream>>,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, ErrorCode>>;

    /// What the guest is told of an error, unless it breaks the guest off.
    fn told<T>(&mut self, result: FsResult<T>) -> wasmtime::Result<Result<T, ErrorCode>>;
}

impl Around for WasiFilesystemCtxView<'_> {
    async fn list(&mut self, folder: Resource<Descriptor>, log: &LogBuffer) -> FsResult<Resource<ReaddirIterator>> {
        let listings = self.table.iter_mut().filter(|entry| entry.is::<ReaddirIterator>()).count();
        if listings >= MAX_LISTINGS {
            over(log, format!("over a limit: {listings} listings of folders are open, the limit is {MAX_LISTINGS}"));
            return Err(ErrorCode::InsufficientMemory.into());
        }
        if let Descriptor::Dir(opened) = self.table.get(&folder)? {
            let opened = Arc::clone(&opened.dir);
            let counted = tokio::task::spawn_blocking(move || has_more(&opened)).await;
            if counted.map_err(io::Error::other)?? {
                over(log, format!("over a limit: a folder with more than {MAX_ENTRIES} entries cannot be listed"));
                return Err(ErrorCode::InsufficientMemory.into());
            }
        }
        self.read_directory(folder).await
    }

    fn bounded(
        &mut self,
        stream: FsResult<Resource<DynOutputStream>>,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, ErrorCode>> {
        let stream = self.told(stream)?;
        if let Ok(stream) = &stream {
            bound(self.table, stream)?;
        }
        Ok(stream)
    }

    fn told<T>(&mut self, result: FsResult<T>) -> wasmtime::Result<Result<T, ErrorCode>> {
        result.map_or_else(|error| self.convert_error_code(error).map(Err), |value| Ok(Ok(value)))
    }
}

/// Whether the folder has more entries than may be listed: they are counted before they are kept.
fn has_more(folder: &File) -> io::Result<bool> {
    // Those are entries too: the folder itself and the one above.
    let dots = 2;
    for (count, entry) in Dir::read_from(folder)?.enumerate() {
        entry?;
        if count >= MAX_ENTRIES + dots {
            return Ok(true);
        }
    }
    Ok(false)
}

fn over(log: &LogBuffer, message: String) {
    log.write(LogLine { time: SystemTime::now(), level: Level::Warn, message, fields: Vec::new() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_counted_up_to_the_limit() {
        let folder = std::env::temp_dir().join(format!("spear-listing-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let add = |number: usize| File::create(folder.join(number.to_string())).map(drop).unwrap();
        (0..MAX_ENTRIES).for_each(add);
        let opened = File::open(&folder).unwrap();
        let at_the_limit = has_more(&opened).unwrap();
        add(MAX_ENTRIES);
        let over_it = has_more(&opened).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((at_the_limit, over_it), (false, true));
    }
}
