//! `LoadStrategy::Joined`: to-one relations come with the rows of their owners, and the result is that of `SelectIn`.

use futures::TryStreamExt;
use orm_core::{
    Condition, Entity, EntityManager, Error, LoadStrategy, Loaded, LockMode, Ref, RequestContext, Result,
};
use serde_json::Value as Json;

use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::fixtures::broken::{self, Comment, StrayComment};
use crate::fixtures::capitals::{self, City};
use crate::fixtures::keys::{self, Citizen, Order, OrderLine, Parcel, Passport};
use crate::fixtures::newsroom::{self, Active, Article};
use crate::fixtures::tree::{self, Node};
use crate::fixtures::volume::{Isbn, Volume};
use crate::{Backend, Operation, TestDb};

const STRATEGIES: [LoadStrategy; 2] = [LoadStrategy::SelectIn, LoadStrategy::Joined];

fn json<T: serde::Serialize>(value: &T) -> Result<Json> {
    serde_json::to_value(value).map_err(Error::other)
}

/// Every finder sends one statement for its rows and all to-one relations, chains of them too.
pub async fn to_one_relations_come_with_their_owners<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let path = || (Book::AUTHOR.then(Author::MENTOR), Book::PUBLISHER);
    for (strategy, statements) in STRATEGIES.into_iter().zip([3, 1]) {
        let sent = |extra: u64| {
            assert_eq!(db.statements(), statements + extra, "{strategy:?}");
            db.recorder.reset();
        };
        let em = db.em();
        let books = em.find_all::<Book>().populate(path()).strategy(strategy).await?;
        sent(0);
        assert_eq!(books.len(), 3);
        for book in &books {
            assert_eq!(book.author().get().name, "Jon Snow");
            assert!(book.author().mentor().is_none());
            assert!(book.author() == books[0].author());
            assert_eq!(book.publisher().expect("all have it").get().name, "Ravens");
        }
        assert_eq!(em.managed_count()?, 5);
        let clash = || Book::TITLE.eq("A Clash");
        let one = db.em().find_one(clash()).populate(path()).strategy(strategy).await?.expect("one");
        assert_eq!(one.author().get().name, "Jon Snow");
        sent(0);
        db.em().find_one_or_fail(clash()).populate(path()).strategy(strategy).await?;
        sent(0);
        db.em().find_by_id::<Book>(one.id()).populate(path()).strategy(strategy).await?;
        sent(0);
        db.em().find_by_id_or_fail::<Book>(one.id()).populate(path()).strategy(strategy).await?;
        sent(0);
        db.em().get_repository::<Book>().find(clash()).populate(path()).strategy(strategy).await?;
        sent(0);
        let counted = db.em().find_and_count(Condition::<Book>::always()).populate(path()).limit(2);
        let (page, count) = counted.strategy(strategy).await?;
        assert_eq!((page.len(), count), (2, 3));
        sent(1);
        let page = db.em().find_all::<Book>().populate(path()).strategy(strategy).page(2).await?;
        assert_eq!(
            page.items.iter().map(|book| book.author().get().name.clone()).collect::<Vec<_>>(),
            ["Jon Snow"; 2]
        );
        sent(0);
        let stream = db.em().find_all::<Book>().populate(path()).strategy(strategy).stream();
        let names: Vec<String> = stream.map_ok(|book| book.author().get().name.clone()).try_collect().await?;
        assert_eq!(names, ["Jon Snow"; 3]);
        sent(0);
        let isolated = db.orm.em().find_all::<Book>().populate(path()).strategy(strategy);
        assert_eq!(isolated.disable_identity_map().await?.len(), 3);
        sent(0);
    }
    Ok(())
}

/// To-many relations take their own statement, also below and above to-one relations.
pub async fn to_many_relations_take_their_own_statement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let path = (Book::TAGS, Book::AUTHOR.then((Author::BOOKS.then(Book::PUBLISHER), Author::PROFILE)));
    let books = db.em().find_all::<Book>().populate(path).strategy(LoadStrategy::Joined).await?;
    assert!(books.iter().all(|book| book.tags().len() == 2 && book.author().books().len() == 3));
    assert_eq!(books[0].author().profile().expect("it has one").get().bio, "Knows nothing");
    let select = |entity: &str, rows| Operation::Select(entity.to_owned(), rows);
    let operations = db.recorder.operations();
    assert_eq!(operations[0], select("Book", 3));
    assert_eq!(operations.len(), 5, "{operations:?}");
    assert!(!operations.contains(&select("Author", 1)), "{operations:?}");
    Ok(())
}

/// A relation to its own type is joined level by level; where there is none, the levels below are empty too.
pub async fn a_self_relation_is_joined_three_levels_deep<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let mut above = em.persist(Node::new("0"))?;
    for label in ["1", "2", "3"] {
        above = em.persist(Node { parent: (&above).into(), ..Node::new(label) })?;
    }
    em.flush().await?;
    db.recorder.reset();
    let path = || Node::PARENT.then(Node::PARENT.then(Node::PARENT));
    let em = db.em();
    let nodes =
        em.find_all::<Node>().populate(path()).order_by(Node::LABEL.asc()).strategy(LoadStrategy::Joined);
    let nodes = nodes.await?;
    assert_eq!((db.statements(), em.managed_count()?), (1, 4));
    assert!(nodes[0].parent().is_none());
    assert!(nodes[1].parent().is_some_and(|parent| parent == nodes[0] && parent.parent().is_none()));
    let up = nodes[3].parent().and_then(|parent| parent.parent()).and_then(|parent| parent.parent());
    assert!(up.is_some_and(|top| top == nodes[0]));
    let bottom = db.em().find(Node::LABEL.eq("3")).populate(path()).strategy(LoadStrategy::Joined).await?;
    assert_eq!(bottom[0].parent().and_then(|parent| parent.parent()).expect("two above").get().label, "1");
    Ok(())
}

/// A printing of a volume, which has a newtype as its key.
#[derive(Entity, Clone, Debug, Default)]
pub struct Printing {
    /// Generated.
    #[entity(id, auto)]
    pub id: i64,
    /// Required.
    pub volume: Ref<Volume>,
    /// Optional.
    pub sequel: Option<Ref<Volume>>,
}

/// Keys of several columns, with references in them, shared keys and newtypes; one target through two relations.
pub async fn every_kind_of_key_is_joined<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let order = em.persist(Order { customer: "Ann".into(), ..Order::default() })?;
    let line = |position| OrderLine { order: (&order).into(), position, ..OrderLine::default() };
    let lines = [em.persist(line(1))?, em.persist(line(2))?];
    em.persist(Parcel { line: (&lines[0]).into(), replacement: (&lines[1]).into(), ..Parcel::default() })?;
    em.persist(Parcel { line: (&lines[1]).into(), replacement: (&lines[1]).into(), ..Parcel::default() })?;
    em.persist(Parcel { line: (&lines[0]).into(), ..Parcel::default() })?;
    let citizen = em.persist(Citizen { name: "Bob".into(), ..Citizen::default() })?;
    em.persist(Passport { citizen: (&citizen).into(), number: "7".into() })?;
    em.flush().await?;
    db.recorder.reset();

    let em = db.em();
    let path = (Parcel::LINE.then(OrderLine::ORDER), Parcel::REPLACEMENT.then(OrderLine::ORDER));
    let parcels = em.find_all::<Parcel>().populate(path).order_by(Parcel::ID.asc());
    let parcels = parcels.strategy(LoadStrategy::Joined).await?;
    assert_eq!((db.statements(), em.managed_count()?), (1, 6));
    let line = |at: usize| parcels[at].line();
    assert_eq!([0, 1, 2].map(|at| line(at).get().position), [1, 2, 1]);
    assert!(line(0) == line(2) && parcels[0].replacement() == Some(line(1)));
    assert!(parcels[2].replacement().is_none());
    assert!([0, 1, 2].into_iter().all(|at| line(at).order().get().customer == "Ann"));
    let passports =
        em.find_all::<Passport>().populate(Passport::CITIZEN).strategy(LoadStrategy::Joined).await?;
    assert_eq!((passports[0].citizen().get().name.as_str(), db.statements()), ("Bob", 2));

    let db = TestDb::open::<B>(|builder| builder.entity::<Printing>()).await?;
    let em = db.em();
    let volume = |isbn: &str| Volume { isbn: Isbn(isbn.into()), title: format!("about {isbn}") };
    let volumes = [em.persist(volume("a"))?, em.persist(volume("b"))?];
    em.persist(Printing {
        volume: (&volumes[0]).into(),
        sequel: (&volumes[1]).into(),
        ..Printing::default()
    })?;
    em.flush().await?;
    db.recorder.reset();
    let printings = db.em().find_all::<Printing>().populate((Printing::VOLUME, Printing::SEQUEL));
    let printings = printings.strategy(LoadStrategy::Joined).await?;
    assert_eq!(printings[0].volume().get().title, "about a");
    assert_eq!(printings[0].sequel().expect("it has one").get().isbn, Isbn("b".into()));
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A joined row meets what is loaded as any row does: edits stay, and a reference that was edited leads where it was
/// pointed, which takes a statement.
pub async fn edits_stay<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = db.em().find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?.id();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let jon = clash.author_ref().load().await?;
    jon.edit().age = Some(17);
    clash.edit().author = Ref::key(sam);
    db.recorder.reset();

    let query = || em.find_all::<Book>().populate(Book::AUTHOR).order_by(Book::TITLE.asc());
    let books = query().strategy(LoadStrategy::Joined).await?;
    assert_eq!(db.statements(), 2);
    assert!(books[0] == clash && books[0].author().get().name == "Sam Tarly");
    assert!(books[1].author() == jon && jon.get().age == Some(17));
    let books = query().refresh().strategy(LoadStrategy::Joined).await?;
    assert_eq!(db.statements(), 3);
    assert!(books[0].author() == jon && jon.get().age.is_none());
    Ok(())
}

/// Filters hold for joined targets: an optional one that is hidden reads as none, a required one hides its owner. One
/// statement, and the same result.
pub async fn filters_hold_for_joined_targets<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let mut results = Vec::new();
    for strategy in STRATEGIES {
        for shows_all in [false, true] {
            let em = db.em();
            let find = em.find_all::<Article>().populate((Article::PUBLISHER, Article::EDITOR));
            let find = find.order_by(Article::TITLE.asc()).strategy(strategy);
            db.recorder.reset();
            let found = if shows_all { find.without_filter::<Active>().await? } else { find.await? };
            assert!(strategy == LoadStrategy::SelectIn || db.statements() == 1, "{}", db.statements());
            results.push(json(&found)?);
        }
    }
    assert_eq!(results[0], results[2]);
    assert_eq!(results[1], results[3]);
    assert_ne!(results[0], results[1]);
    assert!(results[0].to_string().contains("\"editor\":null"), "{}", results[0]);
    Ok(())
}

/// A key that leads nowhere is the same error, and `None` where that may be; both take one statement.
pub async fn a_joined_key_may_lead_nowhere<B: Backend>() -> Result<()> {
    let db = broken::seeded::<B>(|builder| builder.entity::<Comment>()).await?;
    let em = db.em();
    let refused = em.find_all::<Comment>().populate(Comment::POST).strategy(LoadStrategy::Joined).await;
    let Err(Error::DanglingReference { key, relation: "post", target }) = refused else {
        panic!("post 99 is gone")
    };
    assert_eq!((key.to_string(), target.to_string()), ("Comment[2]".into(), "Post[99]".into()));
    assert_eq!(db.statements(), 1);
    let db = broken::seeded::<B>(|builder| builder.entity::<StrayComment>()).await?;
    let comments = db.em().find_all::<StrayComment>().populate(StrayComment::POST);
    let comments = comments.order_by(StrayComment::ID.asc()).strategy(LoadStrategy::Joined).await?;
    let posts: Vec<bool> = comments.iter().map(|comment| comment.post().is_some()).collect();
    assert_eq!((posts, db.statements()), (vec![true, false, true], 1));
    Ok(())
}

/// Eager relations are joined, and those that came together load their next relation together.
pub async fn eager_and_lazy_relations_work_as_ever<B: Backend>() -> Result<()> {
    let db = capitals::seeded::<B>().await?;
    let mut results = Vec::new();
    for strategy in STRATEGIES {
        results.push(json(&db.em().find_all::<City>().order_by(City::ID.asc()).strategy(strategy).await?)?);
    }
    assert_eq!(results[0], results[1]);
    db.recorder.reset();
    db.em().find_all::<City>().strategy(LoadStrategy::Joined).await?;
    assert_eq!(db.statements(), 1);

    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let profiles = em.find_all::<Profile>().populate(Profile::AUTHOR).strategy(LoadStrategy::Joined).await?;
    db.recorder.reset();
    for profile in &profiles {
        profile.author().books_ref().load().await?;
    }
    assert_eq!((profiles.len(), db.statements()), (2, 1));
    Ok(())
}

/// A lock is of the root alone: nothing is joined to it.
pub async fn a_locking_query_joins_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        db.recorder.reset();
        let find = em.find_all::<Book>().populate(Book::AUTHOR).strategy(LoadStrategy::Joined);
        let books = find.lock(LockMode::PESSIMISTIC_WRITE).await?;
        assert_eq!((books[0].author().get().name.as_str(), db.statements()), ("Jon Snow", 2));
        assert_eq!(db.recorder.locks().len(), 1);
        Ok(())
    })
    .await
}

/// The statement that is shown is the one that is sent: it names what is joined, with the values of conditions in order.
pub async fn the_statement_shows_its_joins<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let find = em.find(Book::AUTHOR.is(Author::NAME.eq("Jon Snow")).and(Book::PRICE.gt(4)));
    let find = find.populate(Book::AUTHOR).order_by(Book::AUTHOR.order(Author::NAME.asc())).limit(2);
    let text = find.strategy(LoadStrategy::Joined).to_sql()?.text.to_lowercase();
    assert_eq!(text.matches("left join").count(), 1, "one join serves all: {text}");
    assert!(text.contains("email"), "{text}");
    Ok(())
}

/// A small generator, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u8) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[1] % limit
    }

    fn key(&mut self, limit: u8) -> i64 {
        1 + i64::from(self.below(limit))
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::from(self.below(u8::try_from(all.len()).unwrap_or(u8::MAX)))]
    }
}

/// Random authors, books, publishers and profiles, of whom some refer to others, and the keys of the authors.
async fn random_blog<B: Backend>(random: &mut Random) -> Result<(TestDb, Vec<i64>)> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let mut authors: Vec<Loaded<Author, _>> = Vec::new();
    for at in 0..8 {
        let has_mentor = !authors.is_empty() && random.below(3) > 0;
        let mentor = has_mentor.then(|| random.one_of(&authors).to_ref());
        authors.push(em.persist(Author { mentor, ..Author::new(&format!("author {at}")) })?);
    }
    let publishers = ["north", "south"].map(|name| Publisher { name: name.into(), ..Publisher::default() });
    let publishers = publishers.map(|publisher| em.persist(publisher));
    let publishers = publishers.into_iter().collect::<Result<Vec<_>>>()?;
    let tag = em.persist(Tag::new("tag"))?;
    for at in 0..12 {
        let author = random.one_of(&authors).to_ref();
        let publisher = publishers.get(usize::from(random.below(3))).map(Loaded::to_ref);
        let tags = if random.below(2) == 0 { [&tag].into() } else { Vec::<Ref<Tag>>::new().into() };
        em.persist(Book { publisher, tags, ..Book::new(&format!("book {at}"), author) })?;
    }
    for author in authors.iter().step_by(3) {
        em.persist(Profile { bio: "x".into(), author: author.into(), ..Profile::default() })?;
    }
    em.flush().await?;
    Ok((db, authors.iter().map(Loaded::id).collect()))
}

/// Loads and edits some of it, so that rows meet what is there.
async fn disturb(em: &EntityManager, authors: &[i64], random: &mut Random) -> Result<()> {
    for author in &em.find(Author::ID.lt(random.key(9))).await? {
        if random.below(3) == 0 {
            author.edit().age = Some(99);
        }
        if random.below(4) == 0 {
            author.edit().mentor = Some(Ref::key(*random.one_of(authors)));
        }
    }
    for book in em.find(Book::ID.lt(random.key(13))).await? {
        match random.below(5) {
            0 => book.edit().author = Ref::key(*random.one_of(authors)),
            1 => book.edit().publisher = None,
            2 => {
                book.author_ref().load().await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What one way of asking gave: the results as JSON, and how many instances there are.
type Seen = (Vec<Json>, usize);

async fn seen(em: &EntityManager, strategy: LoadStrategy, refresh: bool) -> Result<Seen> {
    let mut all = Vec::new();
    macro_rules! see {
        ($entity:ty, $path:expr) => {
            let find =
                em.find_all::<$entity>().populate($path).order_by(<$entity>::ID.asc()).strategy(strategy);
            all.push(json(&if refresh { find.refresh().await? } else { find.await? })?);
        };
    }
    see!(Book, (Book::PUBLISHER, Book::AUTHOR.then(Author::MENTOR.then(Author::MENTOR))));
    see!(Book, (Book::TAGS, Book::AUTHOR.then((Author::PROFILE, Author::BOOKS.then(Book::PUBLISHER)))));
    see!(Author, Author::MENTOR.then((Author::MENTOR.then(Author::BOOKS), Author::STUDENTS)));
    see!(
        Profile,
        Profile::AUTHOR.then((Author::MENTOR, Author::BOOKS.then(Book::AUTHOR.then(Author::MENTOR))))
    );
    for book in em.find_all::<Book>().populate(Book::AUTHOR).strategy(strategy).await? {
        let author = em.find_by_id_or_fail::<Author>(book.author().id()).await?;
        assert!(book.author() == author, "one instance a row");
    }
    Ok((all, em.managed_count()?))
}

/// Random graphs, some of it loaded and edited before: both strategies give the same results and instances.
pub async fn both_strategies_give_the_same<B: Backend>() -> Result<()> {
    for seed in 0..40 {
        let (db, authors) = random_blog::<B>(&mut Random(seed)).await?;
        for refresh in [false, true] {
            let mut results = Vec::new();
            for strategy in STRATEGIES {
                let em = db.em();
                disturb(&em, &authors, &mut Random(seed + 1)).await?;
                results.push(seen(&em, strategy, refresh).await?);
            }
            assert_eq!(results[0], results[1], "seed {seed}, refresh {refresh}");
        }
    }
    Ok(())
}

/// It works in a request context, through a path that is known only at run time, and in another task.
pub async fn a_joined_query_goes_where_others_go<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em().clone();
    let task = tokio::spawn(async move {
        RequestContext::create(&em, async {
            let find = em.find_all::<Book>().populate_path("author.mentor")?.strategy(LoadStrategy::Joined);
            let books = find.await?;
            let author = books[0].author_ref().get()?;
            Ok::<_, Error>(author.get().name.clone())
        })
        .await
    });
    assert_eq!(task.await.map_err(Error::other)??, "Jon Snow");
    assert_eq!(db.statements(), 1);
    Ok(())
}
