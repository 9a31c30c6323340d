//! The shortest program that shows what this is: entities, a flush, the identity map, populate, an edit.
//!
//! Needs nothing installed; the database is in memory. Every statement is printed when it was sent.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use orm_core::prelude::*;
use orm_sqlx::Sqlite;

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "authors")]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
    #[entity(unique)]
    email: Option<String>,
    #[entity(mapped_by = "author")]
    books: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "books")]
struct Book {
    #[entity(id, auto)]
    id: i64,
    title: String,
    author: Ref<Author>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("Create the schema, in memory:");
    let database = Sqlite::options().memory().observer(orm_examples::print_statement).connect().await?;
    let orm = Orm::builder(database).entity::<Author>().build().await?; // Book is found through the relation.
    orm.schema().create().await?;

    println!("\nPersist an author with two books, flush once:");
    let em = orm.em().fork();
    let jon = em.persist(Author { name: "Jon Snow".into(), ..Author::default() })?;
    for title in ["A Crow's Diary", "The Wall"] {
        em.persist(Book { title: title.into(), author: (&jon).into(), ..Book::default() })?;
    }
    em.flush().await?;
    println!("  he has key {} and {} books", jon.id(), jon.books().len());

    em.clear()?;
    println!("\nClear the identity map, find him by name, then find all authors, each time with books:");
    let authors = em.get_repository::<Author>();
    let jon = authors.find_one(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let jon = jon.ok_or("the author that was just saved is gone")?;
    let all = authors.find_all().populate(Author::BOOKS).await?;
    assert!(jon == all[0]); // Identity map in action: one row, one instance.
    println!("  jon == all[0] is {}", jon == all[0]);
    for book in jon.books() {
        assert!(book.author_ref().get()? == jon); // The way back leads to him, too.
        println!("  {} by {}", book.get().title, jon.get().name);
    }

    println!("\nFind him by key, which the identity map answers without a statement:");
    let same = authors.find_by_id(jon.id()).await?.ok_or("he is in the identity map")?;
    assert!(same == jon);

    println!("\nEdit one field and flush, which updates one column:");
    jon.edit().email = Some("jon@wall.org".into());
    em.flush().await?;

    println!("\nFlush again, with nothing to write:");
    em.flush().await?;

    println!("\nTo JSON, with what the type says is populated and nothing else:");
    println!("  {}", serde_json::to_string(&jon)?);
    println!("  {}", serde_json::to_string(&same)?);
    Ok(())
}
