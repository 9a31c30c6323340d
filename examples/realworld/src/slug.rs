//! Slugs: what an article is called in addresses.

use std::hash::{BuildHasher, RandomState};

/// Letters and digits of `title` in lower case, with `-` for what is between them; `None` where it has none.
pub(crate) fn of(title: &str) -> Option<String> {
    let words = title.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").to_lowercase();
    (!slug.is_empty()).then(|| slug.chars().take(200).collect())
}

/// Whether an address means something else by it.
pub(crate) fn is_reserved(slug: &str) -> bool {
    slug == "feed"
}

/// Another slug for the same title, which nobody is likely to have.
pub(crate) fn another(slug: &str) -> String {
    // Seeded anew each time; it has to differ, not to be a secret.
    let random = RandomState::new().hash_one(slug);
    format!("{slug}-{:08x}", random & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_letters_and_digits() {
        check("How to train your dragon", Some("how-to-train-your-dragon"));
        check("  C++ & Rust: 2 friends?! ", Some("c-rust-2-friends"));
        check("Straße nach Łódź", Some("straße-nach-łódź"));
        check("日本 2026", Some("日本-2026"));
        check("../..%2f", Some("2f"));
        check("?!", None);
        check("", None);
        check(&"x".repeat(500), Some(&"x".repeat(200)));
    }

    #[test]
    fn another_slug_differs_each_time() {
        let (one, two) = (another("a"), another("a"));
        assert!(one.starts_with("a-") && one.len() == 10 && one != two, "{one} {two}");
    }

    #[track_caller]
    fn check(title: &str, expected: Option<&str>) {
        assert_eq!(of(title).as_deref(), expected);
    }
}
