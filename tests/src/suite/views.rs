//! Structs that are read from some columns of an entity and of what it leads to.

use orm_core::{Error, Result, View};
use serde::Serialize;

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Profile, Publisher};

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Author)]
struct Byline {
    name: String,
    #[view(nested)]
    mentor: Option<Teacher>,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Author)]
struct Teacher {
    id: i64,
    name: String,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Publisher)]
struct Imprint {
    name: String,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Book)]
#[serde(rename_all = "camelCase")]
struct Card {
    #[view(from = title)]
    heading: String,
    #[view(expr = Book::PRICE * 2)]
    double_price: i64,
    #[view(nested)]
    author: Byline,
    #[view(nested)]
    publisher: Option<Imprint>,
    price: i64,
}

/// The fields of a view, and of views through relations, are read by one statement; nothing is managed.
pub async fn a_view_is_read_by_one_statement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book { price: 7, ..Book::new("Scrolls", &sam) })?;
    em.flush().await?;
    let em = db.em();
    db.recorder.reset();

    let cards = em
        .find(Book::TITLE.ne("A Storm"))
        .view::<Card>()
        .order_by((Book::PRICE.asc(), Book::TITLE.asc()))
        .limit(2)
        .await?;

    assert_eq!((db.statements(), em.managed_count()?), (1, 0));
    let (name, id) = ("Jon Snow".to_owned(), 1);
    let mentor = Some(Teacher { id, name: name.clone() });
    assert_eq!(
        cards,
        [
            Card {
                heading: "Scrolls".into(),
                double_price: 14,
                author: Byline { name: "Sam Tarly".into(), mentor },
                publisher: None,
                price: 7,
            },
            Card {
                heading: "A Clash".into(),
                double_price: 20,
                author: Byline { name, mentor: None },
                publisher: Some(Imprint { name: "Ravens".into() }),
                price: 10,
            },
        ]
    );
    let json = serde_json::to_value(&cards[0]).map_err(Error::other)?;
    assert_eq!(json["doublePrice"], 14);
    assert_eq!(json["author"]["mentor"]["name"], "Jon Snow");
    Ok(())
}

/// A view that needs what is not there says which field it is.
pub async fn a_missing_relation_is_named<B: Backend>() -> Result<()> {
    #[derive(View, Debug)]
    #[view(of = Author)]
    struct Apprentice {
        #[view(nested)]
        mentor: Teacher,
    }
    let db = blog::seeded::<B>().await?;
    let error = db.em().find_all::<Author>().view::<Apprentice>().await.expect_err("Jon has no mentor");
    let Error::Unread { entity, term, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*entity, term.as_str()), ("Author", "mentor.id"));
    Ok(())
}

/// A view of the inverse side of a one-to-one relation; one row, or none.
pub async fn a_view_is_one_row<B: Backend>() -> Result<()> {
    #[derive(View, Debug, PartialEq)]
    #[view(of = Profile)]
    struct Vita {
        bio: String,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Author)]
    struct Person {
        name: String,
        #[view(nested)]
        profile: Option<Vita>,
    }
    let db = blog::seeded::<B>().await?;
    let sam = db.em().find(Author::NAME.eq("Sam Tarly")).view::<Person>().one().await?;
    assert_eq!(sam, Some(Person { name: "Sam Tarly".into(), profile: Some(Vita { bio: "Reads".into() }) }));
    assert_eq!(db.em().find(Author::NAME.eq("Nobody")).view::<Person>().one().await?, None);
    Ok(())
}
