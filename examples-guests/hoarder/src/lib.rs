//! Serves one call after another in one instance, and keeps what it can: the number of its calls, a secret, a bucket. Its
//! input says what it does beside that.

use std::hint::black_box;
use std::sync::Mutex;

use spear_guest::objects::Bucket;
use spear_guest::{Failure, log, objects, resources, secrets};

static KEPT: Mutex<Kept> = Mutex::new(Kept { calls: 0, secret: String::new(), bucket: None });

struct Kept {
    calls: u64,
    secret: String,
    bucket: Option<Bucket>,
}

/// Answers how many calls this instance has served, this one included, unless its input asks for something else.
#[spear_guest::function]
fn hoarder(way: String) -> Result<String, Failure> {
    // A guest has one thread, and what panics is not called again.
    let mut kept = KEPT.lock().map_err(|_| Failure::new("poisoned", "a call broke off before this one"))?;
    kept.calls += 1;
    match way.as_str() {
        "" => {}
        "fail" => return Err(Failure::new("asked-for", "as it was told")),
        "panic" => panic!("as it was told"),
        "spin" => loop {
            black_box(0);
        },
        "eat" => eat(usize::MAX),
        "grow" => eat(8),
        "work" => drop((0..100_000_u64).map(black_box).sum::<u64>()),
        "print" => {
            log::info!("logged");
            print!("printed without an end");
            eprint!("thread panicked at nowhere.rs:1:1:\nand this too");
        }
        "who" => return Ok(format!("{:?}", resources::who_am_i())),
        "usage" => return Ok(format!("{:?}", resources::usage())),
        "read secret" => secrets::get("api-key")?.expose_str().unwrap_or_default().trim().clone_into(&mut kept.secret),
        "tell secret" => {
            println!("it is {}", kept.secret);
            return Err(Failure::new("told", format!("it is {}", kept.secret)));
        }
        "open" => kept.bucket = Some(objects::bucket("shelf")?),
        "put" => drop(kept.bucket.as_ref().ok_or_else(|| Failure::new("closed", "nothing is open"))?.put("x", "kept")?),
        "be denied" => drop(objects::bucket("not-granted").err()),
        "claim a denial" => return Err(Failure::new("denied", "it says")),
        other => return Err(Failure::new("bad-input", format!("there is no way {other:?}"))),
    }
    Ok(kept.calls.to_string())
}

/// Takes so many mebibytes, and gives them back.
fn eat(mebibytes: usize) {
    let mut eaten = Vec::new();
    for _ in 0..mebibytes {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
    }
}
