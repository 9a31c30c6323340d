//! Rust names for what has a name in a database.
//!
//! Any text makes a name; whether it is free is seen without minding case and underscores, so that no two fields have one
//! constant.

use std::collections::HashSet;

use crate::metadata::snake_case;

/// Names of fields or types that are in use.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Takes the first of `candidates` for which all that comes with it is free, or the last one with a number.
    pub(super) fn take(
        &mut self,
        candidates: &[String],
        is_allowed: fn(&str) -> bool,
        with: fn(&str) -> Vec<String>,
    ) -> String {
        let last = candidates.last().cloned().unwrap_or_default();
        let numbered = (2_u32..).map(|number| format!("{last}_{number}"));
        let mut all = candidates.iter().cloned().chain(numbered);
        let is_free = |name: &String| {
            is_allowed(name) && with(name).iter().all(|name| !self.taken.contains(&plain(name)))
        };
        let name = all.find(is_free).unwrap_or(last);
        self.taken.extend(with(&name).iter().map(|name| plain(name)));
        name
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|char| *char != '_').flat_map(char::to_lowercase).collect()
}

/// A field's name, without `r#`.
pub(super) fn field_name(name: &str) -> String {
    let snake = words(&snake_case(name)).join("_");
    match snake.as_str() {
        "" => "column".to_owned(),
        // These can't be raw either.
        "self" | "super" | "crate" => format!("{snake}_"),
        _ if snake.starts_with(|first: char| first.is_ascii_digit()) => format!("_{snake}"),
        _ => snake,
    }
}

/// A type's or variant's name.
pub(super) fn type_name(name: &str, otherwise: &str) -> String {
    let pascal: String = words(name).iter().map(|word| capitalised(word)).collect();
    match pascal.as_str() {
        "" => otherwise.to_owned(),
        "Self" => format!("Self{otherwise}"),
        _ if pascal.starts_with(|first: char| first.is_ascii_digit()) => format!("{otherwise}{pascal}"),
        _ => pascal,
    }
}

/// The runs of characters that names have for sure.
fn words(name: &str) -> Vec<String> {
    let is_part = |char: char| {
        char.is_ascii_alphanumeric()
            || matches!(char, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ž' | 'Α'..='ω' | 'А'..='я' | '一'..='鿿' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '가'..='힣')
    };
    let name = name.replace('\'', "");
    name.split(|char| !is_part(char)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn capitalised(word: &str) -> String {
    let has_lower = word.chars().any(char::is_lowercase);
    let mut characters = word.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    let rest = characters.as_str();
    first.chain(if has_lower { rest.to_owned() } else { rest.to_lowercase() }.chars()).collect()
}

/// A name for many of what `name` is, as far as a rule goes.
pub(super) fn plural(name: &str) -> String {
    let before = name.chars().rev().nth(1);
    let is_vowel = |char: char| matches!(char, 'a' | 'e' | 'i' | 'o' | 'u');
    if name.ends_with('s') && !name.ends_with("ss") && !name.ends_with("us") {
        name.to_owned()
    } else if name.ends_with('s') || ["x", "ch", "sh"].iter().any(|end| name.ends_with(end)) {
        format!("{name}es")
    } else if let Some(start) = name.strip_suffix('y').filter(|_| before.is_some_and(|char| !is_vowel(char)))
    {
        format!("{start}ies")
    } else {
        format!("{name}s")
    }
}

/// The name as it stands in source.
pub(super) fn in_source(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// <https://doc.rust-lang.org/reference/keywords.html>, but for those that can't be raw.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Types that what is printed names, or that are in every scope.
pub(super) fn is_free_type(name: &str) -> bool {
    const TAKEN: [&str; 17] = [
        "Box",
        "Clone",
        "Collection",
        "Debug",
        "Default",
        "Entity",
        "EnumValue",
        "Err",
        "None",
        "Ok",
        "Option",
        "Ref",
        "Result",
        "Some",
        "String",
        "ToString",
        "Vec",
    ];
    !TAKEN.contains(&name)
}

/// Names that the derive refuses for relations, since every handle has a method of that name.
pub(super) fn is_free_relation(name: &str) -> bool {
    let accessors = [name.to_owned(), format!("try_{name}"), format!("{name}_ref")];
    accessors.iter().all(|accessor| !METHODS.contains(&accessor.as_str()))
}

/// As the derive has them.
const METHODS: [&str; 32] = [
    "as_ref",
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "core",
    "deref",
    "edit",
    "eq",
    "fmt",
    "from",
    "get",
    "hash",
    "id",
    "in_current_context",
    "into",
    "is_loaded",
    "key",
    "ne",
    "serialize",
    "to_owned",
    "to_ref",
    "try_edit",
    "try_from",
    "try_id",
    "try_into",
    "try_update",
    "try_with",
    "type_id",
    "update",
    "view",
    "without_hints",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_makes_a_field_and_a_type() {
        for (name, field, type_) in [
            ("author", "author", "Author"),
            ("createdAt", "created_at", "CreatedAt"),
            ("tblPerson List", "tbl_person_list", "TblPersonList"),
            ("NOTE_ID", "note_id", "NoteId"),
            ("__x__y", "x_y", "XY"),
            ("2nd", "_2nd", "Row2nd"),
            ("self", "self_", "SelfRow"),
            ("type", "type", "Type"),
            ("count(*)", "count", "Count"),
            ("Größe", "größe", "Größe"),
            ("\u{1f600}", "column", "Row"),
        ] {
            assert_eq!(
                (field_name(name).as_str(), type_name(name, "Row").as_str()),
                (field, type_),
                "{name}"
            );
        }
    }

    #[test]
    fn many_have_a_name_of_their_own() {
        for (one, many) in [
            ("book", "books"),
            ("category", "categories"),
            ("day", "days"),
            ("box", "boxes"),
            ("news", "news"),
        ] {
            assert_eq!(plural(one), many);
        }
        assert_eq!((plural("class"), plural("status")), ("classes".to_owned(), "statuses".to_owned()));
    }

    #[test]
    fn the_methods_of_handles_are_those_that_the_derive_refuses() {
        let derive = include_str!("../../../../orm-derive/src/entity/check/names.rs");
        let list =
            derive.split("const METHODS: &[&str] = &[").nth(1).and_then(|rest| rest.split("];").next());
        let names: Vec<&str> = list.unwrap_or_default().split('"').skip(1).step_by(2).collect();
        assert_eq!(names, METHODS);
    }
}
