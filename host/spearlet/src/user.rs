//! Who the processes of a node that is root are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use spear_agents::sandbox::NOBODY;

/// A user and a group, by number: `65534:65534`, or `1000`, which is the group's number too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessUser {
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl ProcessUser {
    /// Has nothing on any machine.
    pub const NOBODY: Self = Self { uid: NOBODY, gid: NOBODY };
}

impl FromStr for ProcessUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        let number = |part: &str| part.parse().ok().filter(|number| *number != u32::MAX);
        number(uid)
            .zip(number(gid))
            .map(|(uid, gid)| Self { uid, gid })
            .ok_or_else(|| format!("{text:?} is no user: write UID:GID in numbers, as 65534:65534"))
    }
}

impl TryFrom<String> for ProcessUser {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProcessUser> for String {
    fn from(user: ProcessUser) -> Self {
        user.to_string()
    }
}

impl fmt::Display for ProcessUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_two_numbers_or_one_that_is_both() {
        assert_eq!("7:8".parse(), Ok(ProcessUser { uid: 7, gid: 8 }));
        assert_eq!("7".parse(), Ok(ProcessUser { uid: 7, gid: 7 }));
        assert_eq!(ProcessUser::NOBODY.to_string().parse(), Ok(ProcessUser::NOBODY));
        for text in ["", "root", "1:", ":1", "-1", "1:2:3", "4294967295", "4294967296"] {
            assert!(text.parse::<ProcessUser>().is_err(), "{text}");
        }
    }
}
