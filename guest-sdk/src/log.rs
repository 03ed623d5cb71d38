//! The task's log: structured lines that the caller and the operator can read.
//!
//! One macro per level: [`trace!`], [`debug!`], [`info!`], [`warn!`] and [`error!`]. Each takes a format string with its
//! arguments as [`format!`] does (captured or by position), then, after a `;`, any number of named values:
//!
//! ```
//! use spear_guest::log;
//!
//! let (key, width, height) = ("cat.jpg", 200, 150);
//! log::info!("resized {key}");
//! log::info!("resized {key}"; width = width, height = height);
//! log::warn!("{} of {} left", 3, 10; unit = "pages");
//! ```
//!
//! A value is anything that implements [`Display`]. Writing never fails: the host cuts a line of over
//! 16 KiB, and once the run's `log` limit is used up it drops further lines and says how many.

use std::fmt::{Arguments, Display};

use crate::host::logs;

pub use crate::bindings::spear::hostcalls::logs::Level;
#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// Writes one line; the macros' way in.
#[doc(hidden)]
pub fn write(level: Level, message: Arguments<'_>, fields: &[(&str, &dyn Display)]) {
    let field = |(key, value): &(&str, &dyn Display)| logs::Field { key: (*key).to_owned(), value: value.to_string() };
    logs::write(level, &message.to_string(), &fields.iter().map(field).collect::<Vec<_>>());
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $format:literal $(, $argument:expr)* $(,)? $(; $($key:ident = $value:expr),+ $(,)?)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            ::core::format_args!($format $(, $argument)*),
            &[$($((::core::stringify!($key), &$value as &dyn ::core::fmt::Display)),+)?],
        )
    };
}

/// Every step: writes a line of the level `trace`. See [the module](crate::log) for the form.
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) };
}

/// What helps to find an error: writes a line of the level `debug`. See [the module](crate::log) for the form.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) };
}

/// What happened: writes a line of the level `info`. See [the module](crate::log) for the form.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($line:tt)+) => { $crate::__log!(Info, $($line)+) };
}

/// What may become an error: writes a line of the level `warn`. See [the module](crate::log) for the form.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) };
}

/// What went wrong: writes a line of the level `error`. See [the module](crate::log) for the form.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($line:tt)+) => { $crate::__log!(Error, $($line)+) };
}
