//! What runs in the sandbox: it carries bytes between the socket for hostcalls and one in its own folder, at which the test
//! speaks in its place, and ends as it is told. It is one file without dependencies, so that it runs in any image.

use std::{
    env, fs, io,
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    process, thread,
};

fn main() -> io::Result<()> {
    let of = |name| env::var(name).unwrap_or_else(|_| panic!("there is no {name}"));
    let hostcalls = of("SPEAR_HOSTCALLS").strip_prefix("unix:").expect("a path").to_owned();
    env::set_current_dir(of("HOME"))?;
    let (way, word) = (UnixListener::bind("way")?, UnixListener::bind("word")?);
    thread::spawn(move || way.incoming().flatten().for_each(|outside| carry(&outside, &hostcalls).expect("a way")));
    fs::write("token.new", of("SPEAR_TOKEN"))?;
    fs::rename("token.new", "token")?;

    let mut last = Vec::new();
    word.accept()?.0.read_to_end(&mut last)?;
    let (code, text) = last.split_first().expect("an exit code and a text");
    match code {
        0 => io::stdout().write_all(text)?,
        _ => fs::write(of("SPEAR_REPLY"), text)?,
    }
    process::exit((*code).into())
}

/// Both ways, until either side closes.
fn carry(outside: &UnixStream, hostcalls: &str) -> io::Result<()> {
    let inside = UnixStream::connect(hostcalls)?;
    for (mut from, mut to) in [(outside.try_clone()?, inside.try_clone()?), (inside, outside.try_clone()?)] {
        thread::spawn(move || {
            // Who is gone is gone.
            let _ = io::copy(&mut from, &mut to);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}
