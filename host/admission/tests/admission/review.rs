//! Imports against grants.

use spear_admission::{Component, Review, Verdict};
use spear_types::{Access, Code, Granted, Grants};

use crate::component::{HANDLER, INTERFACE, PUT, component, exporting, function};

const OBJECTS: &str = "spear:hostcalls/objects@0.1.0";

fn review(bytes: &[u8], grants: &Grants) -> Review {
    Component::read(bytes).unwrap().review(&Granted::all(grants.clone()))
}

fn photos() -> Grants {
    Grants { objects: [("photos".parse().unwrap(), Access::Read)].into(), ..Grants::default() }
}

/// The verdict on one import besides nothing else, granted nothing.
fn verdict(import: &str) -> Verdict {
    let bytes = component(&format!("{import} {}", exporting(HANDLER, "handle")));
    let [import] = review(&bytes, &Grants::default()).imports.try_into().unwrap();
    import.verdict
}

#[test]
fn what_an_ordinary_rust_guest_imports_needs_no_grant() {
    let bytes = function(&[
        "spear:hostcalls/logs@0.1.0",
        "spear:hostcalls/resources@0.1.0",
        "wasi:cli/environment@0.2.6",
        "wasi:cli/terminal-stdout@0.2.0",
        "wasi:clocks/wall-clock@0.2.6",
        "wasi:filesystem/preopens@0.2.6",
        "wasi:io/streams@0.2.6",
        "wasi:random/insecure-seed@0.2.6",
    ]);
    let review = review(&bytes, &Grants::default());
    assert!(review.imports.iter().all(|import| import.verdict == Verdict::Provided), "{review:?}");
    assert_eq!(review.admit(), Ok(()));
}

#[test]
fn objects_without_a_bucket_are_missing_the_line_to_add() {
    let refusal = review(&function(&[OBJECTS]), &Grants::default()).admit().unwrap_err();
    assert_eq!(refusal.code, Code::NotGranted);
    assert_eq!(refusal.message, "spear:hostcalls/objects@0.1.0 is imported and not granted");
    assert_eq!(refusal.help.unwrap(), "add to spear.toml:\n[grants.objects]\n<bucket> = \"read\"");
}

#[test]
fn the_line_to_add_covers_what_the_component_asks_for() {
    let add = "[grants.objects]\n<bucket> = \"write\"".to_owned();
    assert_eq!(verdict(&format!("(import \"{OBJECTS}\" {PUT})")), Verdict::Missing { add });
}

#[test]
fn objects_with_a_bucket_are_granted_by_its_line() {
    let review = review(&function(&[OBJECTS]), &photos());
    let by = vec!["grants.objects.photos = \"read\"".to_owned()];
    assert_eq!((&review.imports[0].verdict, review.admit()), (&Verdict::Granted { by }, Ok(())));
    assert!(review.unused.is_empty());
}

#[test]
fn a_grant_that_nothing_imports_is_unused_and_no_reason_to_refuse() {
    let review = review(&function(&[]), &photos());
    assert_eq!(
        (review.unused.as_slice(), review.admit()),
        (&["grants.objects.photos = \"read\"".to_owned()][..], Ok(()))
    );
}

#[test]
fn what_spear_has_nothing_of_is_unavailable_by_name() {
    for name in ["wasi:nn/tensor@0.2.6", "wasi:nn/graph@0.2.6", "wasi:keyvalue/store@0.2.0", "a:b/c@1.0.0"] {
        let refusal = review(&function(&[name]), &photos()).admit().unwrap_err();
        assert_eq!((refusal.code, refusal.help), (Code::InvalidComponent, None));
        assert!(refusal.message.contains(name) && refusal.message.contains("nothing to grant"), "{}", refusal.message);
    }
}

#[test]
fn another_version_is_unavailable_and_told_which_one_there_is() {
    for (name, version) in [("spear:hostcalls/objects@0.2.0", "version 0.1"), ("wasi:io/poll@0.3.0", "version 0.2")] {
        let Verdict::Unavailable { reason } = verdict(&format!("(import \"{name}\" {INTERFACE})")) else {
            panic!("{name}")
        };
        assert!(reason.contains(version), "{reason}");
    }
}

#[test]
fn imports_that_are_no_interface_are_unavailable() {
    for (import, what) in [
        (r#"(import "f" (func))"#, "function"),
        (r#"(import "wasi:io/poll@0.2.6" (func))"#, "function"),
        (r#"(import "m" (core module))"#, "core module"),
        (r#"(import "c" (component))"#, "component"),
        (r#"(import "r" (type (sub resource)))"#, "resource"),
    ] {
        let Verdict::Unavailable { reason } = verdict(import) else { panic!("{import}") };
        assert!(reason.contains(what), "{reason}");
    }
}

#[test]
fn types_by_themselves_need_nobody_to_provide_them() {
    for import in [
        r#"(import "spear:hostcalls/handler@0.1.0" (instance
            (type $t (record (field "body" (list u8)))) (export "call" (type (eq $t)))))"#,
        r#"(import "a:b/types@1.0.0" (instance (type $t (list u8)) (export "bytes" (type (eq $t)))))"#,
        r#"(type $t (list u8)) (import "bytes" (type (eq $t)))"#,
    ] {
        assert_eq!(verdict(import), Verdict::Provided, "{import}");
    }
}

#[test]
fn a_new_resource_has_to_be_provided_and_a_known_one_does_not() {
    let fresh = r#"(import "a:b/c@1.0.0" (instance (export "r" (type (sub resource)))))"#;
    assert!(matches!(verdict(fresh), Verdict::Unavailable { .. }));
    let known = r#"(import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
                   (alias export $poll "pollable" (type $pollable))
                   (import "a:b/c@1.0.0" (instance (export "pollable" (type (eq $pollable)))))"#;
    let bytes = component(&format!("{known} {}", exporting(HANDLER, "handle")));
    assert_eq!(review(&bytes, &Grants::default()).admit(), Ok(()));
}

#[test]
fn a_component_for_another_world_is_told_what_it_exports_and_what_is_needed() {
    let bytes = component(&exporting("wasi:cli/run@0.2.6", "run"));
    let refusal = review(&bytes, &Grants::default()).admit().unwrap_err();
    assert_eq!(refusal.code, Code::InvalidComponent);
    assert!(refusal.message.contains("exports wasi:cli/run@0.2.6; spear:hostcalls/handler@0.1.0"), "{refusal}");
    assert!(refusal.help.unwrap().contains("spear new"));
}

#[test]
fn an_export_that_only_looks_like_the_handler_is_none() {
    let another_function = exporting(HANDLER, "hande");
    let another_version = exporting("spear:hostcalls/handler@0.2.0", "handle");
    let no_interface = format!("(import \"c\" (component $c)) (export \"{HANDLER}\" (component $c))");
    for parts in [another_function.as_str(), &another_version, &no_interface, ""] {
        assert!(!review(&component(parts), &Grants::default()).handler, "{parts}");
    }
}

#[test]
fn everything_that_is_wrong_is_in_one_refusal() {
    let imports = ["wasi:nn/tensor@0.2.6", OBJECTS, "spear:hostcalls/kv@0.1.0", "wasi:io/poll@0.2.6"];
    let imports: String = imports.map(|name| format!("(import \"{name}\" {INTERFACE})")).concat();
    let refusal = review(&component(&imports), &Grants::default()).admit().unwrap_err();
    assert_eq!(refusal.code, Code::NotGranted);
    assert_eq!(
        refusal.message,
        "it exports nothing; spear:hostcalls/handler@0.1.0 with the function `handle` is needed\n\
         wasi:nn/tensor@0.2.6 is imported and cannot be had: SPEAR has nothing to grant for it\n\
         spear:hostcalls/objects@0.1.0 is imported and not granted\n\
         spear:hostcalls/kv@0.1.0 is imported and cannot be had: SPEAR has nothing to grant for it"
    );
    assert!(refusal.help.unwrap().ends_with("add to spear.toml:\n[grants.objects]\n<bucket> = \"read\""));
}

#[test]
fn a_thousand_problems_make_a_refusal_that_fits_into_a_header() {
    let imports: String = (0..1_000).map(|n| format!("(import \"i{n:0>120}\" (func))")).collect();
    let refusal = review(&component(&imports), &Grants::default()).admit().unwrap_err();
    assert!(refusal.message.ends_with("and 981 more") && refusal.message.len() < 8_000, "{}", refusal.message.len());
}

#[test]
fn a_review_is_plain_json() {
    let review = review(&function(&["wasi:io/poll@0.2.6", OBJECTS, "a:b/c@1.0.0"]), &Grants::default());
    let json = serde_json::json!({
        "imports": [
            { "name": "wasi:io/poll@0.2.6", "verdict": "provided" },
            { "name": OBJECTS, "verdict": "missing", "add": "[grants.objects]\n<bucket> = \"read\"" },
            { "name": "a:b/c@1.0.0", "verdict": "unavailable", "reason": "SPEAR has nothing to grant for it" },
        ],
        "exports": [HANDLER],
        "handler": true,
        "unused": [],
    });
    assert_eq!(serde_json::to_value(&review).unwrap(), json);
}
