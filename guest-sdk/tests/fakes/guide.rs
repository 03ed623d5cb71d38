//! The guide: what it shows of a manifest is in the one that its snippets run under.

use toml::{Table, Value};

const GUIDE: &str = include_str!("../../README.md");
const MANIFEST: &str = include_str!("../../spear.toml");

/// Whether all of `part` is in `whole`.
fn within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Table(part), Value::Table(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|there| within(value, there)))
        }
        _ => part == whole,
    }
}

fn manifests() -> Vec<Value> {
    let blocks = GUIDE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let tables = blocks.map(|block| block.parse::<Table>().unwrap());
    tables.filter(|table| !table.contains_key("lib")).map(Value::Table).collect()
}

#[test]
fn every_grant_that_the_guide_shows_is_one_that_its_snippets_run_under() {
    let whole = Value::Table(MANIFEST.parse().unwrap());
    let manifests = manifests();
    assert!(manifests.len() >= 7, "{manifests:?}");
    for part in manifests {
        assert!(within(&part, &whole), "{part}");
    }
}

#[test]
fn the_guide_has_every_code_of_every_error() {
    for source in [
        include_str!("../../src/config.rs"),
        include_str!("../../src/http/error.rs"),
        include_str!("../../src/kv/error.rs"),
        include_str!("../../src/objects/error.rs"),
        include_str!("../../src/secrets.rs"),
        include_str!("../../src/tasks/error.rs"),
    ] {
        let kinds = source.lines().filter(|line| line.ends_with("\","));
        let codes: Vec<_> = kinds.filter_map(|line| line.split(" = \"").nth(1)?.strip_suffix("\",")).collect();
        assert!(codes.len() >= 2, "{source}");
        for code in codes {
            assert!(GUIDE.contains(&format!("| `{code}` |")), "{code}");
        }
    }
}
