//! The backend of [RealWorld](https://github.com/gothinkster/realworld) ("Conduit") over the ORM: users, profiles, articles,
//! comments, favourites, tags and feeds.
//!
//! From the outside in: `routes` say which handler answers what, handlers take a request apart and name a service,
//! services do the work with repositories that find the context of the request by themselves, and views are what clients
//! are shown. `entities` is what all of it is about.
//!
//! The API is that of the specification's version 1.1.0, its OpenAPI file and its prose.

#![forbid(unsafe_code)]

mod entities;
mod error;
mod extract;
mod password;
mod requests;
mod routes;
mod services;
mod slug;
mod token;
mod views;

use axum::Router;
use orm_core::{Orm, Result};
use orm_sqlx::AnyOptions;
use orm_sqlx::migration::{Embedded, embed};

use entities::{Comment, User};
use services::Services;
pub use token::Tokens;

/// The way of a database to what the entities need.
pub const MIGRATIONS: Embedded = embed!("migrations");

/// Connects to a database, as it is.
///
/// # Errors
///
/// What connecting fails with.
pub async fn connect(options: AnyOptions) -> Result<Orm> {
    Orm::builder(options.connect().await?).entity::<User>().entity::<Comment>().build().await
}

/// The whole API, below `/api`, on a database that has all migrations.
pub fn api(orm: &Orm, tokens: Tokens) -> Router {
    routes::router(orm, Services::new(orm, tokens))
}
