//! Views of the items of to-many relations: one statement a relation and level, however many rows.

use orm_core::{Error, Ref, Result, View};
use serde::Serialize;

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::fixtures::keys::{self, Order, OrderLine, Parcel};
use crate::fixtures::newsroom::{self, Article, Editor, Topic};
use crate::fixtures::node::{self, Node};
use crate::fixtures::tree::{self, Node as Link};

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Author)]
struct Shelf {
    name: String,
    #[view(nested)]
    books: Vec<Volume>,
}

#[derive(View, Serialize, Debug, PartialEq)]
#[view(of = Book)]
struct Volume {
    #[view(nested)]
    publisher: Option<Imprint>,
    title: String,
    #[view(nested)]
    tags: Vec<Label>,
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

/// One statement for the rows and one a relation and level, through a pivot too; keys need not be named.
pub async fn lists_are_read_by_one_statement_each<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let shelves = em.find_all::<Author>().view::<Shelf>().order_by(Author::NAME.asc()).await?;
    assert_eq!((db.statements(), em.managed_count()?), (3, 0));

    let volume = |title: &str| Volume {
        publisher: Some(Imprint { name: "Ravens".into() }),
        title: title.into(),
        tags: ["winter", "war"].map(|label| Label { label: label.into() }).into(),
    };
    let books = ["A Clash", "A Storm", "The Wall"].map(volume).into();
    assert_eq!(
        shelves,
        [Shelf { name: "Jon Snow".into(), books }, Shelf { name: "Sam Tarly".into(), books: Vec::new() }]
    );
    let json = serde_json::to_value(&shelves).map_err(Error::other)?;
    assert_eq!(json[0]["books"][2]["tags"][1]["label"], "war");

    db.recorder.reset();
    assert_eq!(em.find(Author::NAME.eq("Nobody")).view::<Shelf>().await?, []);
    assert_eq!(db.statements(), 1, "nobody has nothing");
    let one = em.find(Author::NAME.eq("Jon Snow")).view::<Shelf>().one_or_fail().await?;
    assert_eq!(one.books.len(), 3);
    Ok(())
}

/// A list below a to-one relation is that of its row; where there is none, there is no list either.
pub async fn rows_of_one_owner_have_lists_of_their_own<B: Backend>() -> Result<()> {
    #[derive(View, Debug, PartialEq)]
    #[view(of = Book)]
    struct Card {
        #[view(nested)]
        publisher: Option<House>,
        #[view(nested)]
        tags: Vec<Label>,
        #[view(nested)]
        author: Writer,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Publisher)]
    struct House {
        #[view(nested)]
        books: Vec<Title>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Book)]
    struct Title {
        title: String,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Author)]
    struct Writer {
        #[view(nested)]
        students: Vec<Student>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Author)]
    struct Student {
        name: String,
    }
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book::new("A Cook", &sam))?;
    em.flush().await?;
    db.recorder.reset();

    let cards = db.em().find_all::<Book>().view::<Card>().order_by(Book::TITLE.asc()).await?;
    assert_eq!(db.statements(), 4);
    let titles = ["A Clash", "A Storm", "The Wall"];
    let house = || House { books: titles.map(|title| Title { title: title.into() }).into() };
    let publishers: Vec<_> = cards.iter().map(|card| &card.publisher).collect();
    let ravens = Some(house());
    assert_eq!(publishers, [&ravens, &None, &ravens, &ravens]);
    assert_eq!(cards.iter().map(|card| card.tags.len()).collect::<Vec<_>>(), [2, 0, 2, 2]);
    let students: Vec<usize> = cards.iter().map(|card| card.author.students.len()).collect();
    assert_eq!(students, [1, 0, 1, 1]);
    assert_eq!(cards[3].author.students, [Student { name: "Sam Tarly".into() }]);
    Ok(())
}

#[derive(View, Debug, PartialEq)]
#[view(of = Node)]
struct Branch {
    name: String,
    #[view(nested)]
    children: Vec<Branch>,
}

/// A view that is nested in itself takes one statement a level, and one that finds nothing.
pub async fn a_tree_is_read_level_by_level<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node::new("root"))?;
    for (name, leaves) in [("b", ["b1", "b2"]), ("a", ["a1", "a2"])] {
        let branch = em.persist(Node::below(name, root.to_ref()))?;
        leaves.iter().try_for_each(|leaf| em.persist(Node::below(leaf, branch.to_ref())).map(drop))?;
    }
    em.flush().await?;
    db.recorder.reset();

    let tree = db.em().find(Node::PARENT.is_null()).view::<Branch>().one_or_fail().await?;
    assert_eq!(db.statements(), 4);
    let leaf = |name: &str| Branch { name: name.into(), children: Vec::new() };
    let branch = |name: &str| Branch {
        name: name.into(),
        children: [1, 2].map(|number| leaf(&format!("{name}{number}"))).into(),
    };
    assert_eq!(tree, Branch { name: "root".into(), children: vec![branch("a"), branch("b")] });

    let all = db.em().find_all::<Node>().view::<Branch>().order_by(Node::NAME.asc()).await?;
    assert_eq!(all.len(), 7);
    assert_eq!(all[3], branch("b"));
    Ok(())
}

/// Items that lead back to their owner would go on for ever; rows that meet again elsewhere would not.
pub async fn items_without_an_end_are_refused<B: Backend>() -> Result<()> {
    #[derive(View, Debug)]
    #[view(of = Link)]
    struct Neighbour {
        label: String,
        #[view(nested)]
        links: Vec<Neighbour>,
    }
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let c = em.persist(Link::new("c"))?;
    let b = em.persist(Link { links: [&c].into(), ..Link::new("b") })?;
    let a = em.persist(Link { links: [&b, &c].into(), ..Link::new("a") })?;
    em.flush().await?;

    let of_a = em.find(Link::LABEL.eq("a")).view::<Neighbour>().one_or_fail().await?;
    assert_eq!(
        of_a.links.iter().map(|one| (&*one.label, one.links.len())).collect::<Vec<_>>(),
        [("c", 0), ("b", 1)]
    );
    c.links_ref().add(&a)?;
    em.flush().await?;
    let error = em.find_all::<Link>().view::<Neighbour>().await.expect_err("a, c, a, …");
    let Error::ViewItems { entity, relation, .. } = error else { panic!("{error:?}") };
    assert_eq!((entity, relation), ("Node", "links"));
    assert_eq!(em.count_all::<Link>().await?, 3, "the connection is as it was");
    Ok(())
}

/// Keys of several columns, and keys that are references, say whose the items are.
pub async fn owners_of_several_key_columns_have_lists<B: Backend>() -> Result<()> {
    #[derive(View, Debug, PartialEq)]
    #[view(of = Order)]
    struct Receipt {
        #[view(nested)]
        lines: Vec<Line>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = OrderLine)]
    struct Line {
        product: String,
        #[view(nested)]
        parcels: Vec<Sent>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Parcel)]
    struct Sent {
        id: i64,
    }
    let db = keys::empty::<B>().await?;
    let em = db.em();
    for customer in ["ann", "bob"] {
        let order = em.persist(Order { customer: customer.into(), ..Order::default() })?;
        for position in [2, 1] {
            let product = format!("{customer} {position}");
            let line = OrderLine { order: order.to_ref(), position, product, ..OrderLine::default() };
            let line = em.persist(line)?;
            em.persist(Parcel { line: Ref::from(&line), ..Parcel::default() })?;
        }
    }
    em.flush().await?;
    db.recorder.reset();

    let receipts = db.em().find_all::<Order>().view::<Receipt>().order_by(Order::ID.asc()).await?;
    assert_eq!(db.statements(), 3);
    let line = |product: &str, id| Line { product: product.into(), parcels: vec![Sent { id }] };
    assert_eq!(
        receipts,
        [
            Receipt { lines: vec![line("ann 1", 2), line("ann 2", 1)] },
            Receipt { lines: vec![line("bob 1", 4), line("bob 2", 3)] },
        ]
    );
    Ok(())
}

/// Titles, each with its themes.
type Titles = Vec<(String, Vec<String>)>;

/// Filters hide items as they do where a relation is populated.
pub async fn lists_show_what_filters_show<B: Backend>() -> Result<()> {
    #[derive(View, Debug)]
    #[view(of = newsroom::Publisher)]
    struct Desk {
        name: String,
        #[view(nested)]
        articles: Vec<Piece>,
    }
    #[derive(View, Debug)]
    #[view(of = Article)]
    struct Piece {
        title: String,
        #[view(nested)]
        topics: Vec<Theme>,
    }
    #[derive(View, Debug)]
    #[view(of = Topic)]
    struct Theme {
        name: String,
    }
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let numbers = |desks: Vec<Desk>| -> Vec<(String, Titles)> {
        let themes = |piece: Piece| (piece.title, piece.topics.into_iter().map(|one| one.name).collect());
        desks.into_iter().map(|one| (one.name, one.articles.into_iter().map(themes).collect())).collect()
    };
    let shown = em.find_all::<newsroom::Publisher>().view::<Desk>().await?;
    let war = || vec!["war".to_owned()];
    assert_eq!(
        numbers(shown),
        [("Crow".to_owned(), vec![("Wall".to_owned(), war()), ("Watch".to_owned(), war())])]
    );
    let all = em.find_all::<newsroom::Publisher>().without_filters().view::<Desk>().await?;
    let all = numbers(all);
    assert_eq!((all.len(), all[0].1.len(), all[1].1.len()), (2, 3, 1));
    assert_eq!(all[0].1[0].1.len(), 3);
    assert_eq!(em.count_all::<Editor>().await?, 1);
    Ok(())
}

/// Rows that are groups belong to nobody.
pub async fn groups_have_no_lists<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let error = em.find_all::<Author>().view::<Shelf>().distinct().await.expect_err("groups");
    let Error::ViewItems { entity: "Author", relation: "books", .. } = error else { panic!("{error:?}") };
    let error = em.find_all::<Author>().view::<Shelf>().group_by(Author::NAME).await.expect_err("groups");
    assert!(matches!(error, Error::ViewItems { .. }), "{error:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}
