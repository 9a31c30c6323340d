//! What the documents at the top level say about files.

use std::path::Path;

/// Every path that `ARCHITECTURE.md` names exists.
#[test]
fn every_path_in_the_architecture_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let is_path = |word: &&str| word.contains('/') && !word.contains(char::is_whitespace);
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    assert!(paths.len() > 20, "the code map names paths between backticks");
    // Short paths continue the one before them in the same row.
    let places = ["", "orm-core/src", "orm-derive/src", "orm-sql/src", "orm-sqlx/src"];
    let missing: Vec<&&str> = paths
        .iter()
        .filter(|path| !places.iter().any(|place| root.join(place).join(path).exists()))
        .collect();
    assert!(missing.is_empty(), "no such files: {missing:?}");
}
