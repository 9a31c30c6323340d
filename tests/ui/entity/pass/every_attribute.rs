//! Every attribute of the reference, and what each generates.

use chrono::{DateTime, Utc};
use orm_core::{
    Collection, Condition, Entity, EntityManager, EnumValue, Filter, FilterContext, Has, Loaded, NewtypeValue,
    Ref, Result,
};
use uuid::Uuid;

fn new_code() -> String {
    "code".to_owned()
}

mod keys {
    pub fn token() -> i64 {
        42
    }
}

#[derive(EnumValue, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Status {
    #[default]
    Draft,
    Published,
}

#[derive(NewtypeValue, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct AuthorId(i64);

#[derive(Default)]
struct Grown;

impl Filter<Author> for Grown {
    const NAME: &'static str = "grown";

    fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<Author>>> {
        Ok(Some(Author::AGE.gte(18)))
    }
}

mod filters {
    use orm_core::{Condition, Entity, Filter, FilterContext, Result};

    /// A filter of every entity.
    #[derive(Default)]
    pub struct Rated;

    impl<T: Entity> Filter<T> for Rated {
        const NAME: &'static str = "rated";

        fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<T>>> {
            Ok(None)
        }
    }
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "authors", schema = "library", rename_all = "camelCase", json = "camelCase")]
#[entity(renamed_from = "writers", comment = "who writes")]
#[entity(check = "age < 200", check(age, score, name = "rated", sql = "score < age"), check(name = "a", sql = "1 = 1"))]
#[entity(unique(name, email, name = "one_mail", where = "email IS NOT NULL"))]
#[entity(filter = Grown, filter = filters::Rated)]
#[entity(index(name), index(mentor, age, condition = "age > 1"))]
struct Author {
    #[entity(id, auto)]
    id: AuthorId,
    name: String,
    #[entity(unique, length = 200, hidden)]
    email: Option<String>,
    #[entity(default = 18, index, check = "age > 0", comment = "in years", renamed_from = "years")]
    age: i32,
    #[entity(default = -1.5)]
    score: f64,
    #[entity(default = true)]
    active: bool,
    #[entity(default = "draft", length = 20)]
    status: Status,
    #[entity(generated = "age * 2", unique, comment = "twice")]
    twice: i32,
    #[entity(generated = "age * 3", virtual)]
    thrice: i32,
    #[entity(default_sql = "1 + 1")]
    seats: i32,
    #[entity(skip)]
    scratch: u32,
    #[entity(version)]
    revision: i64,
    #[entity(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
    #[entity(column = "TYPE", json = "kind", constant = "KIND")]
    r#type: Option<u8>,
    mentor: Option<Ref<Self>>,
    #[entity(mapped_by = "mentor", hidden)]
    pupils: Collection<Author>,
    #[entity(mapped_by = "author", order_by = "title desc, id ASC", eager, orphan_removal)]
    books: Collection<Book>,
    #[entity(mapped_by = "author", cascade_remove)]
    profile: Option<Ref<Profile>>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Book {
    #[entity(id, auto)]
    id: Uuid,
    title: String,
    #[entity(join_column = "writer_id", on_delete = cascade, on_update = "no_action", eager, index)]
    author: Ref<Author>,
    #[entity(on_delete = "set_null", may_be_missing, column = "ed", renamed_from = "e", comment = "who reads it")]
    editor: Option<Ref<Author>>,
    #[entity(may_be_missing, on_delete = restrict)]
    translator: Ref<Author>,
    #[entity(
        many_to_many,
        pivot_table = "taggings",
        renamed_from = "book_tags",
        join_column = "b",
        inverse_join_columns("t1", "t2"),
        order_by = "label",
        on_delete = "restrict"
    )]
    tags: Collection<Tag>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Tag {
    #[entity(id, default = new_code)]
    code: String,
    #[entity(id, default = keys::token)]
    number: Option<i64>,
    label: String,
    #[entity(mapped_by = "tags")]
    books: Collection<Book>,
    #[entity(join_columns("parent_code", "parent_number"))]
    parent: Option<Ref<Tag>>,
    #[entity(many_to_many, join_columns("a", "b"), inverse_join_columns("c", "d"))]
    similar: Collection<Tag>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Profile {
    #[entity(id)]
    author: Ref<Author>,
    #[entity(one_to_one, orphan_removal)]
    cover: Option<Ref<Book>>,
    #[entity(unique)]
    draft: Ref<Book>,
}

/// A signature needs one bound.
fn titles<P: Has<Author__books> + 'static>(author: &Loaded<Author, P>) -> Vec<String> {
    author.books().iter().map(|book| book.get().title.clone()).collect()
}

async fn find(em: &EntityManager) -> Result<()> {
    let author: Loaded<Author, AuthorPopulated<_, _, _, _>> = em
        .find_one_or_fail(Author::KIND.eq(1).and(Author::STATUS.eq(Status::Published)))
        .populate((Author::BOOKS, Author::PROFILE.then(Profile::COVER), Author::MENTOR))
        .await?;
    let _: Vec<String> = titles(&author);
    let mentor: Option<Loaded<Author>> = author.mentor();
    let cover: Option<Loaded<Book>> = author.profile().and_then(|profile| profile.cover());
    let _ =
        (mentor, cover, author.try_mentor()?, author.mentor_ref().key(), author.profile_ref().is_loaded());
    let book =
        em.find_one_or_fail(Book::AUTHOR.eq(&author)).populate((Book::AUTHOR, Book::TRANSLATOR)).await?;
    let owner: Loaded<Author> = book.author();
    let translator: Option<Loaded<Author>> = book.translator();
    let _ = (owner.id() == AuthorId(1), translator, book.tags_ref().is_loaded());
    let tag = em.find_by_id::<Tag>(("code".to_owned(), 1)).await?;
    let id: Option<(String, Option<i64>)> = tag.map(|tag| tag.id());
    let profile = em.find_by_id::<Profile>(AuthorId(1)).await?;
    let _ = (id, profile.and_then(|profile| profile.try_id()));
    Ok(())
}

fn main() {
    let _ = find;
    assert_eq!(Author::KIND.name(), "type");
    assert_eq!(format!("{:?} {:?}", Author::PUPILS, Tag::SIMILAR), "Author::pupils Tag::similar");
}
