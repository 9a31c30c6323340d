//! What a request can fail with, and how the client is told: a status, and `{"errors": {"field": ["problem"]}}`.

use std::collections::BTreeMap;
use std::error::Error as StdError;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use orm_core::Error;
use orm_core::driver::ViolationKind;
use serde::Serialize;

use crate::extract::Json;

/// A result of a service or a handler.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Everything that a request can fail with.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// What was sent is not what is asked for.
    Invalid(Problems),
    /// Nobody is signed in, or not as somebody who is known.
    Unauthorized(Problems),
    /// This is somebody else's.
    Forbidden(&'static str),
    /// There is no such thing.
    NotFound(&'static str),
    /// The body is larger than the server reads.
    TooLarge,
    /// The path is there, and not for this method.
    MethodNotAllowed,
    /// The server's own trouble, which is logged and not told.
    Internal(Box<dyn StdError + Send + Sync>),
}

/// What is wrong with which field.
#[derive(Debug, Default)]
pub(crate) struct Problems(BTreeMap<&'static str, Vec<String>>);

impl Problems {
    /// One problem of one field.
    pub(crate) fn of(field: &'static str, problem: impl Into<String>) -> Self {
        let mut problems = Self::default();
        problems.add(field, problem);
        problems
    }

    pub(crate) fn add(&mut self, field: &'static str, problem: impl Into<String>) {
        self.0.entry(field).or_default().push(problem.into());
    }

    /// `value`, if there is no problem with it.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self)) }
    }

    /// Each field has its problems, and `body` has all of them as sentences: some clients read the one, some the other.
    fn into_body(self) -> ErrorBody {
        let mut sentences = Vec::new();
        for (field, problems) in &self.0 {
            sentences.extend(problems.iter().map(|problem| match *field {
                "body" => problem.clone(),
                field => format!("{field} {problem}"),
            }));
        }
        let mut errors = self.0;
        errors.insert("body", sentences);
        ErrorBody { errors }
    }
}

#[derive(Serialize)]
struct ErrorBody {
    errors: BTreeMap<&'static str, Vec<String>>,
}

impl ApiError {
    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid(Problems::of(field, problem))
    }

    pub(crate) fn internal(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

/// What the services did not expect. That a row is gone which was there a moment ago is said as if it had never been.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let is_gone = match &error {
            Error::StaleEntity { .. } => true,
            error => error.violation().is_some_and(|violation| violation.kind == ViolationKind::ForeignKey),
        };
        if is_gone { Self::NotFound("resource") } else { Self::internal(error) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, problems) = match self {
            Self::Invalid(problems) => (StatusCode::UNPROCESSABLE_ENTITY, problems),
            Self::Unauthorized(problems) => (StatusCode::UNAUTHORIZED, problems),
            Self::Forbidden(what) => (StatusCode::FORBIDDEN, Problems::of(what, "forbidden")),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, Problems::of(what, "not found")),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Problems::of("body", "is too large")),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, Problems::of("method", "is not allowed here"))
            }
            Self::Internal(error) => {
                tracing::error!(error = &*error as &dyn StdError, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, Problems::of("server", "failed"))
            }
        };
        let mut response = (status, Json(problems.into_body())).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        response
    }
}
