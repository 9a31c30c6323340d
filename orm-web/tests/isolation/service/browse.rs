//! Reads, edits in memory, and reads again.

use super::Failure;
use super::visit::Visit;
use crate::library::{AUTHORS, Author, Book, TITLES};
use crate::witness::Check;

/// Everything of the tenant, by all ways that there are to the same rows.
pub(crate) async fn browse(mut visit: Visit) -> Result<String, Failure> {
    visit.begin();
    let em = visit.em().clone();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).await?;
    visit.sees_all(&authors, AUTHORS.len());
    for author in &authors {
        visit.sees_all(&author.books(), TITLES.len());
        visit.mark(author);
    }
    visit.pause().await;

    let condition = visit.some_book();
    let book = em.find_one_or_fail(condition).populate(Book::AUTHOR).await?;
    visit.sees(&book);
    let author = book.author();
    let is_known = authors.iter().any(|known| *known == author);
    visit.check(Check::OneInstance, is_known, || format!("{author:?} is another instance"));
    let mark = author.get().mark;
    visit.check(Check::OwnEdits, mark == visit.number(), || format!("its edit is gone, {mark} is there"));
    book.edit().mark = visit.number();
    visit.pause().await;

    let again = visit.service.books.find_by_id_or_fail(book.id()).await?;
    visit.check(Check::OneInstance, again == book, || "by the repository of the start".into());
    visit.sees(&again);
    visit.pause().await;

    let all = em.find_all::<Book>().await?;
    visit.sees_all(&all, AUTHORS.len() * TITLES.len());
    let marked = all.iter().filter(|book| book.get().mark == visit.number()).count();
    visit.check(Check::OwnEdits, marked == 1, || format!("{marked} books are marked instead of 1"));
    visit.pause().await;
    Ok(visit.finish())
}
