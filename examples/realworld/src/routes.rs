//! Which handler answers what.

mod articles;
mod comments;
mod profiles;
mod tags;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use orm_core::Orm;
use orm_web::RequestContextLayer;
use serde_json::{Value, json};
use tower_http::cors::CorsLayer;

use crate::error::ApiError;
use crate::extract::Json;
use crate::services::Services;

/// The most bytes of a body.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// What handlers answer: a status, and JSON.
type Answer = Result<(StatusCode, Json<Value>), ApiError>;

/// The API. Each request that a route matches has a context of its own; who is signed in is found out inside of it.
pub(crate) fn router(orm: &Orm, services: Arc<Services>) -> Router {
    let api = Router::new()
        .route("/users", post(users::register))
        .route("/users/login", post(users::login))
        .route("/user", get(users::current).put(users::change))
        .route("/profiles/{username}", get(profiles::show))
        .route("/profiles/{username}/follow", post(profiles::follow).delete(profiles::unfollow))
        .route("/articles", get(articles::list).post(articles::write))
        .route("/articles/feed", get(articles::feed))
        .route("/articles/{slug}", get(articles::show).put(articles::change).delete(articles::delete))
        .route("/articles/{slug}/favorite", post(articles::favour).delete(articles::unfavour))
        .route("/articles/{slug}/comments", get(comments::list).post(comments::write))
        .route("/articles/{slug}/comments/{id}", delete(comments::delete))
        .route("/tags", get(tags::list));
    Router::new()
        .nest("/api", api)
        .route_layer(RequestContextLayer::new(orm))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .fallback(async || ApiError::NotFound("path"))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CorsLayer::permissive())
        .with_state(services)
}

/// `{"name": value}` and 200.
fn ok(name: &str, value: impl serde::Serialize) -> Answer {
    Ok((StatusCode::OK, Json(json!({ name: value }))))
}

/// `{"name": value}` and 201.
fn created(name: &str, value: impl serde::Serialize) -> Answer {
    Ok((StatusCode::CREATED, Json(json!({ name: value }))))
}
