//! Imports against grants.

use spear_admission::{Component, Entry, Review, Verdict};
use spear_types::{Access, Code, GrantPolicy, Granted, Grants, Lacking};

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
        "wasi:config/store@0.2.0-rc.1",
        "wasi:http/types@0.2.6",
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
    assert_eq!(verdict(&format!("(import \"{OBJECTS}\" {PUT})")), Verdict::Missing { add, lacking: Lacking::Manifest });
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
    for name in ["wasi:blobstore/container@0.2.0", "wasi:messaging/consumer@0.2.0", "wasi:cli/run@0.2.6", "a:b/c@1.0.0"]
    {
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
fn every_world_that_can_be_called_is_admitted_and_named() {
    let interface = exporting("docs:calc/shapes@1.0.0", "area");
    let function = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
                      (func $g (canon lift (core func $i "f"))) (export "add" (func $g))"#;
    for (parts, entry) in [
        (exporting(HANDLER, "handle"), Entry::Handler),
        (exporting("wasi:http/incoming-handler@0.2.6", "handle"), Entry::Http),
        (exporting("wasi:cli/run@0.2.0", "run"), Entry::Command),
        (interface, Entry::Functions),
        (function.to_owned(), Entry::Functions),
    ] {
        let review = review(&component(&parts), &Grants::default());
        assert_eq!((review.entries.as_slice(), review.admit()), (&[entry][..], Ok(())), "{parts}");
    }
}

#[test]
fn a_component_for_another_host_is_told_what_it_exports_and_what_is_needed() {
    let bytes = component(&exporting("wasi:cli/run@0.3.0", "run"));
    let refusal = review(&bytes, &Grants::default()).admit().unwrap_err();
    assert_eq!(refusal.code, Code::InvalidComponent);
    assert!(refusal.message.contains("exports wasi:cli/run@0.3.0; a function that can be called"), "{refusal}");
    assert!(refusal.message.contains("wasi:http/incoming-handler@0.2"), "{refusal}");
    assert!(refusal.help.unwrap().contains("spear new"));
}

#[test]
fn an_export_that_only_looks_like_an_entry_is_none() {
    let no_interface = format!("(import \"c\" (component $c)) (export \"{HANDLER}\" (component $c))");
    for parts in [
        exporting(HANDLER, "hande"),
        exporting("spear:hostcalls/handler@0.2.0", "handle"),
        exporting("wasi:http/incoming-handler@0.3.0", "handle"),
        exporting("wasi:cli/run@0.2.0", "start"),
        no_interface,
        String::new(),
    ] {
        assert_eq!(review(&component(&parts), &Grants::default()).entries, [], "{parts}");
    }
}

#[test]
fn everything_that_is_wrong_is_in_one_refusal() {
    let imports = ["wasi:blobstore/container@0.2.0", OBJECTS, "spear:hostcalls/secrets@0.1.0", "wasi:io/poll@0.2.6"];
    let imports: String = imports.map(|name| format!("(import \"{name}\" {INTERFACE})")).concat();
    let refusal = review(&component(&imports), &Grants::default()).admit().unwrap_err();
    assert_eq!(refusal.code, Code::NotGranted);
    assert_eq!(
        refusal.message,
        "it exports nothing; a function that can be called is needed: that of spear:hostcalls/handler@0.1.0, \
         wasi:http/incoming-handler@0.2 or wasi:cli/run@0.2, or one of its own\n\
         wasi:blobstore/container@0.2.0 is imported and cannot be had: SPEAR has nothing to grant for it\n\
         spear:hostcalls/objects@0.1.0 is imported and not granted\n\
         spear:hostcalls/secrets@0.1.0 is imported and not granted"
    );
    assert!(
        refusal
            .help
            .unwrap()
            .ends_with("add to spear.toml:\n[grants.objects]\n<bucket> = \"read\"\n[grants]\nsecrets = [\"<secret>\"]")
    );
}

#[test]
fn what_runtimes_import_for_nothing_is_closed_until_it_is_granted_and_no_reason_to_refuse() {
    let bytes = function(&["wasi:filesystem/types@0.2.6", "wasi:sockets/tcp@0.2.6"]);
    let closed = review(&bytes, &Grants::default());
    assert!(closed.imports.iter().all(|import| matches!(import.verdict, Verdict::Closed { .. })), "{closed:?}");
    assert_eq!(closed.admit(), Ok(()));
    let files = Grants { files: [("assets".parse().unwrap(), Access::Read)].into(), ..Grants::default() };
    let open = review(&bytes, &files);
    let by = vec!["grants.files.assets = \"read\"".to_owned()];
    assert_eq!(open.imports[0].verdict, Verdict::Granted { by });
}

#[test]
fn every_capability_that_needs_a_grant_names_its_line() {
    for (name, line) in [
        ("spear:hostcalls/objects@0.1.0", "<bucket> = \"read\""),
        ("spear:hostcalls/kv@0.1.0", "<store> = \"read\""),
        ("wasi:keyvalue/store@0.2.0-draft", "<store> = \"read\""),
        ("spear:hostcalls/tasks@0.1.0", "tasks = [\"<function>\"]"),
        ("spear:hostcalls/secrets@0.1.0", "secrets = [\"<secret>\"]"),
        ("wasi:http/outgoing-handler@0.2.6", "http = [\"https://<host>\"]"),
    ] {
        let refusal = review(&function(&[name]), &Grants::default()).admit().unwrap_err();
        assert_eq!(refusal.code, Code::NotGranted, "{name}");
        assert!(refusal.help.as_ref().unwrap().ends_with(line), "{refusal}");
    }
}

#[test]
fn the_lines_to_add_have_each_table_once() {
    let names = [
        "spear:hostcalls/tasks@0.1.0",
        "spear:hostcalls/kv@0.1.0",
        "spear:hostcalls/secrets@0.1.0",
        "wasi:keyvalue/store@0.2.0-draft",
    ];
    let refusal = review(&function(&names), &Grants::default()).admit().unwrap_err();
    let lines = "[grants]\ntasks = [\"<function>\"]\nsecrets = [\"<secret>\"]\n[grants.kv]\n<store> = \"read\"";
    assert_eq!(refusal.help.unwrap(), format!("add to spear.toml:\n{lines}"));
}

#[test]
fn a_network_without_a_host_is_no_grant_of_http() {
    let grants = Grants { networks: ["10.0.0.0/8".parse().unwrap()].into(), ..Grants::default() };
    let refusal = review(&function(&["wasi:http/outgoing-handler@0.2.6"]), &grants).admit().unwrap_err();
    assert!(refusal.help.as_ref().unwrap().contains("http = ["), "{refusal}");
}

#[test]
fn what_the_operator_does_not_allow_is_missing_and_his_to_add() {
    let policy = GrantPolicy::parse("spear = 1").unwrap();
    let granted = Granted::all(photos()).limited(&policy, &"f".parse().unwrap());
    let review = Component::read(&function(&[OBJECTS])).unwrap().review(&granted);
    let refusal = review.admit().unwrap_err();
    assert_eq!(refusal.code, Code::NotGranted);
    assert_eq!(refusal.help.unwrap(), "the operator's policy would have to say:\ngrants.objects.photos = \"read\"");
    assert_eq!(review.cut.len(), 1);
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
            {
                "name": OBJECTS,
                "needs": "a bucket in [grants.objects]",
                "verdict": "missing",
                "add": "[grants.objects]\n<bucket> = \"read\"",
                "lacking": "manifest",
            },
            { "name": "a:b/c@1.0.0", "verdict": "unavailable", "reason": "SPEAR has nothing to grant for it" },
        ],
        "exports": [HANDLER],
        "entries": ["handler"],
        "unused": [],
        "cut": [],
    });
    assert_eq!(serde_json::to_value(&review).unwrap(), json);
}
