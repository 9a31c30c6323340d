//! Tags: made by whoever uses them first.

use orm_core::{Condition, Loaded, Repository};

use crate::entities::Tag;
use crate::error::Result;

#[derive(Debug)]
pub(crate) struct Tags {
    tags: Repository<Tag>,
}

impl Tags {
    pub(super) fn new(tags: Repository<Tag>) -> Self {
        Self { tags }
    }

    /// The names of those that an article has.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let used = self.tags.find(Tag::ARTICLES.some(Condition::always()));
        Ok(used.select(Tag::NAME).order_by(Tag::NAME.asc()).await?)
    }

    /// The tags of these names, made where they are missing.
    pub(super) async fn named(&self, names: Vec<String>) -> Result<Vec<Loaded<Tag>>> {
        let tags = names.into_iter().map(|name| Tag { name, ..Tag::default() });
        Ok(self.tags.upsert_many(tags).on_conflict(Tag::NAME).ignore().await?)
    }
}
