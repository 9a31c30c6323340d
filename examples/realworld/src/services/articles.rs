//! Articles: written, listed and favoured.

use orm_core::query::{Also, Annotate, Annotated, CountOf, Find};
use orm_core::{Condition, Entity, LoadStrategy, Loaded, Part, Repository, With};

use super::is;
use super::profiles::ProfileRecord;
use super::tags::Tags;
use crate::entities::{
    Article, Article__favourited_by, ArticlePopulated, Tag, TagPopulated, User, UserPopulated,
};
use crate::error::{ApiError, Result};
use crate::requests::{ArticleChange, NewArticle, Slice, Wanted};
use crate::slug;

/// An article with all that a response shows of it: its author, its tags, of those who favour it the one who looks, if they
/// do, and the number of all who do.
pub(crate) type ShownArticle = Annotated<Loaded<Article, ArticleRecord>, FavouriteCount>;

type ArticleRecord = ArticlePopulated<With<ProfileRecord>, With<TagPopulated>, Part<UserPopulated>>;
type FavouriteCount = Also<CountOf<Article__favourited_by>, ()>;

/// How often another slug is tried. The second one is random already.
const ATTEMPTS: usize = 5;

#[derive(Debug)]
pub(crate) struct Articles {
    articles: Repository<Article>,
    tags: Tags,
}

impl Articles {
    pub(super) fn new(articles: Repository<Article>, tags: Tags) -> Self {
        Self { articles, tags }
    }

    /// A part of the articles that are wanted, the newest first, and the number of all of them.
    pub(crate) async fn list(
        &self,
        wanted: Wanted,
        viewer: Option<&Loaded<User>>,
    ) -> Result<(Vec<ShownArticle>, u64)> {
        let tagged = wanted.tag.map(|tag| Article::TAGS.some(Tag::NAME.eq(tag)));
        let written = wanted.author.map(|author| Article::AUTHOR.is(User::USERNAME.eq(author)));
        let favoured = wanted.favorited.map(|user| Article::FAVOURITED_BY.some(User::USERNAME.eq(user)));
        let condition = Condition::always().and_if(tagged).and_if(written).and_if(favoured);
        self.page(condition, wanted.page, viewer).await
    }

    /// As [`list`](Self::list), of those whom `user` follows.
    pub(crate) async fn feed(&self, page: Slice, user: &Loaded<User>) -> Result<(Vec<ShownArticle>, u64)> {
        let followed = User::FOLLOWERS.some(User::ID.eq(user.id()));
        self.page(Article::AUTHOR.is(followed), page, Some(user)).await
    }

    async fn page(
        &self,
        condition: Condition<Article>,
        page: Slice,
        viewer: Option<&Loaded<User>>,
    ) -> Result<(Vec<ShownArticle>, u64)> {
        let newest_first = Article::CREATED_AT.desc().then(Article::ID.desc());
        let found = self.articles.find_and_count(condition).order_by(newest_first);
        Ok(shown(found.limit(page.limit).offset(page.offset), viewer).await?)
    }

    pub(crate) async fn show(&self, slug: &str, viewer: Option<&Loaded<User>>) -> Result<ShownArticle> {
        let article = shown(self.articles.find_one(Article::SLUG.eq(slug)), viewer).await?;
        article.ok_or(ApiError::NotFound("article"))
    }

    pub(crate) async fn write(&self, new: NewArticle, author: &Loaded<User>) -> Result<ShownArticle> {
        let em = self.articles.em();
        let slug = em
            .transactional_as(async |em| {
                let article = em.persist(Article {
                    title: new.title.title,
                    description: new.description,
                    body: new.body,
                    author: author.to_ref(),
                    tags: self.tags.named(new.tags).await?.into_iter().collect(),
                    ..Article::default()
                })?;
                self.save_by_slug(&article, new.title.slug).await
            })
            .await?;
        self.show(&slug, Some(author)).await
    }

    pub(crate) async fn change(
        &self,
        slug: &str,
        change: ArticleChange,
        user: &Loaded<User>,
    ) -> Result<ShownArticle> {
        let em = self.articles.em();
        let slug = em
            .transactional_as(async |_| {
                let article = self.own(slug, user).await?;
                if let Some(description) = change.description {
                    article.edit().description = description;
                }
                if let Some(body) = change.body {
                    article.edit().body = body;
                }
                if let Some(tags) = change.tags {
                    let tags = self.tags.named(tags).await?;
                    article.tags_ref().load().await?;
                    article.tags_ref().set(&tags)?;
                }
                match change.title {
                    Some(title) if title.title != article.get().title => {
                        article.edit().title = title.title;
                        self.save_by_slug(&article, title.slug).await
                    }
                    Some(_) | None => Ok(article.get().slug.clone()),
                }
            })
            .await?;
        self.show(&slug, Some(user)).await
    }

    pub(crate) async fn delete(&self, slug: &str, user: &Loaded<User>) -> Result<()> {
        let article = self.own(slug, user).await?;
        self.articles.em().remove(&article)?;
        Ok(self.articles.em().flush().await?)
    }

    pub(crate) async fn favour(&self, slug: &str, user: &Loaded<User>) -> Result<ShownArticle> {
        self.named(slug).await?.favourited_by_ref().add(user)?;
        self.articles.em().flush().await?;
        self.show(slug, Some(user)).await
    }

    pub(crate) async fn unfavour(&self, slug: &str, user: &Loaded<User>) -> Result<ShownArticle> {
        self.named(slug).await?.favourited_by_ref().remove(user)?;
        self.articles.em().flush().await?;
        self.show(slug, Some(user)).await
    }

    async fn named(&self, slug: &str) -> Result<Loaded<Article>> {
        let article = self.articles.find_one(Article::SLUG.eq(slug)).await?;
        article.ok_or(ApiError::NotFound("article"))
    }

    /// The article, if `user` wrote it.
    async fn own(&self, slug: &str, user: &Loaded<User>) -> Result<Loaded<Article>> {
        let article = self.named(slug).await?;
        if article.author_ref().key() != Some(user.id()) {
            return Err(ApiError::Forbidden("article"));
        }
        Ok(article)
    }

    /// Saves the article by a slug that no other one has, and gives it. Where the first is taken the same entity is
    /// corrected and flushed again: a flush that fails leaves it as it was before.
    async fn save_by_slug<P: 'static>(&self, article: &Loaded<Article, P>, slug: String) -> Result<String> {
        let mut free = if slug::is_reserved(&slug) { slug::another(&slug) } else { slug.clone() };
        for _ in 0..ATTEMPTS {
            article.edit().slug.clone_from(&free);
            match self.articles.em().flush().await {
                Ok(()) => return Ok(free),
                Err(error) if error.is_violation_of(Article::SLUG) => free = slug::another(&slug),
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::invalid("title", "has already been taken"))
    }
}

/// Loads with articles what responses show of them: one statement for each of it, however many articles there are.
fn shown<M: Annotate>(
    articles: Find<Article, <Article as Entity>::Nothing, M>,
    viewer: Option<&Loaded<User>>,
) -> Find<Article, ArticleRecord, M::With<CountOf<Article__favourited_by>>> {
    let author = Article::AUTHOR.then(User::FOLLOWERS.filter(is(viewer)));
    articles
        .populate((author, Article::TAGS, Article::FAVOURITED_BY.filter(is(viewer))))
        .strategy(LoadStrategy::Joined)
        .with_count(Article::FAVOURITED_BY)
}
