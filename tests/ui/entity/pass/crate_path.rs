//! The derives find orm-core under another name.

mod vendor {
    pub use orm_core as orm;
}

use vendor::orm::{Collection, Entity, EnumValue, NewtypeValue, Ref};

#[derive(Entity, Clone, Debug, Default)]
#[entity(crate = "crate::vendor::orm")]
struct Author {
    #[entity(id, auto)]
    id: AuthorId,
    status: Status,
    #[entity(mapped_by = "author")]
    books: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(crate = crate::vendor::orm)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    author: Ref<Author>,
}

#[derive(EnumValue, Clone, Debug, Default)]
#[enum_value(crate = "crate::vendor::orm")]
enum Status {
    #[default]
    Active,
}

#[derive(NewtypeValue, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[newtype_value(crate = "crate::vendor::orm")]
struct AuthorId(i64);

fn main() {
    let _ = (Author::BOOKS, Book::AUTHOR, Author::STATUS);
}
