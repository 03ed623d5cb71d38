//! A program as it would run anywhere: its first argument says what it does. It knows nothing of SPEAR.

use std::{
    env,
    io::{self, Read as _, Write as _},
    process::{self, ExitCode},
};

fn main() -> io::Result<ExitCode> {
    let mut args = env::args();
    let name = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["args", rest @ ..] => println!("{name}: {rest:?}"),
        ["exit", code] => {
            println!("written before the end");
            eprintln!("ends with {code}");
            process::exit(code.parse().unwrap_or(255));
        }
        // What `process::exit` calls knows 0 and 1 alone.
        ["exit-with", code] => wasip2::cli::exit::exit_with_code(code.parse().unwrap_or(255)),
        ["fail"] => {
            print!("nearly");
            return Ok(ExitCode::FAILURE);
        }
        ["fill", bytes] => fill(bytes.parse().unwrap_or(0))?,
        ["panic"] => panic!("as asked"),
        ["spin"] => loop {
            std::hint::black_box(());
        },
        _ => shout()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Standard input in capitals.
fn shout() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    io::stdout().write_all(text.to_uppercase().as_bytes())
}

fn fill(bytes: usize) -> io::Result<()> {
    let piece = [b'x'; 4096];
    let mut left = bytes;
    let mut out = io::stdout().lock();
    while left > 0 {
        let length = left.min(piece.len());
        out.write_all(&piece[..length])?;
        left -= length;
    }
    out.flush()
}
