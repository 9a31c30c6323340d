//! Populating relations: one statement a relation and level, nothing asked for twice, and a result whose type says
//! what can be read.

use orm_core::{Collection, EntityManager, Error, Has, Loaded, NewEntity, Ref, Result};

use crate::fixtures::blog::{self, Author, Author__books, Book, Profile, Publisher, Tag};
use crate::fixtures::broken::{self, Comment, StrayComment};
use crate::fixtures::capitals::{self, City, Country};
use crate::fixtures::people::{self, Passport, Person};
use crate::fixtures::stock::{self, Label, Lot, Product};
use crate::fixtures::tree::{self, Node};
use crate::{Backend, Operation, TestDb};

async fn jon(em: &EntityManager) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await
}

fn select(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

/// As many authors as asked, each with two books of one tag each.
async fn library<B: Backend>(authors: usize) -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tag = em.persist(Tag::new("tag"))?;
    for at in 0..authors {
        let book =
            |title: &str| Book { tags: [&tag].into(), title: format!("{at} {title}"), ..Book::default() };
        em.persist(Author { books: [book("a"), book("b")].into(), ..Author::new(&format!("{at:04}")) })?;
    }
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

// ---- how many statements

/// Two levels are three statements, however many parents there are.
///
/// Case G135.
pub async fn a_level_is_one_statement_however_many_parents<B: Backend>() -> Result<()> {
    let db = library::<B>(300).await?;

    let authors = db.em().find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;

    assert_eq!(db.recorder.operations(), [select("Author", 300), select("Book", 600), select("Tag", 600)]);
    assert_eq!(db.statements(), 3);
    for author in &authors {
        assert_eq!(author.books().len(), 2);
        for book in author.books() {
            assert_eq!(book.tags().len(), 1);
            assert!(book.tags()[0] == authors[0].books()[0].tags()[0]);
        }
    }
    Ok(())
}

/// What is loaded is not asked for again: a second find with the same hints sends the root statement alone, and
/// populating what is populated none.
///
/// Case G135.
pub async fn what_is_loaded_is_not_asked_for_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let hints = || (Author::BOOKS.then((Book::TAGS, Book::PUBLISHER)), Author::PROFILE, Author::MENTOR);
    em.find_all::<Author>().populate(hints()).await?;
    db.recorder.reset();

    let authors = em.find_all::<Author>().populate(hints()).await?;
    assert_eq!(db.recorder.operations(), [select("Author", 2)]);
    em.populate(&authors, hints()).await?;
    em.find_by_id::<Author>(1).populate(hints()).await?;
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// Only the parents that lack a relation are asked for it, and only the targets that are not loaded.
pub async fn only_what_is_missing_is_asked_for<B: Backend>() -> Result<()> {
    let db = library::<B>(4).await?;
    let em = db.em();
    em.find(Author::NAME.lt("0003")).populate(Author::BOOKS).await?;
    db.recorder.reset();

    em.find_all::<Author>().populate(Author::BOOKS).await?;
    assert_eq!(db.recorder.operations(), [select("Author", 4), select("Book", 2)]);
    db.recorder.reset();
    em.find_all::<Book>().populate(Book::AUTHOR).await?;
    assert_eq!(db.recorder.operations(), [select("Book", 8)]);
    Ok(())
}

/// Many rows that point to one target ask for it once; a relation that is empty everywhere sends nothing.
pub async fn each_target_is_asked_for_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let books =
        db.em().find_all::<Book>().populate((Book::AUTHOR.then(Author::MENTOR), Book::PUBLISHER)).await?;

    assert_eq!(db.recorder.operations(), [select("Book", 3), select("Author", 1), select("Publisher", 1)]);
    assert!(books.iter().all(|book| book.author() == books[0].author()));
    assert!(books[0].author().mentor().is_none());
    Ok(())
}

/// A query without results has nothing to populate.
pub async fn a_query_without_results_populates_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let none = db.em().find(Author::NAME.eq("Nobody")).populate(Author::BOOKS.then(Book::TAGS)).await?;

    assert!(none.is_empty());
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A lookup by key of what is loaded populates without asking for the row again.
pub async fn finding_by_key_populates_what_is_loaded<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    let again = em.find_by_id::<Author>(jon.id()).populate(Author::BOOKS).await?;

    assert!(again.is_some_and(|again| again == jon && again.books().len() == 3));
    assert_eq!(db.recorder.operations(), [select("Book", 3)]);
    Ok(())
}

/// Populating reaches below more parents than any database binds in one statement; so do lists of values.
///
/// Seeds: no limit on how many entities one context holds.
pub async fn populate_knows_no_bind_limit<B: Backend>() -> Result<()> {
    const MANY: usize = 70_000;
    let db = blog::empty::<B>().await?;
    let em = db.em();
    for at in 0..MANY {
        em.persist(Book::new("", Author::new(&at.to_string())))?;
    }
    em.flush().await?;
    db.recorder.reset();

    let em = db.em();
    let books = em.find_all::<Book>().populate((Book::AUTHOR.then(Author::BOOKS), Book::TAGS)).await?;
    assert_eq!(books.len(), MANY);
    assert!(books.iter().all(|book| book.author().books().contains(book) && book.tags().is_empty()));
    let selects = [select("Book", MANY), select("Author", MANY), select("Book", MANY), select("Tag", 0)];
    assert_eq!(db.recorder.operations(), selects);

    let keys = (0..200_000_i64).step_by(2).chain(1_000_000..1_100_000);
    assert_eq!(db.em().find(Author::ID.in_(keys.clone())).await?.len(), MANY / 2);
    assert_eq!(db.em().count(Book::AUTHOR.in_(keys)).await?, 35_000);
    Ok(())
}

// ---- what can be populated

/// Several relations at once: as a tuple, one after another, and below one relation.
pub async fn several_relations_are_populated_at_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let as_tuple = em
        .find_all::<Author>()
        .populate((Author::BOOKS.then((Book::TAGS, Book::PUBLISHER)), Author::PROFILE))
        .order_by(Author::NAME.asc())
        .await?;
    let chained = em
        .find_all::<Author>()
        .populate(Author::PROFILE)
        .populate(Author::BOOKS.then((Book::PUBLISHER, Book::TAGS)))
        .order_by(Author::NAME.asc())
        .await?;

    // The order of the calls does not matter: both have one type.
    assert!(same_type(&as_tuple[0], &chained[0]) && as_tuple == chained);
    let (jon, sam) = (&as_tuple[0], &as_tuple[1]);
    assert_eq!(jon.profile().map(|profile| profile.get().bio.clone()).as_deref(), Some("Knows nothing"));
    assert!(sam.books().is_empty());
    for book in jon.books() {
        assert_eq!(book.tags().len(), 2);
        assert!(book.publisher().is_some_and(|publisher| publisher.get().name == "Ravens"));
    }
    Ok(())
}

fn same_type<T>(_: &T, _: &T) -> bool {
    true
}

/// Naming a relation a second time fills its slot again: the last call says what is below.
pub async fn naming_a_relation_twice_fills_its_slot_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let jon = em
        .find_one_or_fail(Author::NAME.eq("Jon Snow"))
        .populate(Author::BOOKS)
        .populate(Author::BOOKS.then(Book::TAGS))
        .await?;

    assert_eq!(jon.books()[0].tags().len(), 2);
    assert_eq!(db.statements(), 3);
    Ok(())
}

/// A condition on a relation says which entities are found, not what is populated.
///
/// Case G139.
pub async fn a_condition_does_not_narrow_what_is_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let found = db
        .em()
        .find(Author::BOOKS.some(Book::TITLE.eq("A Clash").and(Book::TAGS.some(Tag::LABEL.eq("war")))))
        .populate(Author::BOOKS.then(Book::TAGS))
        .await?;

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].books().len(), 3);
    assert!(found[0].books().iter().all(|book| book.tags().len() == 2));
    Ok(())
}

/// Both sides of a one-to-one relation populated from either side are the same instances, and the way back is known
/// without a statement.
///
/// Case G140.
pub async fn both_sides_of_a_one_to_one_relation_are_linked<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();

    let people = em.find_all::<Person>().populate(Person::PASSPORT.then(Passport::HOLDER)).await?;
    assert_eq!(db.recorder.operations(), [select("Person", 2), select("Passport", 1)]);
    let (ann, bob) = (&people[0], &people[1]);
    assert!(ann.passport().and_then(|passport| passport.holder()).is_some_and(|holder| holder == *ann));
    assert!(bob.passport().is_none());

    let passports = em.find_all::<Passport>().populate(Passport::HOLDER.then(Person::PASSPORT)).await?;
    assert!(passports[0].holder().is_some_and(|holder| holder == *ann));
    assert!(
        passports[0].holder().and_then(|holder| holder.passport()).is_some_and(|own| own == passports[0])
    );
    assert!(passports[1].holder().is_none());
    assert_eq!(db.statements(), 3);
    Ok(())
}

/// Relations that are always populated, in both directions, come without being asked for, and end.
///
/// Case G141.
pub async fn eager_relations_in_a_circle_end<B: Backend>() -> Result<()> {
    let db = capitals::seeded::<B>().await?;
    let em = db.em();

    let chile = em.find_one_or_fail(Country::NAME.eq("Chile")).await?;
    assert!(chile.capital_ref().is_loaded());
    let capital = chile.capital_ref().get()?;
    assert!(capital.get().name == "Santiago" && capital.country_ref().get()? == chile);
    assert_eq!(db.statements(), 2);

    let fresh = db.em();
    let cities = fresh.find_all::<City>().order_by(City::NAME.asc()).await?;
    assert!(cities.iter().all(|city| city.country_ref().is_loaded()));
    Ok(())
}

/// What a lazy load, a lookup by key and a populate bring in comes with its own eager relations.
///
/// Case G141.
pub async fn eager_relations_come_with_every_way_of_loading<B: Backend>() -> Result<()> {
    let db = capitals::seeded::<B>().await?;
    let capital_of =
        |country: &Loaded<Country>| country.capital_ref().get().map(|city| city.get().name.clone());

    let em = db.em();
    let peru = em.get_reference::<Country>(2)?.load().await?;
    assert_eq!(capital_of(&peru)?, "Lima");
    let em = db.em();
    let peru = em.find_by_id::<Country>(2).await?;
    assert_eq!(peru.map(|peru| capital_of(&peru)).transpose()?.as_deref(), Some("Lima"));
    let em = db.em();
    let lima =
        em.find_one_or_fail(City::NAME.eq("Lima")).populate(City::COUNTRY.then(Country::CITIES)).await?;
    assert_eq!(capital_of(&lima.country().without_hints())?, "Lima");
    assert!(lima.country().cities().contains(&lima));
    Ok(())
}

/// Relations over foreign keys of two columns, and a many-to-many one with a key of two columns.
///
/// Case A20.
pub async fn composite_keys_are_populated<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();

    let products =
        em.find_all::<Product>().populate((Product::LOTS, Product::LABELS.then(Label::PRODUCTS))).await?;
    assert_eq!(db.statements(), 4);
    let (first, second) = (&products[0], &products[1]);
    assert_eq!((first.lots().len(), second.lots().len()), (2, 0));
    assert_eq!((first.labels().len(), second.labels().len()), (2, 1));
    assert_eq!(second.labels()[0].products().len(), 2);
    let lots = db.em().find_all::<Lot>().populate(Lot::PRODUCT).order_by(Lot::SHELF.asc()).await?;
    let titles = lots.iter().map(|lot| lot.product().map(|product| product.get().title.clone()));
    assert_eq!(titles.collect::<Vec<_>>(), [Some("A 1".into()), None, Some("A 1".into())]);
    Ok(())
}

/// Self references to any depth.
pub async fn self_references_are_populated<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let leaf = |label: &str| Node::new(label);
    let branch = |label: &str, children: Vec<Node>| Node { children: children.into(), ..Node::new(label) };
    em.persist(branch(
        "root",
        vec![branch("a", vec![leaf("a1"), leaf("a2")]), branch("b", vec![leaf("b1")])],
    ))?;
    em.flush().await?;
    db.recorder.reset();

    let root = db
        .em()
        .find_one_or_fail(Node::PARENT.is_null())
        .populate(Node::CHILDREN.then((Node::CHILDREN.then(Node::PARENT), Node::PARENT)))
        .await?;

    assert_eq!(db.statements(), 3);
    let below: Vec<_> = root.children().iter().map(|child| child.children().len()).collect();
    assert_eq!(below, [2, 1]);
    let (child, root_again) = (&root.children()[0], root.children()[0].parent());
    assert!(root_again.is_some_and(|again| again == root));
    assert!(child.children()[0].parent().is_some_and(|parent| parent == *child));
    Ok(())
}

/// Items come in the order that the collection declares.
pub async fn items_come_in_the_declared_order<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let books = ["c", "a", "b"].map(|title| Book { title: title.into(), ..Book::default() });
    em.persist(Author { books: books.into(), ..Author::new("Ann") })?;
    em.flush().await?;

    let ann = db.em().find_one_or_fail(Author::NAME.eq("Ann")).populate(Author::BOOKS).await?;

    let titles: Vec<_> = ann.books().iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["a", "b", "c"]);
    Ok(())
}

/// A page of results is populated, and nothing beyond it.
pub async fn a_page_is_populated_alone<B: Backend>() -> Result<()> {
    let db = library::<B>(20).await?;
    let em = db.em();

    let (page, count) = em
        .find_and_count(Author::NAME.gte("0000"))
        .populate(Author::BOOKS)
        .order_by(Author::NAME.desc())
        .limit(5)
        .offset(5)
        .await?;

    assert_eq!((page.len(), count), (5, 20));
    assert_eq!(page[0].get().name, "0014");
    assert!(page.iter().all(|author| author.books().len() == 2));
    assert_eq!(em.managed_count()?, 15);
    Ok(())
}

// ---- handles already held, and what the types say

/// `populate` on the manager loads relations of handles that are held: of one, of a list, of a populated collection.
pub async fn handles_are_populated_later<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    let with_books = em.populate(&jon, Author::BOOKS).await?;
    assert_eq!(with_books.books().len(), 3);
    let books = em.populate(with_books.books(), (Book::TAGS, Book::PUBLISHER)).await?;
    assert!(books.iter().all(|book| book.tags().len() == 2 && book.publisher().is_some()));
    let deeper = em.populate(vec![with_books], Author::BOOKS.then(Book::TAGS)).await?;
    assert!(deeper[0] == jon && deeper[0].books()[1].tags().len() == 2);

    let selects = [select("Book", 3), select("Publisher", 1), select("Tag", 6)];
    assert_eq!(db.recorder.operations(), selects);
    Ok(())
}

/// A handle of another context, or of a cleared one, can't be populated here.
pub async fn handles_of_another_context_are_not_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let other = db.em();
    let foreign = jon(&other).await?;

    let refused = em.populate(&foreign, Author::BOOKS).await;
    assert!(matches!(&refused, Err(Error::ForeignEntity { .. })), "{refused:?}");
    other.clear()?;
    let refused = other.populate(&foreign, Author::BOOKS).await;
    assert!(matches!(&refused, Err(Error::Detached { .. })), "{refused:?}");
    Ok(())
}

/// The handle of a new entity reads its to-many relations: they are known from the start.
pub async fn the_handle_of_a_new_entity_reads_its_collections<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();

    let ann: Loaded<Author, NewEntity> = em.persist(Author::new("Ann"))?;
    let book = em.persist(Book { tags: [Tag::new("magic")].into(), ..Book::new("First", &ann) })?;

    assert!(ann.books().contains(&book));
    assert_eq!(book.tags()[0].get().label, "magic");
    assert_eq!(titles_of(&ann), ["First"]);
    em.flush().await?;
    assert_eq!(titles_of(&ann), ["First"]);
    let populated = em.populate(&book, Book::AUTHOR).await?;
    assert!(populated.author() == ann);
    Ok(())
}

/// Any handle with its books populated.
fn titles_of<P: Has<Author__books>>(author: &Loaded<Author, P>) -> Vec<String> {
    let author = author.without_hints();
    let books =
        author.books_ref().items().map(|books| books.iter().map(|book| book.get().title.clone()).collect());
    books.unwrap_or_default()
}

/// A handle that says less than is loaded can be asked for more, without a statement; what is missing is named.
pub async fn a_handle_is_checked_against_what_is_loaded<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    assert!(matches!(jon.try_with(Author::BOOKS), Err(Error::NotLoaded { relation: "books", .. })));
    em.find_one(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    db.recorder.reset();

    assert_eq!(jon.try_with(Author::BOOKS)?.books().len(), 3);
    let Err(error) = jon.try_with(Author::BOOKS.then(Book::TAGS)) else { panic!("no tags are loaded") };
    assert!(
        matches!(&error, Error::NotLoaded { relation: "tags", .. }) && error.to_string().contains("Book["),
        "{error}"
    );
    let Err(error) = jon.try_with((Author::BOOKS, Author::PROFILE)) else { panic!("no profile is loaded") };
    assert!(matches!(error, Error::NotLoaded { relation: "profile", .. }), "{error}");
    // A reference to nothing is as loaded as it can be.
    assert!(jon.try_with(Author::MENTOR)?.mentor().is_none());
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The program may point a populated relation at something that is not loaded: the `try_` accessor says so, and
/// loading mends it.
pub async fn a_populated_relation_pointed_elsewhere_says_so<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash =
        em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate((Book::AUTHOR, Book::PUBLISHER)).await?;
    assert_eq!(clash.try_author()?.get().name, "Jon Snow");

    clash.edit().author = Ref::key(2);
    clash.edit().publisher = None;

    assert!(matches!(clash.try_author(), Err(Error::NotLoaded { relation: "author", .. })));
    assert!(clash.publisher().is_none());
    clash.author_ref().load().await?;
    assert_eq!(clash.author().get().name, "Sam Tarly");
    Ok(())
}

/// A row that re-points a relation which an earlier handle was promised brings the new target along.
pub async fn a_later_row_keeps_what_an_earlier_handle_was_promised<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::AUTHOR).await?;
    let elsewhere = db.em();
    elsewhere.find_one_or_fail(Book::TITLE.eq("A Clash")).await?.edit().author = Ref::key(2);
    elsewhere.flush().await?;
    db.recorder.reset();

    em.find(Book::TITLE.eq("A Clash")).await?;

    assert_eq!(clash.author().get().name, "Sam Tarly");
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// Results kept out of the identity map are populated all the same, one instance a row, and leave nothing behind.
///
/// Case A11.
pub async fn unmanaged_results_are_populated_too<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let books = em
        .find_all::<Book>()
        .populate((Book::AUTHOR.then(Author::BOOKS), Book::TAGS))
        .disable_identity_map()
        .await?;

    assert!(books.iter().all(|book| book.author() == books[0].author() && book.tags().len() == 2));
    assert!(books[0].author().books().contains(&books[1]));
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// Refreshing a query overwrites the populated graph too: edits and collections.
///
/// Case B35.
pub async fn a_refreshed_query_refreshes_what_it_populates<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    jon.books()[0].edit().title = "Edited".into();
    let elsewhere = db.em();
    elsewhere.persist(Book::new("Elsewhere", Ref::<Author>::key(1)))?;
    elsewhere.flush().await?;

    let again = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).refresh().await?;

    let titles: Vec<_> = again.books().iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["A Clash", "A Storm", "Elsewhere", "The Wall"]);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- paths known only at run time

/// A path given as text loads what the typed one loads, with as many statements.
pub async fn a_path_as_text_loads_what_the_typed_one_loads<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let typed = db
        .em()
        .find_all::<Author>()
        .populate((Author::BOOKS.then((Book::TAGS, Book::PUBLISHER)), Author::PROFILE))
        .await?;
    let typed_operations = db.recorder.operations();
    db.recorder.reset();

    let mut query = db.em().find_all::<Author>();
    for path in ["books.publisher", "profile", "books.tags"] {
        query = query.populate_path(path)?;
    }
    let by_path = query.await?;

    assert_eq!(db.recorder.operations(), typed_operations);
    for (typed, by_path) in typed.iter().zip(&by_path) {
        let by_path =
            by_path.try_with((Author::BOOKS.then((Book::TAGS, Book::PUBLISHER)), Author::PROFILE))?;
        assert_eq!(serde_json::to_value(by_path).ok(), serde_json::to_value(typed).ok());
    }
    assert_eq!(by_path[0].books_ref().items()?[0].tags_ref().items()?.len(), 2);
    Ok(())
}

/// A path that names no relation is refused before anything is sent, with the closest name that exists.
///
/// Case G138.
pub async fn an_unknown_path_is_refused_with_a_suggestion<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let refused = |path: &str| match em.find_all::<Author>().populate_path(path) {
        Ok(_) => panic!("{path} is no path of relations"),
        Err(error) => error.to_string(),
    };

    for (path, entity, step, suggestion) in [
        ("boks", "Author", "boks", Some("books")),
        ("books.tag", "Book", "tag", Some("tags")),
        ("books.Publisher", "Book", "Publisher", Some("publisher")),
        ("books.tags.bokos", "Tag", "bokos", Some("books")),
        ("name", "Author", "name", None),
        ("books.title", "Book", "title", None),
        ("somethingelse", "Author", "somethingelse", None),
        ("", "Author", "", None),
        ("books.", "Book", "", None),
        ("books..tags", "Book", "", None),
    ] {
        let message = refused(path);
        assert!(message.contains(&format!("`{path}`")), "{message}");
        assert!(message.contains(&format!("{entity} has no relation `{step}`")), "{message}");
        match suggestion {
            Some(suggestion) => {
                assert!(message.ends_with(&format!("did you mean `{suggestion}`?")), "{message}")
            }
            None => assert!(!message.contains("did you mean"), "{message}"),
        }
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- broken data

/// A foreign key to a row that does not exist fails the query that populates it, naming the entity, its key, the
/// relation and what is missing.
pub async fn a_broken_foreign_key_is_named<B: Backend>() -> Result<()> {
    let db = broken::seeded::<B>(|builder| builder.entity::<Comment>()).await?;
    let em = db.em();
    assert_eq!(em.find_all::<Comment>().await?.len(), 3);

    let Err(error) = em.find_all::<Comment>().populate(Comment::POST).await else {
        panic!("post 99 is gone")
    };

    let Error::DanglingReference { key, relation, target } = &error else { panic!("{error}") };
    assert_eq!(
        (key.to_string().as_str(), *relation, target.to_string().as_str()),
        ("Comment[2]", "post", "Post[99]")
    );
    let whole = em.find(Comment::ID.ne(2)).populate(Comment::POST).await?;
    assert!(whole.iter().all(|comment| comment.post().get().title == "There"));
    Ok(())
}

/// Where the target may be missing, the accessor is an `Option` and the query works.
pub async fn a_relation_that_may_be_missing_is_an_option<B: Backend>() -> Result<()> {
    let db = broken::seeded::<B>(|builder| builder.entity::<StrayComment>()).await?;

    let comments = db
        .em()
        .find_all::<StrayComment>()
        .populate(StrayComment::POST)
        .order_by(StrayComment::ID.asc())
        .await?;

    let posts = comments.iter().map(|comment| comment.post().map(|post| post.get().title.clone()));
    assert_eq!(posts.collect::<Vec<_>>(), [Some("There".into()), None, Some("There".into())]);
    assert_eq!(comments[1].post_ref().key(), Some(99));
    assert!(comments[1].try_with(StrayComment::POST)?.post().is_none());
    Ok(())
}

/// The failed query leaves the context as usable as before.
pub async fn a_failed_populate_leaves_the_context_usable<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.inject(crate::Fault::Select);

    let failed = em.populate(&jon, Author::BOOKS).await;
    assert!(matches!(&failed, Err(Error::Driver { .. })), "{failed:?}");
    assert!(!jon.books_ref().is_loaded());

    assert_eq!(em.populate(&jon, Author::BOOKS).await?.books().len(), 3);
    Ok(())
}

/// An unsaved edit of a populated entity survives the populate; what is new stays in its place.
pub async fn populating_keeps_unsaved_edits<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    clash.edit().price = 77;
    let moved = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    moved.edit().author = Ref::key(2);
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::NAME.asc()).await?;

    let titles =
        |at: usize| authors[at].books().iter().map(|book| book.get().title.clone()).collect::<Vec<_>>();
    assert_eq!(
        (titles(0), titles(1)),
        (vec!["A Clash".into(), "The Wall".into()], vec!["A Storm".to_owned()])
    );
    assert_eq!(authors[0].books()[0].get().price, 77);
    Ok(())
}

/// An item removed but not flushed yet is not populated.
pub async fn a_removed_item_is_not_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.remove(&em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?)?;

    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;

    assert_eq!(jon.books().len(), 2);
    Ok(())
}

/// A whole model reached from one side, everything populated that there is.
pub async fn every_relation_of_a_model_is_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let tag = em
        .find_one_or_fail(Tag::LABEL.eq("war"))
        .populate(Tag::BOOKS.then((
            Book::AUTHOR.then((Author::PROFILE.then(Profile::AUTHOR), Author::STUDENTS.then(Author::MENTOR))),
            Book::PUBLISHER.then(Publisher::BOOKS),
            Book::TAGS,
        )))
        .await?;

    assert_eq!(tag.books().len(), 3);
    for book in tag.books() {
        let author = book.author();
        assert!(author.profile().is_some_and(|profile| profile.author() == author));
        assert!(
            author.students().iter().all(|student| student.mentor().is_some_and(|mentor| mentor == author))
        );
        assert!(book.publisher().is_some_and(|publisher| publisher.books().contains(&book)));
        assert!(book.tags().contains(&tag));
    }
    assert_eq!(Collection::<Book>::default(), tag.get().books);
    Ok(())
}
