//! A response whose body asks the database while it is sent.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::Failure;
use super::visit::Visit;
use crate::library::{AUTHORS, Author, Book, TITLES};

/// A line for each author, with that one's books.
pub(crate) async fn stream(mut visit: Visit) -> Result<Response, Failure> {
    visit.begin();
    let names = visit.em().find_all::<Author>().select(Author::NAME).await?;
    visit.pause().await;
    let greeting = format!("{}\n", visit.greeting());
    let start = Some((visit, names));
    let lines = stream::unfold((start, Some(greeting)), async |(state, greeting)| {
        if let Some(greeting) = greeting {
            return Some((Ok::<_, String>(greeting), (state, None)));
        }
        let (mut visit, mut names) = state?;
        let Some(name) = names.pop() else {
            visit.finish();
            return None;
        };
        let line = line(&mut visit, &name).await.map_err(|Failure(problem)| problem);
        Some((line, (Some((visit, names)), None)))
    });
    Ok(Body::from_stream(lines).into_response())
}

async fn line(visit: &mut Visit, name: &str) -> Result<String, Failure> {
    let author = visit.em().find_one_or_fail(Author::NAME.eq(name)).populate(Author::BOOKS).await?;
    visit.sees(&author);
    visit.mark(&author);
    visit.sees_all(&author.books(), TITLES.len());
    visit.pause().await;
    let books = visit.em().find(Book::AUTHOR.eq(&author)).await?;
    visit.sees_all(&books, TITLES.len());
    debug_assert!(AUTHORS.contains(&name));
    Ok(format!("{name}: {}\n", books.len()))
}
