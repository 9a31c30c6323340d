//! Many rows take few statements.

use orm_core::{Condition, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::{Backend, TestDb};

/// How many entities are written.
const MANY: usize = 10_000;

/// How many statements they may take, the begin and the end of the transaction among them: ten batches of four at most.
/// Where foreign keys are checked row by row, a delete from a tree points the rows to nothing first, inside a savepoint.
const FEW: u64 = 42;

/// 10,000 new entities of one type, each of which gets its own key; 10,000 changed ones, each with its own values;
/// 10,000 removed ones.
pub async fn ten_thousand_entities_take_few_statements<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let authors = (0..MANY).map(|number| em.persist(Author::new(&number.to_string())));
    let authors = authors.collect::<Result<Vec<_>>>()?;

    em.flush().await?;

    let inserted = sent(&db);
    let reader = db.em();
    reader.find_all::<Author>().await?;
    for (number, author) in authors.iter().enumerate() {
        let row = reader.find_by_id::<Author>(author.id()).await?.expect("it was inserted");
        assert_eq!(row.get().name, number.to_string());
        author.edit().age = i32::try_from(number).ok();
    }
    db.recorder.reset();

    em.flush().await?;

    let changed = sent(&db);
    for (number, author) in db.em().find_all::<Author>().await?.into_iter().enumerate() {
        let age = author.get().age;
        assert_eq!(age.map(|age| age.to_string()).as_ref(), Some(&author.get().name), "row {number}");
    }
    authors.iter().try_for_each(|author| em.remove(author))?;
    db.recorder.reset();

    em.flush().await?;

    let removed = sent(&db);
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 0);
    println!(
        "{MANY} entities: {inserted} statements to insert them, {changed} to update, {removed} to delete"
    );
    assert!(inserted <= FEW && changed <= FEW && removed <= FEW, "{inserted}, {changed}, {removed}");
    Ok(())
}

/// 1,000 links of a many-to-many relation are added by one statement and removed by one.
pub async fn a_thousand_links_take_one_statement<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let book = em.persist(Book::new("A Clash", Author::new("Jon Snow")))?;
    let tags = (0..1_000).map(|number| em.persist(Tag::new(&number.to_string())));
    let tags = tags.collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    db.recorder.reset();
    tags.iter().try_for_each(|tag| book.tags_ref().add(tag))?;

    em.flush().await?;

    assert_eq!(sent(&db), 3);
    tags.iter().try_for_each(|tag| book.tags_ref().remove(tag))?;

    em.flush().await?;

    assert_eq!(sent(&db), 3);
    let book = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    assert!(book.tags().is_empty());
    Ok(())
}

/// What the driver has sent since the last time.
fn sent(db: &TestDb) -> u64 {
    let statements = db.recorder.statements();
    db.recorder.reset();
    statements
}
