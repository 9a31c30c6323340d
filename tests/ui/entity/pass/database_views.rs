//! Views of the database and what somebody else makes: how they are declared, and what is done with them.

use orm_core::{Collection, Entity, EntityManager, Loaded, Ref, Result, Writable};

const SELECT: &str = "SELECT author_id, COUNT(*) AS books FROM book GROUP BY author_id";

#[derive(Entity, Clone)]
#[entity(table = "author_sales", view = SELECT, comment = "computed", schema = "shop")]
struct Sales {
    #[entity(id)]
    author: Ref<Author>,
    books: i64,
}

#[derive(Entity, Clone)]
#[entity(view = concat!("SELECT id, name ", "FROM author"))]
struct Name {
    #[entity(id)]
    id: i64,
    #[entity(column = "name", json = "name", hidden)]
    text: String,
    #[entity(skip)]
    seen: bool,
}

#[derive(Entity, Clone)]
#[entity(table = "country", read_only, schema = "world")]
struct Country {
    #[entity(id)]
    code: String,
    #[entity(one_to_one, on_delete = "cascade")]
    poet: Option<Ref<Author>>,
    #[entity(mapped_by = "country")]
    authors: Collection<Author>,
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    country: Option<Ref<Country>>,
    #[entity(mapped_by = "author")]
    sales: Option<Ref<Sales>>,
}

async fn works(em: EntityManager) -> Result<()> {
    let best: Vec<Loaded<Sales>> = em.find(Sales::BOOKS.gt(3)).limit(2).await?;
    let names = em.find_all::<Name>().await?;
    let author = em.find_all::<Author>().populate((Author::SALES, Author::COUNTRY)).await?.remove(0);
    author.edit().country = Some(Ref::key("is"));
    author.edit().country = author.country().map(|country| country.to_ref());
    em.get_reference::<Country>("se")?.load().await?;
    em.refresh(&best[0]).await?;
    em.detach(&names[0])?;
    written(&em, author.get().as_ref().clone()).await
}

async fn written<T: Writable>(em: &EntityManager, value: T) -> Result<()> {
    em.persist(value)?;
    em.flush().await
}

fn main() {
    let _ = (works, Sales::AUTHOR, Name::TEXT, Country::POET, Country::AUTHORS);
}
