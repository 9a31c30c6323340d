//! One entity with twelve relations, all populated by one query.

use orm_core::{Collection, Entity, EntityManager, Ref, Result};

#[derive(Entity, Clone, Debug, Default)]
struct Person {
    #[entity(id, auto)]
    id: i64,
    name: String,
    #[entity(mapped_by = "author")]
    written: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Tag {
    #[entity(id, auto)]
    id: i64,
    label: String,
}

#[derive(Entity, Clone, Debug, Default)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    author: Option<Ref<Person>>,
    editor: Option<Ref<Person>>,
    translator: Option<Ref<Person>>,
    publisher: Option<Ref<Person>>,
    printer: Option<Ref<Person>>,
    binder: Option<Ref<Person>>,
    seller: Option<Ref<Person>>,
    owner: Option<Ref<Person>>,
    reader: Option<Ref<Person>>,
    critic: Option<Ref<Person>>,
    #[entity(many_to_many)]
    tags: Collection<Tag>,
    #[entity(many_to_many, pivot_table = "book_genres")]
    genres: Collection<Tag>,
}

async fn find(em: &EntityManager) -> Result<usize> {
    let books = em
        .find_all::<Book>()
        .populate((Book::GENRES, Book::TAGS, Book::CRITIC, Book::READER, Book::OWNER, Book::SELLER))
        .populate((Book::BINDER, Book::PRINTER, Book::PUBLISHER, Book::TRANSLATOR, Book::EDITOR))
        .populate(Book::AUTHOR.then(Person::WRITTEN.then((Book::TAGS, Book::GENRES))))
        .await?;
    let mut found = 0;
    for book in &books {
        let people = [
            book.editor().map(|one| one.id()),
            book.translator().map(|one| one.id()),
            book.publisher().map(|one| one.id()),
            book.printer().map(|one| one.id()),
            book.binder().map(|one| one.id()),
            book.seller().map(|one| one.id()),
            book.owner().map(|one| one.id()),
            book.reader().map(|one| one.id()),
            book.critic().map(|one| one.id()),
        ];
        found += people.len() + book.tags().len() + book.genres().len();
        for other in book.author().iter().flat_map(|author| author.written()) {
            found += other.tags().len() + other.genres().len();
        }
    }
    Ok(found)
}

fn main() {
    let _ = find;
}
