//! Does one operation on files, as its input says: `{"op": "read", "path": "/assets/a.txt"}`.

use std::{fs, io};

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::{Failure, Json};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Command {
    Read {
        path: String,
    },
    Write {
        path: String,
        text: String,
    },
    Append {
        path: String,
        text: String,
    },
    List {
        path: String,
    },
    Stat {
        path: String,
    },
    Rename {
        path: String,
        to: String,
    },
    Remove {
        path: String,
    },
    MakeFolder {
        path: String,
    },
    HardLink {
        path: String,
        to: String,
    },
    Symlink {
        path: String,
        to: String,
    },
    ReadLink {
        path: String,
    },
    Truncate {
        path: String,
    },
    /// Opens the file so many times and keeps it open.
    Open {
        path: String,
        times: usize,
    },
    /// Reads the file again and again; answers each different text that it had.
    ReadOften {
        path: String,
        times: usize,
    },
}

#[spear_guest::function]
fn files(Json(command): Json<Command>) -> Result<Json<Value>, Failure> {
    run(command).map(Json).map_err(|error| Failure::new(format!("{:?}", error.kind()), error.to_string()))
}

fn run(command: Command) -> io::Result<Value> {
    match command {
        Command::Read { path } => fs::read_to_string(path).map(Value::from),
        Command::Write { path, text } => fs::write(path, text).map(done),
        Command::Append { path, text } => append(&path, &text).map(done),
        Command::List { path } => list(&path),
        Command::Stat { path } => {
            fs::metadata(path).map(|found| json!({ "size": found.len(), "folder": found.is_dir() }))
        }
        Command::Rename { path, to } => fs::rename(path, to).map(done),
        Command::Remove { path } => fs::remove_file(path).map(done),
        Command::MakeFolder { path } => fs::create_dir(path).map(done),
        Command::HardLink { path, to } => fs::hard_link(path, to).map(done),
        Command::Symlink { path, to } => symlink(&path, &to).map(done),
        Command::ReadLink { path } => fs::read_link(path).map(|to| to.to_string_lossy().into_owned().into()),
        Command::Truncate { path } => fs::OpenOptions::new().write(true).truncate(true).open(path).map(|_| Value::Null),
        Command::Open { path, times } => open(&path, times),
        Command::ReadOften { path, times } => Ok(read_often(&path, times)),
    }
}

fn done(_: ()) -> Value {
    Value::Null
}

fn append(path: &str, text: &str) -> io::Result<()> {
    use io::Write as _;
    fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())
}

fn list(path: &str) -> io::Result<Value> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = fs::read_dir(path)?.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names.into())
}

/// The standard library knows no symbolic links of WASI.
fn symlink(path: &str, to: &str) -> io::Result<()> {
    let folders = wasip2::filesystem::preopens::get_directories();
    let inside = folders.iter().find_map(|(folder, name)| Some((folder, path.strip_prefix(name.as_str())?)));
    let (folder, name) = inside.ok_or(io::ErrorKind::NotFound)?;
    folder.symlink_at(to, name.trim_start_matches('/')).map_err(|code| io::Error::other(format!("{code:?}")))
}

fn open(path: &str, times: usize) -> io::Result<Value> {
    let files = (0..times).map(|_| fs::File::open(path)).collect::<io::Result<Vec<_>>>()?;
    Ok(files.len().into())
}

fn read_often(path: &str, times: usize) -> Value {
    let mut seen: Vec<String> = (0..times).filter_map(|_| fs::read_to_string(path).ok()).collect();
    seen.sort();
    seen.dedup();
    seen.into()
}
