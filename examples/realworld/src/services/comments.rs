//! Comments: what is said to an article.

use orm_core::{Loaded, Repository, With, Without};

use super::is;
use super::profiles::ProfileRecord;
use crate::entities::{Article, Comment, CommentPopulated, User};
use crate::error::{ApiError, Result};

/// A comment and its author.
pub(crate) type ShownComment = Loaded<Comment, CommentRecord>;

type CommentRecord = CommentPopulated<Without, With<ProfileRecord>>;

#[derive(Debug)]
pub(crate) struct Comments {
    comments: Repository<Comment>,
    articles: Repository<Article>,
}

impl Comments {
    pub(super) fn new(comments: Repository<Comment>, articles: Repository<Article>) -> Self {
        Self { comments, articles }
    }

    /// What is said to the article, the newest first.
    pub(crate) async fn list(&self, slug: &str, viewer: Option<&Loaded<User>>) -> Result<Vec<ShownComment>> {
        let article = self.article(slug).await?;
        let comments = self.comments.find(Comment::ARTICLE.eq(&article)).order_by(Comment::ID.desc());
        Ok(comments.populate(Comment::AUTHOR.then(User::FOLLOWERS.filter(is(viewer)))).await?)
    }

    pub(crate) async fn write(
        &self,
        slug: &str,
        body: String,
        author: &Loaded<User>,
    ) -> Result<ShownComment> {
        let article = self.article(slug).await?;
        let (article, by) = (article.to_ref(), author.to_ref());
        let comment =
            self.comments.em().persist(Comment { body, article, author: by, ..Comment::default() })?;
        self.comments.em().flush().await?;
        let comment = self.comments.find_by_id_or_fail(comment.id());
        Ok(comment.populate(Comment::AUTHOR.then(User::FOLLOWERS.filter(is(Some(author))))).await?)
    }

    pub(crate) async fn delete(&self, slug: &str, id: i64, user: &Loaded<User>) -> Result<()> {
        let article = self.article(slug).await?;
        let comment = self.comments.find_one(Comment::ID.eq(id).and(Comment::ARTICLE.eq(&article))).await?;
        let comment = comment.ok_or(ApiError::NotFound("comment"))?;
        if comment.author_ref().key() != Some(user.id()) {
            return Err(ApiError::Forbidden("comment"));
        }
        self.comments.em().remove(&comment)?;
        Ok(self.comments.em().flush().await?)
    }

    async fn article(&self, slug: &str) -> Result<Loaded<Article>> {
        let article = self.articles.find_one(Article::SLUG.eq(slug)).await?;
        article.ok_or(ApiError::NotFound("article"))
    }
}
