//! Whether a function may be invoked by functions that wait for it: pure.

use spear_types::{Code, FunctionName, Refusal};

/// Checks the way that led to `function`.
///
/// # Errors
/// `CallCycle` shows the way round: a function that waits for itself would wait for ever, and hold a slot in each turn.
/// `CallTooDeep` names the limit.
pub(super) fn check(callers: &[FunctionName], function: &FunctionName, depth: usize) -> Result<(), Refusal> {
    // More callers than may be deep are no way that functions took: only a client that is none of ours sends them.
    if callers.len() <= depth && callers.contains(function) {
        let message = format!("{function} waits for this call already: {}", way(callers, function));
        return Err(Refusal::new(Code::CallCycle, message).help("have one of them not invoke the next"));
    }
    if callers.len() >= depth {
        let message = format!("{function} would be {} deep, the limit [sms] depth is {depth}", callers.len() + 1);
        return Err(Refusal::new(Code::CallTooDeep, message).help("invoke less deeply, or ask the operator"));
    }
    Ok(())
}

fn way(callers: &[FunctionName], function: &FunctionName) -> String {
    let names = callers.iter().chain([function]).map(FunctionName::as_str);
    names.collect::<Vec<_>>().join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<FunctionName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_way_round_is_shown() {
        let refusal = check(&names(&["a", "b"]), &"a".parse().unwrap(), 8).unwrap_err();
        assert_eq!(refusal.code, Code::CallCycle);
        assert!(refusal.message.contains("a → b → a"), "{refusal}");
    }

    #[test]
    fn more_callers_than_may_be_are_refused_without_being_shown() {
        let refusal = check(&names(&["a"; 1_000]), &"a".parse().unwrap(), 8).unwrap_err();
        assert!(refusal.code == Code::CallTooDeep && refusal.message.len() < 100, "{refusal}");
    }

    #[test]
    fn the_deepest_call_is_the_limit() {
        assert!(check(&names(&["a"]), &"b".parse().unwrap(), 2).is_ok());
        assert_eq!(check(&names(&["a", "b"]), &"c".parse().unwrap(), 2).unwrap_err().code, Code::CallTooDeep);
        assert!(check(&[], &"a".parse().unwrap(), 1).is_ok());
    }
}
