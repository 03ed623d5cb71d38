//! A text that stops at its limit.

use std::fmt;

/// Takes in what fits; the first that does not is cut, and ends the writing.
pub(super) struct Bounded {
    text: String,
    max: usize,
}

impl Bounded {
    pub(super) fn new(max: usize) -> Self {
        Self { text: String::new(), max }
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.max - self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() <= room { Ok(()) } else { Err(fmt::Error) }
    }
}
