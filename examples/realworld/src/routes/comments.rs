//! Comments on an article.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::{Answer, ok};
use crate::error::Result;
use crate::extract::{CurrentUser, Json, Path, Viewer};
use crate::requests::CommentBody;
use crate::services::Services;
use crate::views::CommentView;

pub(super) async fn list(
    State(services): State<Arc<Services>>,
    Viewer(viewer): Viewer,
    Path(slug): Path<String>,
) -> Answer {
    let comments = services.comments.list(&slug, viewer.as_ref()).await?;
    ok("comments", comments.iter().map(CommentView::from).collect::<Vec<_>>())
}

pub(super) async fn write(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(slug): Path<String>,
    Json(body): Json<CommentBody>,
) -> Answer {
    ok("comment", CommentView::from(&services.comments.write(&slug, body.check()?, &user).await?))
}

pub(super) async fn delete(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path((slug, id)): Path<(String, i64)>,
) -> Result<StatusCode> {
    services.comments.delete(&slug, id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
