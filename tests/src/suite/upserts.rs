//! Rows that are inserted, or change what is there, and come back managed.

use orm_core::{EntityManager, Error, Ref, Result};

use crate::fixtures::archive::{self, Binder};
use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::fixtures::document::{self, Document};
use crate::fixtures::keys::{self, Currency, Order, OrderLine};
use crate::fixtures::library::{self, Copy};
use crate::fixtures::tenancy::{self, CurrentTenant, Customer};
use crate::{Backend, Fault, Operation, TestDb};

fn upserts(entity: &str, rows: usize) -> Operation {
    Operation::Upsert(entity.to_owned(), rows)
}

fn euro(name: &str) -> Currency {
    Currency { code: "EUR".into(), name: name.into() }
}

async fn jon(em: &EntityManager) -> Result<orm_core::Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await
}

/// The mail of the seeded Jon Snow.
const MAIL: &str = "jon@wall.org";

fn jon_again(name: &str) -> Author {
    Author { email: Some(MAIL.into()), ..Author::new(name) }
}

/// A row that is not there is inserted and managed, by one statement.
pub async fn a_new_row_is_inserted_and_managed<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let euro = em.upsert(euro("Euro")).await?;
    assert_eq!(db.recorder.operations(), [upserts("Currency", 1)]);
    assert!(em.contains(&euro));
    assert!(em.find_by_id::<Currency>("EUR".to_owned()).await?.is_some_and(|found| found == euro));
    euro.edit().name = "Common".into();
    em.flush().await?;
    assert_eq!(db.em().count(Currency::NAME.eq("Common")).await?, 1);
    Ok(())
}

/// A row that is loaded is updated in the database and in its instance, by one statement. Case K180.
pub async fn a_loaded_row_is_updated<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    em.insert(euro("Euro")).await?;
    let loaded = em.find_by_id_or_fail::<Currency>("EUR".to_owned()).await?;
    db.recorder.reset();
    let upserted = em.upsert(euro("Common")).await?;
    assert_eq!(db.recorder.operations(), [upserts("Currency", 1)]);
    assert!(upserted == loaded);
    assert_eq!(loaded.get().name, "Common");
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// Without an assigned key the only unique index tells the row; its key comes back.
pub async fn the_only_unique_index_tells_the_row<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let old = jon(&em).await?;
    db.recorder.reset();
    let upserted = em.upsert(Author { age: Some(16), ..jon_again("Aegon") }).await?;
    assert_eq!(db.recorder.operations(), [upserts("Author", 1)]);
    assert!(upserted == old);
    assert_eq!((upserted.get().name.as_str(), upserted.get().age), ("Aegon", Some(16)));

    let stark = em.upsert(Author { email: Some("arya@stark.org".into()), ..Author::new("Arya") }).await?;
    assert!(stark.try_id().is_some_and(|id| id != old.id()));
    assert_eq!(em.count_all::<Author>().await?, 3);
    Ok(())
}

/// A reference that is unique tells the row too.
pub async fn a_unique_reference_tells_the_row<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let profile =
        em.upsert(Profile { bio: "King".into(), author: (&jon).into(), ..Profile::default() }).await?;
    assert_eq!(profile.get().bio, "King");
    assert_eq!(em.count_all::<Profile>().await?, 2);
    let kept = Profile { bio: "Nobody".into(), author: (&jon).into(), ..Profile::default() };
    let kept = em.upsert(kept).on_conflict(Profile::AUTHOR).ignore().await?;
    assert!(kept == profile);
    assert_eq!(kept.get().bio, "King");
    Ok(())
}

/// A key of several parts tells the row, a reference among them.
pub async fn a_composite_key_tells_the_row<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let order = em.insert(Order::default()).await?;
    let line = |position, product: &str| OrderLine {
        order: Ref::key(order),
        position,
        product: product.to_owned(),
        ..OrderLine::default()
    };
    em.upsert_many([line(1, "Tea"), line(2, "Milk")]).await?;
    let again = em.upsert_many([line(2, "Cream"), line(3, "Sugar")]).await?;
    assert_eq!(again.iter().map(|line| line.get().position).collect::<Vec<_>>(), [2, 3]);
    let lines = em.find_all::<OrderLine>().order_by(OrderLine::POSITION.asc()).await?;
    let products: Vec<String> = lines.iter().map(|line| line.get().product.clone()).collect();
    assert_eq!(products, ["Tea", "Cream", "Sugar"]);
    let kept = em.upsert_many([line(3, "Salt"), line(4, "Pepper")]).ignore().await?;
    assert_eq!(kept[0].get().product, "Sugar");
    assert_eq!(kept[1].get().product, "Pepper");
    Ok(())
}

/// Several unique indexes: one must be named; one of several fields can be.
pub async fn the_target_of_the_conflict_can_be_named<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let em = db.em();
    let copy = |title: &str| Copy { title: title.into(), ..Copy::at("A", 1) };
    let refused = em.upsert(copy("First")).await.expect_err("there are several unique indexes");
    assert!(matches!(refused, Error::ConflictTarget { entity: "Copy", .. }), "{refused:?}");
    assert!(refused.to_string().contains("`.on_conflict(..)`"), "{refused}");

    let first = em.upsert(copy("First")).on_conflict((Copy::SHELF, Copy::POSITION)).await?;
    // In any order, since it is one index.
    let second = em.upsert(copy("Second")).on_conflict((Copy::POSITION, Copy::SHELF)).await?;
    assert!(first == second);
    assert_eq!(first.get().title, "Second");
    let ignored = em.upsert(copy("Third")).on_conflict((Copy::SHELF, Copy::POSITION)).ignore().await?;
    assert!(ignored == first);
    assert_eq!(first.get().title, "Second");
    Ok(())
}

/// A target that is no key is refused before anything is sent, as is a key that is not assigned.
pub async fn a_target_that_is_no_key_is_refused<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let em = db.em();
    let copy = || Copy::at("A", 1);
    let refused = [
        em.upsert(copy()).on_conflict(Copy::TITLE).await,
        em.upsert(copy()).on_conflict(Copy::SHELF).await,
        // Unique for some rows only.
        em.upsert(copy()).on_conflict(Copy::CODE).await,
        em.upsert(copy()).on_conflict(Copy::ID).await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::ConflictTarget { .. })), "{refused:?}");
    }
    assert_eq!(db.statements(), 0);
    let db = blog::empty::<B>().await?;
    let refused = db.em().upsert(Book::new("No key", Ref::key(1))).await;
    assert!(matches!(refused, Err(Error::ConflictTarget { entity: "Book", .. })), "{refused:?}");
    let refused = db.em().upsert(Author::new("Ann")).on_conflict(Author::BOOKS).await;
    assert!(matches!(refused, Err(Error::NoColumn { .. })), "{refused:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A row that is there stays as it is if asked, and is returned.
pub async fn a_row_that_is_there_can_be_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let kept = em.upsert(jon_again("Aegon")).ignore().await?;
    assert_eq!(kept.get().name, "Jon Snow");
    let selects = Operation::Select("Author".into(), 1);
    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, upserts("Author", 1), selects, Operation::Commit]
    );
    let all = em.upsert_many([Tag::new("ice"), Tag::new("war")]).ignore().await?;
    assert_eq!(all.iter().map(|tag| tag.get().label.clone()).collect::<Vec<_>>(), ["ice", "war"]);
    assert_eq!(em.count_all::<Tag>().await?, 3);
    Ok(())
}

/// Chosen fields alone are merged, or all but some; the instance shows what the row holds.
pub async fn chosen_fields_are_merged<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let aegon = || Author { age: Some(16), ..jon_again("Aegon") };
    em.upsert(aegon()).merge_fields(Author::AGE).await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Jon Snow", Some(16)));
    em.upsert(Author { age: Some(17), ..aegon() }).exclude_fields((Author::NAME, Author::MENTOR)).await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Jon Snow", Some(17)));
    em.upsert(aegon()).await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(16)));
    Ok(())
}

/// An unsaved edit of the instance is kept and flushed, as when a query brings its row.
pub async fn unsaved_edits_are_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    jon.edit().name = "Edited".into();
    em.upsert(Author { age: Some(16), ..jon_again("Aegon") }).await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Edited", Some(16)));
    em.flush().await?;
    assert_eq!(db.em().count(Author::NAME.eq("Edited").and(Author::AGE.eq(16))).await?, 1);
    Ok(())
}

/// Foreign keys that it moves are followed in both directions.
pub async fn collections_follow_an_upsert<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::ID.asc()).await?;
    let (jon, sam) = (&authors[0], &authors[1]);
    let wall = jon.books()[2].clone();
    em.upsert(Book { id: wall.id(), ..Book::new("The Wall", sam) }).await?;
    assert_eq!((jon.books().len(), sam.books().len()), (2, 1));
    let new = em.upsert(Book { id: 77, ..Book::new("New", sam) }).await?;
    assert!(sam.books().contains(&new));
    Ok(())
}

/// A thousand rows are ten statements of a hundred. Case K181.
pub async fn many_rows_are_upserted_in_batches<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let authors = |name: &'static str| {
        (0..1_000).map(move |at| Author { email: Some(format!("{at}@wall.org")), ..Author::new(name) })
    };
    em.insert_many(authors("Old").step_by(2)).await?;
    db.recorder.reset();
    let handles = em.upsert_many(authors("New")).batch_size(100).await?;
    let mut expected = vec![Operation::Begin];
    expected.extend(std::iter::repeat_n(upserts("Author", 100), 10));
    expected.push(Operation::Commit);
    assert_eq!(db.recorder.operations(), expected);
    assert_eq!(db.statements(), 10 * B::facts().upsert_statements + 2);
    assert!(handles.iter().zip(authors("New")).all(|(handle, author)| handle.get().email == author.email));
    assert_eq!(em.managed_count()?, 1_000);
    assert_eq!(em.count(Author::NAME.eq("New")).await?, 1_000);
    Ok(())
}

/// Where a row gives nothing but what it is found by, nothing is merged: rows that are there are read by one select.
pub async fn rows_without_anything_to_merge_are_read<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let tags = em.upsert_many(["ice", "war"].map(Tag::new)).await?;
    assert!(tags.iter().all(|tag| tag.try_id().is_some()));
    let read = if B::facts().gives_back_missing { 1 } else { 2 };
    assert_eq!(db.recorder.operations(), [upserts("Tag", 2), Operation::Select("Tag".into(), read)]);
    Ok(())
}

/// The identity map stays empty if asked; then it needs no context. Case K182.
pub async fn an_upsert_can_keep_out_of_the_identity_map<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let euro = em.upsert(euro("Euro")).disable_identity_map().await?;
    assert_eq!(em.managed_count()?, 0);
    assert_eq!(euro.get().name, "Euro");
    assert!(matches!(euro.try_edit(), Err(Error::Detached { .. })));

    let global = db.orm.em();
    global.upsert(self::euro("Common")).disable_identity_map().await?;
    let refused = global.upsert(self::euro("Guarded")).await;
    assert!(matches!(refused, Err(Error::GlobalContext { method: "upsert", .. })), "{refused:?}");
    let refused = global.get_repository::<Currency>().upsert_many([self::euro("Guarded")]).await;
    assert!(matches!(refused, Err(Error::GlobalContext { method: "upsert_many", .. })), "{refused:?}");
    assert_eq!(db.em().count(Currency::NAME.eq("Common")).await?, 1);
    Ok(())
}

/// Two values of one row in one call are refused before anything is sent, and named.
pub async fn duplicate_keys_are_refused_and_named<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tags = ["a", "b", "a", "c", "c", "c"].map(Tag::new);
    let refused = em.upsert_many(tags).await.expect_err("two are twice in it");
    let Error::DuplicateKeys { entity: "Tag", fields, keys } = &refused else { panic!("{refused:?}") };
    assert_eq!(fields, &["label"]);
    assert_eq!(keys.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Tag[a]", "Tag[c]"]);
    assert!(refused.to_string().contains("label"), "{refused}");
    assert_eq!(db.statements(), 0);
    // NULL is equal to nothing.
    em.upsert_many([Author::new("Ann"), Author::new("Bea")]).await?;
    assert_eq!(em.count_all::<Author>().await?, 2);
    Ok(())
}

/// The version of a row that is there is not set back, but counts on.
pub async fn the_version_counts_on<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.upsert(Document { id: 1, ..Document::new("plan") }).await?;
    assert_eq!(plan.get().version, 1);
    plan.edit().text = "Winter".into();
    em.flush().await?;
    em.upsert(Document { id: 1, ..Document::new("other plan") }).await?;
    assert_eq!((plan.get().title.as_str(), plan.get().version), ("other plan", 3));
    Ok(())
}

/// A removal that was scheduled is taken back: whoever writes a row wants it to stay.
pub async fn an_upsert_takes_a_removal_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    em.remove(&war)?;
    let again = em.upsert(Tag::new("war")).await?;
    assert!(again == war && em.contains(&war));
    em.flush().await?;
    assert_eq!(db.em().count_all::<Tag>().await?, 2);
    Ok(())
}

/// The key of an entity that waits to be inserted is refused.
pub async fn the_key_of_a_new_entity_is_refused<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    em.persist(euro("Euro"))?;
    let refused = em.upsert(euro("Common")).await;
    assert!(matches!(refused, Err(Error::AlreadyManaged { .. })), "{refused:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// After an error neither the database nor the identity map has changed.
pub async fn a_failed_upsert_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let tags = || ["ice", "war", "fire"].map(Tag::new);
    for fault in [Fault::Write, Fault::CommitRefused] {
        db.recorder.inject(fault);
        assert!(em.upsert_many(tags()).batch_size(2).await.is_err());
        assert_eq!(em.managed_count()?, 1);
        assert_eq!(em.count_all::<Tag>().await?, 2);
    }
    let again = em.upsert_many(tags()).await?;
    assert!(again[1] == war);
    Ok(())
}

/// No rows, no statement.
pub async fn an_upsert_of_nothing_sends_nothing<B: Backend>() -> Result<()> {
    let db: TestDb = blog::empty::<B>().await?;
    assert!(db.em().upsert_many(Vec::<Tag>::new()).await?.is_empty());
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A row that is there and hidden by a filter is neither changed nor returned; nothing of the call is written.
pub async fn a_hidden_row_is_refused<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let binder = em.find_one_or_fail(Binder::NAME.eq("a")).await?;
    em.remove(&binder)?;
    em.flush().await?;
    let again = |name: &str| Binder { id: binder.id(), name: name.into(), ..Binder::default() };
    let new = Binder { id: 77, name: "new".into(), ..Binder::default() };
    let refused = em.upsert_many([new, again("a")]).await.expect_err("it is deleted");
    assert!(matches!(&refused, Error::HiddenRow { fields, .. } if fields == &["id"]), "{refused:?}");
    let refused = em.upsert(again("a")).ignore().await;
    assert!(matches!(refused, Err(Error::HiddenRow { .. })), "{refused:?}");
    assert_eq!(em.count_all::<Binder>().with_deleted().await?, 2);

    em.upsert(again("again")).with_deleted().await?;
    assert_eq!(em.count(Binder::NAME.eq("again")).await?, 1);
    Ok(())
}

/// A filter that guards writes holds for new rows and for rows of others.
pub async fn a_guarding_filter_holds_for_upserts<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Customer::NAME.eq("bob")).without_filters().await?.id();
    em.set(CurrentTenant(1))?;
    let customer = |id, tenant| Customer { id, tenant, name: "cat".into(), ..Customer::default() };
    let refused = em.upsert(customer(bob, 1)).await;
    assert!(matches!(refused, Err(Error::HiddenRow { .. })), "{refused:?}");
    let refused = em.upsert(customer(77, 2)).await;
    assert!(matches!(refused, Err(Error::RefusedByFilter { .. })), "{refused:?}");
    em.upsert(customer(77, 1)).await?;
    assert_eq!(em.count_all::<Customer>().without_filters().await?, 3);
    Ok(())
}

/// What an upsert did to an instance is taken back with its transaction.
pub async fn a_rollback_takes_an_upsert_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let result: Result<()> = em
        .transactional(async |em| {
            let upserted =
                em.upsert_many([jon_again("Aegon"), Author { id: 77, ..Author::new("New") }]).await?;
            assert_eq!(upserted[0].get().name, "Aegon");
            Err(Error::other("no"))
        })
        .await;
    assert!(result.is_err());
    assert_eq!(jon.get().name, "Jon Snow");
    assert!(em.find_by_id::<Author>(77).await?.is_none());
    em.flush().await?;
    assert_eq!(em.count_all::<Author>().await?, 2);
    Ok(())
}
