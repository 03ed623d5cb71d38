//! Why a configuration is not sound, in the words of who wrote it: the flag, the variable or the file, and the key.

use figment::{
    Metadata, Source,
    error::{Error, Kind},
};

use super::PREFIX;

/// Every fault, one line each.
pub(super) fn told(error: Error) -> String {
    let lines: Vec<String> = error.into_iter().map(|error| line(&error)).collect();
    lines.join("\n")
}

fn line(error: &Error) -> String {
    let mut keys: Vec<&str> = error.path.iter().map(String::as_str).collect();
    if let Kind::UnknownField(name, _) = &error.kind
        && keys.last() != Some(&name.as_str())
    {
        keys.push(name);
    }
    match place(error.metadata.as_ref(), &keys) {
        Some(place) => format!("{place}: {}", error.kind),
        None => error.kind.to_string(),
    }
}

/// Where the value comes from.
fn place(from: Option<&Metadata>, keys: &[&str]) -> Option<String> {
    let key = keys.join(".");
    let key = (!key.is_empty()).then_some(key);
    match from.map(|from| (&from.source, from.name.contains("environment"))) {
        Some((Some(Source::File(file)), _)) => {
            Some(key.map_or_else(|| file.display().to_string(), |key| format!("{key} in {}", file.display())))
        }
        Some((_, true)) => key.map(|_| variable(keys)),
        Some((Some(Source::Code(_)), _)) => flag(keys),
        _ => key,
    }
}

/// `SPEAR_<SECTION>_<KEY>`; what is below a key stands within its value.
fn variable(keys: &[&str]) -> String {
    let named: Vec<String> = keys.iter().take(2).map(|key| key.to_uppercase()).collect();
    let within = keys.get(2..).filter(|keys| !keys.is_empty()).map(|keys| format!(" ({})", keys.join(".")));
    format!("{PREFIX}{}{}", named.join("_"), within.unwrap_or_default())
}

/// Flags are named as their keys, and the one that may be repeated as one of it.
fn flag(keys: &[&str]) -> Option<String> {
    match keys {
        [_, "labels", label, ..] => Some(format!("--label {label}")),
        [.., key] => Some(format!("--{}", key.replace('_', "-"))),
        [] => None,
    }
}
