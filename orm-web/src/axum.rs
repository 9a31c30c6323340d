//! axum: `Em` among the arguments of a handler.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::em::{Em, NoContext};

impl<S: Sync> FromRequestParts<S> for Em {
    type Rejection = NoContext;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, NoContext> {
        Self::extract()
    }
}

impl IntoResponse for NoContext {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.body()).into_response()
    }
}
