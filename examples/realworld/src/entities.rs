//! What Conduit knows: users who follow each other, articles with tags and favourites, and comments on them.

use std::fmt;

use chrono::{DateTime, Utc};
use orm_core::prelude::*;

/// Writes, follows and favours.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "users")]
pub(crate) struct User {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique, length = 100)]
    pub(crate) username: String,
    #[entity(unique, length = 254)]
    pub(crate) email: String,
    #[entity(hidden, length = 200)]
    pub(crate) password: PasswordHash,
    pub(crate) bio: Option<String>,
    pub(crate) image: Option<String>,
    #[entity(
        many_to_many,
        pivot_table = "follows",
        join_column = "follower_id",
        inverse_join_column = "followed_id",
        on_delete = "cascade"
    )]
    pub(crate) following: Collection<User>,
    #[entity(mapped_by = "following")]
    pub(crate) followers: Collection<User>,
}

/// What is kept of a password. Nothing shows it.
#[derive(NewtypeValue, Clone, Default, PartialEq, Eq)]
pub(crate) struct PasswordHash(pub(crate) String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Is found by its slug.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "articles")]
pub(crate) struct Article {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique, length = 220)]
    pub(crate) slug: String,
    #[entity(length = 200)]
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) body: String,
    #[entity(on_delete = "cascade")]
    pub(crate) author: Ref<User>,
    #[entity(many_to_many, pivot_table = "article_tags", on_delete = "cascade", order_by = "name")]
    pub(crate) tags: Collection<Tag>,
    #[entity(many_to_many, pivot_table = "favourites", on_delete = "cascade")]
    pub(crate) favourited_by: Collection<User>,
    #[entity(index, on_create = now)]
    pub(crate) created_at: DateTime<Utc>,
    #[entity(on_create = now, on_update = now)]
    pub(crate) updated_at: DateTime<Utc>,
}

/// What an article is about.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "tags")]
pub(crate) struct Tag {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique, length = 100)]
    pub(crate) name: String,
    #[entity(mapped_by = "tags")]
    pub(crate) articles: Collection<Article>,
}

/// What somebody says to an article.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "comments")]
pub(crate) struct Comment {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) body: String,
    #[entity(on_delete = "cascade")]
    pub(crate) article: Ref<Article>,
    #[entity(on_delete = "cascade")]
    pub(crate) author: Ref<User>,
    #[entity(on_create = now)]
    pub(crate) created_at: DateTime<Utc>,
    #[entity(on_create = now, on_update = now)]
    pub(crate) updated_at: DateTime<Utc>,
}
