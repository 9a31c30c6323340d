//! From Rust names to the names of tables and columns.

use std::fmt;

use super::description::Case;

/// Decides every database name that the entity does not give itself.
///
/// Install another with [`OrmBuilder::naming_strategy`](crate::OrmBuilder::naming_strategy).
pub trait NamingStrategy: fmt::Debug + Send + Sync + 'static {
    /// The table of the struct `entity`.
    fn table(&self, entity: &str) -> String {
        snake_case(entity)
    }

    /// The column of `field`.
    fn column(&self, field: &str) -> String {
        snake_case(field)
    }

    /// What the columns of the embedded struct `field` begin with.
    fn embedded_prefix(&self, field: &str) -> String {
        format!("{}_", self.column(field))
    }

    /// The foreign-key column of the relation `field` that holds `referenced_column` of its target.
    fn join_column(&self, field: &str, referenced_column: &str) -> String {
        format!("{}_{referenced_column}", self.column(field))
    }

    /// The pivot table of the many-to-many relation `field` between two tables.
    fn pivot_table(&self, owner_table: &str, target_table: &str, field: &str) -> String {
        let _ = target_table;
        format!("{owner_table}_{}", self.column(field))
    }

    /// A pivot's column that holds `referenced_column` of `entity`'s table.
    fn pivot_column(&self, entity: &str, referenced_column: &str) -> String {
        format!("{}_{referenced_column}", snake_case(entity))
    }

    /// The name of an index or a unique constraint.
    fn index(&self, table: &str, columns: &[&str], unique: bool) -> String {
        format!("{table}_{}_{}", columns.join("_"), if unique { "unique" } else { "index" })
    }

    /// The name of a check; without columns, where it is about the whole row.
    fn check(&self, table: &str, columns: &[&str]) -> String {
        let about: String = columns.iter().map(|column| format!("_{column}")).collect();
        format!("{table}{about}_check")
    }

    /// The name of a foreign-key constraint.
    fn foreign_key(&self, table: &str, columns: &[&str]) -> String {
        format!("{table}_{}_foreign", columns.join("_"))
    }
}

/// The default: everything in `snake_case`, tables in the singular, as the struct is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnakeCase;

impl NamingStrategy for SnakeCase {}

/// `AuthorBook2` → `author_book2`, `HTTPServer` → `http_server`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, character) in characters.iter().enumerate() {
        if character.is_uppercase() && at > 0 && characters[at - 1] != '_' {
            let after_lower = !characters[at - 1].is_uppercase();
            let before_lower = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
            if after_lower || before_lower {
                snake.push('_');
            }
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// The most bytes in a name that this crate makes: PostgreSQL keeps 63 of one, MySQL 64 characters.
const LONGEST: usize = 63;

/// `name` where every database keeps it whole, else as much of its beginning as there is room for, and a number made of
/// all of it. For names of constraints and indexes, which nobody types.
#[must_use]
pub fn bounded_name(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let number = format!("_{:08x}", fnv_1a(&name));
    let mut end = LONGEST - number.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{number}", &name[..end])
}

/// FNV-1a, 32 bits: the same in every version of the program, as names of a schema must be.
/// <https://www.rfc-editor.org/rfc/rfc9923>
fn fnv_1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Case {
    /// `name`, a Rust field name, in this case.
    pub(super) fn apply(self, name: &str) -> String {
        let snake = snake_case(name);
        match self {
            Self::Snake => snake,
            Self::Camel => {
                let pascal = pascal(&snake);
                let mut characters = pascal.chars();
                characters
                    .next()
                    .map(|first| first.to_lowercase().chain(characters).collect())
                    .unwrap_or_default()
            }
            Self::Pascal => pascal(&snake),
            Self::ScreamingSnake => snake.to_uppercase(),
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
        }
    }
}

fn pascal(snake: &str) -> String {
    let capitalised = |word: &str| -> String {
        let mut characters = word.chars();
        characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
    };
    snake.split('_').map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn struct_names_become_snake_case() {
        for (name, expected) in [
            ("Author", "author"),
            ("BookTag", "book_tag"),
            ("HTTPServer", "http_server"),
            ("Author2", "author2"),
            ("already_snake", "already_snake"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let long = |end: &str| bounded_name(format!("{}{end}", "é".repeat(40)));
        assert_eq!(bounded_name("a".repeat(63)), "a".repeat(63));
        assert!(long("_index").len() <= 63 && long("_index") != long("_unique"));
        // Offset basis and a sum from the specification.
        assert_eq!((fnv_1a(""), fnv_1a("foobar")), (0x811c_9dc5, 0xbf9c_f968));
    }

    #[test]
    fn each_case_applies_to_a_field_name() {
        let all = [
            (Case::Snake, "created_at"),
            (Case::Camel, "createdAt"),
            (Case::Pascal, "CreatedAt"),
            (Case::ScreamingSnake, "CREATED_AT"),
            (Case::Lower, "created_at"),
            (Case::Upper, "CREATED_AT"),
        ];
        for (case, expected) in all {
            assert_eq!(case.apply("created_at"), expected);
        }
    }
}
