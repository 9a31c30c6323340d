//! Articles, lists of them, and favourites.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, created, ok};
use crate::error::Result;
use crate::extract::{AnyViewer, CurrentUser, Json, Path, Query, Viewer};
use crate::requests::{ArticleBody, ArticleFields, ArticleQuery, NewArticleFields};
use crate::services::{Services, ShownArticle};
use crate::views::{ArticleLine, ArticleView};

pub(super) async fn list(
    State(services): State<Arc<Services>>,
    Viewer(viewer): Viewer,
    Query(query): Query<ArticleQuery>,
) -> Answer {
    listed(services.articles.list(query.check()?, viewer.as_ref()).await?)
}

pub(super) async fn feed(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Query(query): Query<ArticleQuery>,
) -> Answer {
    listed(services.articles.feed(query.check()?.page, &user).await?)
}

fn listed((articles, count): (Vec<ShownArticle>, u64)) -> Answer {
    let articles: Vec<ArticleLine> = articles.iter().map(ArticleLine::from).collect();
    Ok((StatusCode::OK, Json(json!({ "articles": articles, "articlesCount": count }))))
}

pub(super) async fn show(
    State(services): State<Arc<Services>>,
    AnyViewer(viewer): AnyViewer,
    Path(slug): Path<String>,
) -> Answer {
    ok("article", ArticleView::from(&services.articles.show(&slug, viewer.as_ref()).await?))
}

pub(super) async fn write(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Json(body): Json<ArticleBody<NewArticleFields>>,
) -> Answer {
    created("article", ArticleView::from(&services.articles.write(body.check()?, &user).await?))
}

pub(super) async fn change(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(slug): Path<String>,
    Json(body): Json<ArticleBody<ArticleFields>>,
) -> Answer {
    ok("article", ArticleView::from(&services.articles.change(&slug, body.check()?, &user).await?))
}

pub(super) async fn delete(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(slug): Path<String>,
) -> Result<StatusCode> {
    services.articles.delete(&slug, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn favour(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(slug): Path<String>,
) -> Answer {
    ok("article", ArticleView::from(&services.articles.favour(&slug, &user).await?))
}

pub(super) async fn unfavour(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(slug): Path<String>,
) -> Answer {
    ok("article", ArticleView::from(&services.articles.unfavour(&slug, &user).await?))
}
