//! Counts the lines, words and bytes of a text in the bucket `texts`, and its most frequent words.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spear_guest::{Failure, Json, objects};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    key: String,
}

#[derive(Serialize)]
struct Output {
    lines: usize,
    words: usize,
    bytes: usize,
    /// The ten most frequent words in lower case, each with its number; those of equal number by the alphabet.
    top: Vec<(String, usize)>,
}

#[spear_guest::function]
fn word_count(Json(Input { key }): Json<Input>) -> Result<Json<Output>, Failure> {
    let text = String::from_utf8(objects::bucket("texts")?.get(&key)?)?;
    let mut counts = BTreeMap::<String, usize>::new();
    for word in words(&text) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let words = counts.values().sum();
    let mut top: Vec<_> = counts.into_iter().collect();
    top.sort_by_key(|(_, count)| Reverse(*count));
    top.truncate(10);
    Ok(Json(Output { lines: text.lines().count(), words, bytes: text.len(), top }))
}

/// What stands between white space, without the punctuation around it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split_whitespace();
    pieces.map(|piece| piece.trim_matches(|c: char| !c.is_alphanumeric())).filter(|word| !word.is_empty())
}
