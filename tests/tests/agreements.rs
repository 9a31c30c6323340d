//! What two crates agree on without sharing it: a crate of macros gives no constants away.

use std::path::Path;

/// The texts in the constant `METHODS` of a file of the workspace.
fn methods(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(path).expect("the file is there");
    let (_, list) = text.split_once("const METHODS").expect("the file has the list");
    let (list, _) = list.split_once("];").expect("the list has an end");
    list.lines().filter_map(|line| line.trim().strip_suffix(',')).map(str::to_owned).collect()
}

/// Entities that are printed for a database have no relation that the derive would refuse.
#[test]
fn handles_have_the_same_methods_for_both() {
    let refused = methods("orm-derive/src/entity/check/names.rs");
    assert!(refused.len() > 20, "{refused:?}");
    assert_eq!(methods("orm-core/src/schema/entities/names.rs"), refused);
}
