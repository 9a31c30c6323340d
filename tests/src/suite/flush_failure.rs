//! A flush that fails changes nothing: not the database, not one entity. The same manager is corrected and flushed
//! again.
//!
//! One unit of work of every kind of write, failed at each of its stages.

use orm_core::driver::{DriverErrorKind, ViolationKind};
use orm_core::{Condition, EntityManager, Error, Loaded, NewEntity, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::fixtures::document::{self, Document};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

/// Failed at BEGIN.
pub async fn a_flush_that_can_not_begin_changes_nothing<B: Backend>() -> Result<()> {
    fails_and_is_repeated::<B>(0, Fault::Begin).await
}

/// Failed at its first write.
pub async fn a_flush_whose_first_write_fails_changes_nothing<B: Backend>() -> Result<()> {
    fails_and_is_repeated::<B>(0, Fault::Write).await
}

/// Failed after rows were inserted and got their keys.
pub async fn a_flush_that_fails_after_inserts_changes_nothing<B: Backend>() -> Result<()> {
    fails_and_is_repeated::<B>(3, Fault::Write).await
}

/// Failed at its last write, the delete.
pub async fn a_flush_whose_last_write_fails_changes_nothing<B: Backend>() -> Result<()> {
    fails_and_is_repeated::<B>(WRITES - 1, Fault::Write).await
}

/// Failed at COMMIT, which the database refused.
pub async fn a_flush_whose_commit_is_refused_changes_nothing<B: Backend>() -> Result<()> {
    fails_and_is_repeated::<B>(0, Fault::CommitRefused).await
}

/// How many writes [`Work`] takes.
const WRITES: usize = 6;

/// A unit of work of every kind: new entities that refer to each other, an edit, a removal, links.
struct Work {
    em: EntityManager,
    jon: Loaded<Author>,
    sansa: Loaded<Author, NewEntity>,
    feast: Loaded<Book, NewEntity>,
    storm: Loaded<Book>,
    clash: Loaded<Book>,
}

impl Work {
    async fn begin(db: &TestDb) -> Result<Self> {
        let em = db.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
        let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
        let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;

        jon.edit().age = Some(17);
        let sansa = em.persist(Author { email: Some("sansa@north.org".into()), ..Author::new("Sansa") })?;
        let feast = em.persist(Book::new("A Feast", &sansa))?;
        feast.tags_ref().add(&war)?;
        clash.tags_ref().remove(&war)?;
        em.remove(&storm)?;
        db.recorder.reset();
        Ok(Self { em, jon, sansa, feast, storm, clash: clash.without_hints() })
    }

    /// Everything waits: nothing new has a key, edits and removals are as the program made them.
    async fn assert_pending(&self, db: &TestDb) -> Result<()> {
        db.recorder.reset();
        assert_eq!((self.sansa.try_id(), self.sansa.id(), self.sansa.get().id), (None, 0, 0));
        assert_eq!((self.feast.try_id(), self.feast.author_ref().key()), (None, None));
        assert!(self.em.contains(&self.sansa) && self.em.contains(&self.feast));
        assert_eq!(self.jon.get().age, Some(17));
        assert!(matches!(self.storm.try_edit(), Err(Error::Removed { .. })));
        assert!(self.em.find_by_id::<Book>(self.storm.id()).await?.is_none());
        assert_eq!(self.feast.tags_ref().items()?.len(), 1);
        assert_eq!(self.clash.tags_ref().items()?.len(), 1);
        let plan = self.em.flush_plan()?.to_string();
        assert!(plan.contains("insert 1 Author") && plan.contains("insert 1 Book"), "{plan}");
        assert!(plan.contains("update 1 Author (age)") && plan.contains("delete 1 Book"), "{plan}");
        assert!(plan.contains("unlink 1 Book.tags") && plan.contains("\nlink 1 Book.tags"), "{plan}");
        assert_eq!(db.statements(), 0);
        Ok(())
    }

    /// Everything was written, once.
    async fn assert_done(&self, db: &TestDb) -> Result<()> {
        let other = db.em();
        let sansa =
            other.find_by_id::<Author>(self.sansa.id()).populate(Author::BOOKS.then(Book::TAGS)).await?;
        let sansa = sansa.expect("she was inserted");
        assert_eq!(sansa.get().email.as_deref(), Some("sansa@north.org"));
        assert_eq!(sansa.books()[0].id(), self.feast.id());
        assert_eq!(sansa.books()[0].tags()[0].get().label, "war");
        let jon = other.find_by_id::<Author>(self.jon.id()).await?.expect("he stayed");
        assert_eq!(jon.get().age, Some(17));
        let clash = other.find_by_id::<Book>(self.clash.id()).populate(Book::TAGS).await?.expect("it stayed");
        assert_eq!(clash.tags().iter().map(|tag| tag.get().label.clone()).collect::<Vec<_>>(), ["winter"]);
        assert_eq!(other.count(Condition::<Author>::always()).await?, 3);
        assert_eq!(other.count(Condition::<Book>::always()).await?, 3);
        db.recorder.reset();
        self.em.flush().await?;
        assert_eq!(db.statements(), 0);
        Ok(())
    }
}

async fn assert_untouched(db: &TestDb) -> Result<()> {
    let other = db.em();
    let jon =
        other.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    assert_eq!(jon.get().age, None);
    let titles: Vec<String> = jon.books().iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["A Clash", "A Storm", "The Wall"]);
    assert!(jon.books().iter().all(|book| book.tags().len() == 2));
    assert_eq!(other.count(Condition::<Author>::always()).await?, 2);
    Ok(())
}

/// Case E115, where we do better: what was to be written still is, and no key stays behind.
async fn fails_and_is_repeated<B: Backend>(times: usize, fault: Fault) -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    assert_eq!(work.em.flush_plan()?.len(), WRITES);
    db.recorder.inject_after(times, fault);

    let error = work.em.flush().await.expect_err("a fault was injected");

    assert_eq!(error.driver_kind(), Some(DriverErrorKind::Other), "{error}");
    let operations = db.recorder.operations();
    assert!(!operations.contains(&Operation::Commit), "{operations:?}");
    assert_eq!(operations.contains(&Operation::Rollback), fault != Fault::Begin);
    assert_untouched(&db).await?;
    work.assert_pending(&db).await?;

    work.em.flush().await?;
    work.assert_done(&db).await
}

/// A violated constraint fails the whole flush; corrected, the same manager writes all of it.
pub async fn a_violated_constraint_fails_the_whole_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    work.sansa.edit().email = Some("jon@wall.org".into());

    let error = work.em.flush().await.expect_err("the email is taken");

    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Unique));
    assert!(error.is_violation_of(Author::EMAIL), "{error}");
    assert_untouched(&db).await?;
    work.assert_pending(&db).await?;

    work.sansa.edit().email = Some("sansa@north.org".into());
    work.em.flush().await?;
    work.assert_done(&db).await
}

/// A foreign key to a row that is not there fails the whole flush, and can be set right.
pub async fn a_broken_foreign_key_fails_the_whole_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    let missing = work.em.get_reference::<Author>(9_999)?;
    let stray = work.em.persist(Book::new("Stray", missing))?;

    let error = work.em.flush().await.expect_err("there is no such author");

    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::ForeignKey), "{error}");
    assert_untouched(&db).await?;
    assert_eq!(stray.try_id(), None);

    work.em.remove(&stray)?;
    work.assert_pending(&db).await?;
    work.em.flush().await?;
    work.assert_done(&db).await
}

/// Deleting what others refer to fails, and the removal can be taken back.
pub async fn a_refused_delete_can_be_taken_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    em.remove(&jon)?;

    let error = em.flush().await.expect_err("his books refer to him");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::ForeignKey), "{error}");
    assert!(matches!(jon.try_edit(), Err(Error::Removed { .. })));

    em.persist(&jon)?;
    em.flush().await?;
    assert_eq!(db.em().find_by_id::<Author>(jon.id()).await?.map(|row| row.get().age), Some(Some(17)));
    Ok(())
}

/// A required relation that is not set is refused before any statement; set, everything is written.
pub async fn an_unset_required_relation_is_refused_before_any_statement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    let profile = work.em.persist(Profile { bio: "Reads".into(), ..Profile::default() })?;

    let error = work.em.flush().await.expect_err("the profile has no author");

    let Error::RequiredRelation { key, relation: "author" } = &error else { panic!("{error}") };
    assert_eq!(key.entity(), "Profile");
    assert_eq!(db.statements(), 0);
    profile.edit().author = work.sansa.to_ref();
    work.assert_pending(&db).await?;

    work.em.flush().await?;
    assert_eq!(profile.author_ref().key(), Some(work.sansa.id()));
    work.assert_done(&db).await
}

/// A required relation of a managed entity that is emptied is refused before any statement.
pub async fn an_emptied_required_relation_is_refused_before_any_statement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let author = clash.get().author.clone();
    db.recorder.reset();

    clash.edit().author = orm_core::Ref::default();
    let error = em.flush().await.expect_err("the author is required");
    let Error::RequiredRelation { key, relation: "author" } = &error else { panic!("{error}") };
    assert_eq!(key.to_string(), format!("Book[{}]", clash.id()));

    clash.edit().author = author;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A failed flush leaves the versions of the optimistic lock as they were.
pub async fn a_failed_flush_leaves_versions_alone<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let (plan, notes) = (em.persist(Document::new("plan"))?, em.persist(Document::new("notes"))?);
    em.flush().await?;
    plan.edit().text = "one".into();
    notes.edit().title = "two".into();
    db.recorder.inject_after(1, Fault::Write);

    em.flush().await.expect_err("a fault was injected");
    assert_eq!((plan.get().version, notes.get().version), (1, 1));

    em.flush().await?;
    assert_eq!((plan.get().version, notes.get().version), (2, 2));
    let stored = db.em().find_all::<Document>().await?;
    assert!(stored.iter().all(|document| document.get().version == 2));
    Ok(())
}

/// An entity that is new again after a failed flush can be forgotten, or edited.
pub async fn a_new_entity_can_be_forgotten_after_a_failed_flush<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    let sam = em.persist(Author::new("Sam Tarly"))?;
    db.recorder.inject(Fault::CommitRefused);
    em.flush().await.expect_err("a fault was injected");

    em.remove(&jon)?;
    sam.edit().age = Some(20);
    em.flush().await?;

    let stored = db.em().find_all::<Author>().await?;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].get().name.as_str(), stored[0].get().age), ("Sam Tarly", Some(20)));
    Ok(())
}

/// The keys of a failed flush are nobody's: another entity may get them, in this manager too.
pub async fn the_keys_of_a_failed_flush_are_free<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    db.recorder.inject(Fault::CommitRefused);
    em.flush().await.expect_err("a fault was injected");
    let other = db.em();
    let sansa = other.persist(Author::new("Sansa"))?;
    other.flush().await?;

    let found = em.find_by_id::<Author>(sansa.id()).await?.expect("she was inserted");
    assert!(found != jon.without_hints());
    assert_eq!(found.get().name, "Sansa");
    em.flush().await?;
    assert_ne!(jon.id(), sansa.id());
    Ok(())
}

/// A flush on a closed pool fails as such, and nothing is lost.
pub async fn a_closed_pool_fails_the_flush<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    db.orm.close().await;

    let error = em.flush().await.expect_err("the pool is closed");

    assert_eq!(error.driver_kind(), Some(DriverErrorKind::PoolClosed));
    assert!(em.contains(&jon) && jon.try_id().is_none());
    assert_eq!(em.flush_plan()?.len(), 1);
    Ok(())
}
