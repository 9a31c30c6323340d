//! A violation at each position of a batch of a hundred rows: the database and memory are as before, the error names
//! entity and fields, `diagnose` the row, and the same manager goes on once it is corrected.

use orm_core::driver::ViolationKind;
use orm_core::{Condition, Diagnosis, EntityManager, Error, Loaded, Result, Value};

use crate::fixtures::blog::{self, Author, Book};
use crate::{Backend, TestDb};

const ROWS: usize = 100;

/// The email that somebody has already.
const TAKEN: &str = "jon@wall.org";

/// Of a hundred new rows, any one may be refused.
pub async fn a_row_refused_at_any_position_of_an_insert_takes_all_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let before = count(&db).await?;
    for position in 0..ROWS {
        let em = db.em();
        let authors: Vec<_> = (0..ROWS)
            .map(|row| em.persist(Author { email: Some(email(row, position)), ..Author::new("new") }))
            .collect::<Result<_>>()?;
        let plan = em.flush_plan()?.to_string();

        let error = em.flush().await.expect_err("the email is taken");

        assert_refused(&error, position);
        let diagnosis = error.diagnose(&em).await?;
        assert_names(&diagnosis, position, &authors[position].without_hints());
        assert_refused(diagnosis.rows()[0].error(), position);
        assert_eq!(count(&db).await?, before);
        assert!(authors.iter().all(|author| author.try_id().is_none() && em.contains(author)));
        assert_eq!(em.flush_plan()?.to_string(), plan);

        authors[position].edit().email = Some("free@wall.org".to_owned());
        em.flush().await?;
        assert_eq!(count(&db).await?, before + ROWS as u64);
        assert!(authors.iter().all(|author| author.try_id().is_some()));
        authors.iter().try_for_each(|author| em.remove(author))?;
        em.flush().await?;
    }
    Ok(())
}

/// Of a hundred changed rows, any one may be refused.
pub async fn a_row_refused_at_any_position_of_an_update_takes_all_back<B: Backend>() -> Result<()> {
    let (db, em, authors) = hundred::<B>().await?;
    for position in 0..ROWS {
        let value = i32::try_from(position).unwrap_or_default();
        for (row, author) in authors.iter().enumerate() {
            let mut author = author.edit();
            author.age = Some(value);
            author.email = Some(format!("{position}.{}", email(row, position)));
            if row == position {
                author.email = Some(TAKEN.to_owned());
            }
        }
        let plan = em.flush_plan()?.to_string();

        let error = em.flush().await.expect_err("the email is taken");

        assert_refused(&error, position);
        let diagnosis = error.diagnose(&em).await?;
        assert_names(&diagnosis, position, &authors[position]);
        assert_refused(diagnosis.rows()[0].error(), position);
        assert_eq!(db.em().count(Author::AGE.eq(value)).await?, 0);
        assert!(authors.iter().all(|author| author.get().age == Some(value)));
        assert_eq!(em.flush_plan()?.to_string(), plan);

        authors[position].edit().email = None;
        em.flush().await?;
        assert_eq!(db.em().count(Author::AGE.eq(value)).await?, ROWS as u64);
    }
    Ok(())
}

/// Of a hundred removed rows, any one may be refused.
pub async fn a_row_refused_at_any_position_of_a_delete_takes_all_back<B: Backend>() -> Result<()> {
    let (db, em, authors) = hundred::<B>().await?;
    let book = em.persist(Book::new("A Feast", &authors[0]))?;
    for position in 0..ROWS {
        book.edit().author = authors[position].to_ref();
        em.flush().await?;
        let before = count(&db).await?;
        authors.iter().try_for_each(|author| em.remove(author))?;
        let plan = em.flush_plan()?.to_string();

        let error = em.flush().await.expect_err("a book refers to it");

        assert_still_referred_to(&error);
        let diagnosis = error.diagnose(&em).await?;
        assert_names(&diagnosis, position, &authors[position]);
        let refused = diagnosis.rows()[0].error();
        assert_still_referred_to(refused);
        // Alone, the row that refers to it is found.
        let fields = refused.violation().map(|violation| violation.fields.as_slice());
        assert_eq!(fields, Some(["author"].as_slice()), "{refused:?}");
        assert_eq!(count(&db).await?, before);
        assert!(authors.iter().all(|author| !em.contains(author)));
        assert_eq!(em.flush_plan()?.to_string(), plan);

        for author in &authors {
            em.persist(author)?;
        }
        assert!(em.flush_plan()?.is_empty() && authors.iter().all(|author| em.contains(author)));
    }
    em.remove(&book)?;
    authors.iter().try_for_each(|author| em.remove(author))?;
    em.flush().await
}

/// A blog with a hundred more authors, loaded.
async fn hundred<B: Backend>() -> Result<(TestDb, EntityManager, Vec<Loaded<Author>>)> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = (0..ROWS).map(|_| Ok(em.persist(Author::new("one of a hundred"))?.without_hints()));
    let authors = authors.collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    Ok((db, em, authors))
}

fn email(row: usize, position: usize) -> String {
    if row == position { TAKEN.to_owned() } else { format!("{row}@wall.org") }
}

async fn count(db: &TestDb) -> Result<u64> {
    db.em().count(Condition::<Author>::always()).await
}

#[track_caller]
fn assert_refused(error: &Error, position: usize) {
    let Some(violation) = error.violation() else { panic!("row {position}: {error:?}") };
    assert_eq!((violation.kind, violation.entity), (ViolationKind::Unique, Some("Author")), "row {position}");
    assert_eq!(violation.fields, ["email"], "row {position}");
}

/// It is the only row at fault, with the way back to its instance.
#[track_caller]
fn assert_names(diagnosis: &Diagnosis, position: usize, author: &Loaded<Author>) {
    let [row] = diagnosis.rows() else { panic!("row {position}: {diagnosis}") };
    assert_eq!((row.entity(), row.position()), ("Author", Some(position)), "{diagnosis}");
    let key: Vec<_> = author.try_id().into_iter().map(Value::Int).collect();
    assert_eq!(row.key().values(), key);
    assert_eq!(row.handle::<Author>().as_ref(), Some(author));
    assert_eq!(row.handle::<Book>(), None);
}

/// A book refers to the row; the entity and the field that do are named where the database says them.
#[track_caller]
fn assert_still_referred_to(error: &Error) {
    let Some(violation) = error.violation() else { panic!("{error:?}") };
    assert_eq!(violation.kind, ViolationKind::ForeignKey, "{error:?}");
    assert!(matches!(violation.entity, None | Some("Book")), "{error:?}");
    assert!(matches!(violation.fields.as_slice(), [] | ["author"]), "{error:?}");
    assert_eq!(violation.entity.is_some(), !violation.fields.is_empty(), "{error:?}");
    let names_table = violation.constraint.as_ref().is_none_or(|name| name.contains("book"));
    assert!(names_table, "{error:?}");
}
