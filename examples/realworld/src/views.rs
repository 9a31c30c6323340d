//! What clients are shown. Each view is made of a handle whose type says that all it shows is loaded.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::entities::{Article, User};
use crate::services::{Profile, ShownArticle, ShownComment};

/// A user, as they see themselves.
#[derive(Debug, Serialize)]
pub(crate) struct UserView {
    email: String,
    token: String,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}

impl UserView {
    pub(crate) fn new(user: &User, token: String) -> Self {
        let User { email, username, bio, image, .. } = user.clone();
        Self { email, token, username, bio, image }
    }
}

/// A user, as others see them.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileView {
    username: String,
    bio: Option<String>,
    image: Option<String>,
    following: bool,
}

impl From<&Profile> for ProfileView {
    fn from(profile: &Profile) -> Self {
        let user = profile.get();
        Self {
            username: user.username.clone(),
            bio: user.bio.clone(),
            image: user.image.clone(),
            following: !profile.followers().is_empty(),
        }
    }
}

/// An article in a list, which leaves its body out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArticleLine {
    slug: String,
    title: String,
    description: String,
    tag_list: Vec<String>,
    #[serde(serialize_with = "with_milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "with_milliseconds")]
    updated_at: DateTime<Utc>,
    favorited: bool,
    favorites_count: u64,
    author: ProfileView,
}

impl From<&ShownArticle> for ArticleLine {
    fn from(shown: &ShownArticle) -> Self {
        let article = shown.get();
        let Article { slug, title, description, .. } = &*article;
        Self {
            slug: slug.clone(),
            title: title.clone(),
            description: description.clone(),
            tag_list: shown.tags().iter().map(|tag| tag.get().name.clone()).collect(),
            created_at: article.created_at,
            updated_at: article.updated_at,
            favorited: !shown.favourited_by().is_empty(),
            favorites_count: shown.count_of(Article::FAVOURITED_BY),
            author: ProfileView::from(&shown.author()),
        }
    }
}

/// An article.
#[derive(Debug, Serialize)]
pub(crate) struct ArticleView {
    #[serde(flatten)]
    line: ArticleLine,
    body: String,
}

impl From<&ShownArticle> for ArticleView {
    fn from(shown: &ShownArticle) -> Self {
        Self { line: ArticleLine::from(shown), body: shown.get().body.clone() }
    }
}

/// A comment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommentView {
    id: i64,
    #[serde(serialize_with = "with_milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "with_milliseconds")]
    updated_at: DateTime<Utc>,
    body: String,
    author: ProfileView,
}

impl From<&ShownComment> for CommentView {
    fn from(shown: &ShownComment) -> Self {
        let comment = shown.get();
        Self {
            id: comment.id,
            created_at: comment.created_at,
            updated_at: comment.updated_at,
            body: comment.body.clone(),
            author: ProfileView::from(&shown.author()),
        }
    }
}

/// A time as the API writes it: `2016-02-18T03:22:56.637Z`.
fn with_milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
