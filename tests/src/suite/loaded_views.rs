//! Views of handles: what a query would read, from memory.

use orm_core::{Entity, Error, FromLoaded, Loaded, Ref, Result, View};
use serde::Serialize;

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::fixtures::newsroom::{self, Article, Editor};

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Book)]
#[serde(rename_all = "camelCase")]
struct Card {
    id: i64,
    #[view(from = title)]
    full_title: String,
    #[view(nested)]
    author: Writer,
    #[view(nested)]
    publisher: Option<Imprint>,
    #[view(nested)]
    tags: Vec<Label>,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Author)]
struct Writer {
    name: String,
    email: Option<String>,
    #[view(nested)]
    profile: Option<Vita>,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Profile)]
struct Vita {
    bio: String,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Publisher)]
struct Imprint {
    name: String,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Tag)]
struct Label {
    label: String,
}

/// Works for every record that has enough.
fn json<V: FromLoaded<P> + View<Of = T> + Serialize, T: Entity, P: 'static>(
    handles: &[Loaded<T, P>],
) -> Result<String> {
    let views = handles.iter().map(Loaded::view::<V>).collect::<Result<Vec<_>>>()?;
    serde_json::to_string(&views).map_err(Error::other)
}

/// The query's view and the handle's have one JSON; the handle's takes no statement.
pub async fn a_view_of_a_handle_is_that_of_the_query<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book::new("Scrolls", &sam))?;
    em.flush().await?;
    let em = db.em();
    let queried = em.find_all::<Book>().view::<Card>().order_by(Book::TITLE.asc()).await?;
    let populated = em
        .find_all::<Book>()
        .populate((Book::AUTHOR.then((Author::PROFILE, Author::MENTOR)), Book::PUBLISHER, Book::TAGS))
        .order_by(Book::TITLE.asc())
        .await?;
    db.recorder.reset();
    let expected = serde_json::to_string(&queried).map_err(Error::other)?;
    assert_eq!(json::<Card, _, _>(&populated)?, expected);
    assert_eq!(db.statements(), 0);
    assert!(expected.contains(r#""publisher":null,"tags":[]"#), "{expected}");

    // Nothing needs to be populated for fields alone.
    let tags = em.find_all::<Tag>().order_by(Tag::ID.asc()).await?;
    assert_eq!(json::<Label, _, _>(&tags)?, r#"[{"label":"winter"},{"label":"war"}]"#);
    let new = em.persist(Tag::new("new"))?;
    assert_eq!(new.view::<Label>()?, Label { label: "new".into() });
    Ok(())
}

/// A handle shows what is not saved, in lists too, and nothing of what the query's filters hide.
pub async fn a_view_of_a_handle_is_as_the_handle<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find(Book::TITLE.eq("A Clash"));
    let book = books
        .populate((Book::AUTHOR.then(Author::PROFILE), Book::PUBLISHER, Book::TAGS))
        .await?
        .pop()
        .expect("it is seeded");
    book.edit().title = "A Clash of Kings".into();
    book.edit().publisher = None;
    book.tags_ref().add(Tag::new("kings"))?;
    let card: Card = book.view()?;
    assert_eq!((&*card.full_title, &card.publisher), ("A Clash of Kings", &None));
    assert_eq!(card.tags.last(), Some(&Label { label: "kings".into() }));

    #[derive(View, Debug)]
    #[view(of = Article)]
    struct Piece {
        title: String,
        #[view(nested)]
        editor: Option<Person>,
    }
    #[derive(View, Debug)]
    #[view(of = Editor)]
    struct Person {
        name: String,
    }
    let db = newsroom::seeded::<B>().await?;
    let articles =
        db.em().find_all::<Article>().populate(Article::EDITOR).order_by(Article::TITLE.asc()).await?;
    let pieces = articles.iter().map(Loaded::view::<Piece>).collect::<Result<Vec<_>>>()?;
    let shown: Vec<_> =
        pieces.iter().map(|one| (&*one.title, one.editor.as_ref().map(|one| &*one.name))).collect();
    assert_eq!(shown, [("Egg", Some("Ann")), ("Wall", Some("Ann")), ("Watch", None)]);
    Ok(())
}

/// What the program pointed elsewhere is an error, as it is of the accessor's `try_` twin.
pub async fn what_is_not_loaded_is_not_viewed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books =
        em.find_all::<Book>().populate((Book::AUTHOR.then(Author::PROFILE), Book::PUBLISHER, Book::TAGS));
    let book = books.await?.pop().expect("they are seeded");
    book.edit().author = Ref::key(2);
    let error = book.view::<Card>().expect_err("nobody loaded author 2");
    let Error::NotLoaded { relation: "author", .. } = error else { panic!("{error:?}") };
    assert_eq!(db.em().find_all::<Book>().view::<Card>().await?.len(), 3);
    Ok(())
}
