//! The two problems of one identity map for all requests, as the documents that this ORM follows tell them: memory that
//! grows, and responses that depend on what others have loaded.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::{Failure, Service};
use crate::library::{Author, Book};

fn json(text: serde_json::Result<String>) -> Result<impl IntoResponse, Failure> {
    Ok(([(header::CONTENT_TYPE, "application/json")], text?))
}

/// `GET /books/:id`: "returns just the book, without populating anything".
pub(crate) async fn book(
    State(service): State<Arc<Service>>,
    Path(id): Path<i64>,
) -> Result<impl IntoResponse, Failure> {
    json(serde_json::to_string(&service.books.find_by_id_or_fail(id).await?))
}

/// `GET /books-with-author/:id`: "returns the book and its author populated".
pub(crate) async fn book_with_author(
    State(service): State<Arc<Service>>,
    Path(id): Path<i64>,
) -> Result<impl IntoResponse, Failure> {
    let book = service.books.find_by_id_or_fail(id).populate(Book::AUTHOR).await?;
    json(serde_json::to_string(&book))
}

/// Loads all that the tenant has, in circles. How many entities were managed before and are now.
pub(crate) async fn everything(State(service): State<Arc<Service>>) -> Result<String, Failure> {
    let em = service.orm.em();
    let before = em.managed_count()?;
    let authors = em.find_all::<Author>().populate(Author::BOOKS.then(Book::AUTHOR)).await?;
    drop(authors);
    Ok(format!("{before} {}", em.managed_count()?))
}
