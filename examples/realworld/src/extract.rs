//! What handlers take from a request, and give back: as axum's own, with the errors of this API.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use orm_core::Loaded;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entities::User;
use crate::error::{ApiError, Problems, Result};
use crate::services::Services;

/// A body in JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let body = extract::Json::from_request(request, state).await;
        body.map(|extract::Json(value)| Self(value)).map_err(|rejection| match rejection {
            JsonRejection::MissingJsonContentType(_) => {
                ApiError::invalid("body", "must be JSON, and say so by `Content-Type: application/json`")
            }
            rejection if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
            rejection => ApiError::invalid("body", rejection.body_text()),
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut response = extract::Json(self.0).into_response();
        if response.status() == StatusCode::OK {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        response
    }
}

/// Parts of the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        // No name has a NUL, and not every database takes one.
        if parts.uri.path().contains("%00") {
            return Err(ApiError::NotFound("path"));
        }
        let path: Result<_, PathRejection> = extract::Path::from_request_parts(parts, state).await;
        path.map(|extract::Path(value)| Self(value))
            .map_err(|rejection| ApiError::invalid("path", rejection.body_text()))
    }
}

/// What stands behind the `?`.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let query: Result<_, QueryRejection> = extract::Query::from_request_parts(parts, state).await;
        query
            .map(|extract::Query(value)| Self(value))
            .map_err(|rejection| ApiError::invalid("query", rejection.body_text()))
    }
}

/// Who is signed in; others are refused.
#[derive(Debug)]
pub(crate) struct CurrentUser(pub(crate) Loaded<User>);

impl FromRequestParts<Arc<Services>> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let user = signed_in(parts, services).await?;
        user.map(Self).ok_or_else(|| ApiError::Unauthorized(Problems::of("token", "is missing")))
    }
}

/// Who looks: somebody who is signed in, or anybody. A token that is none is refused.
#[derive(Debug)]
pub(crate) struct Viewer(pub(crate) Option<Loaded<User>>);

impl FromRequestParts<Arc<Services>> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        signed_in(parts, services).await.map(Self)
    }
}

/// Who looks at what everybody may see without a token: whoever has one that is none is anybody.
#[derive(Debug)]
pub(crate) struct AnyViewer(pub(crate) Option<Loaded<User>>);

impl FromRequestParts<Arc<Services>> for AnyViewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        match signed_in(parts, services).await {
            Err(ApiError::Unauthorized(_)) => Ok(Self(None)),
            user => user.map(Self),
        }
    }
}

/// Who the header says, if there is one.
async fn signed_in(parts: &Parts, services: &Services) -> Result<Option<Loaded<User>>> {
    let Some(header) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let user = match header.to_str().ok().and_then(token) {
        Some(token) => services.users.of_token(token).await?,
        None => None,
    };
    user.map(Some).ok_or_else(|| ApiError::Unauthorized(Problems::of("token", "is invalid")))
}

/// `Token ..`, as the API says, or `Bearer ..`, as others do.
fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer")).then_some(token.trim())
}
