//! Cascades go through what filters hide: what refers to a row that goes can't stay.

use orm_core::{Condition, Entity, EntityManager, Error, Loaded, Result};

use crate::fixtures::estate::{self, Cellar, Estate, Fence, Jar, Label, OfTenant, Path, Plot, Shelf};
use crate::fixtures::tenancy::CurrentTenant;
use crate::recorder::Fault;
use crate::{Backend, TestDb};

async fn one<T: Entity>(em: &EntityManager) -> Result<Loaded<T>> {
    em.find_one_or_fail(Condition::<T>::always()).await
}

/// How many rows there are, hidden or not.
async fn rows<T: Entity>(db: &TestDb) -> Result<u64> {
    db.em().count(Condition::<T>::always()).without_filters().await
}

async fn jar(db: &TestDb, name: &str) -> Result<Jar> {
    let jar = db.em().find_one_or_fail(Jar::NAME.eq(name)).with_deleted().await?;
    Ok(Jar::clone(&jar.get()))
}

/// What no list shows goes with its owner, at every level, with one select a relation.
pub async fn what_filters_hide_goes_along<B: Backend>() -> Result<()> {
    let db = estate::estate::<B>().await?;
    let em = db.em();
    em.remove(one::<Estate>(&em).await?)?;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(db.recorder.selects(), 3, "the plots, their paths, and the guarded fences");
    assert_eq!(rows::<Plot>(&db).await? + rows::<Path>(&db).await? + rows::<Fence>(&db).await?, 0);
    assert_eq!(rows::<Estate>(&db).await?, 0);
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// A list that was loaded under a filter counts as not loaded for a cascade, and shows the same afterwards.
pub async fn a_list_that_shows_a_part_is_completed_for_the_cascade_alone<B: Backend>() -> Result<()> {
    let db = estate::estate::<B>().await?;
    let em = db.em();
    let estate =
        em.find_one_or_fail(Condition::<Estate>::always()).populate(Estate::PLOTS.then(Plot::PATHS)).await?;
    em.remove(&estate)?;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.contains("load Estate.plots of 1 to remove what goes with it\n"), "{plan}");
    db.recorder.inject(Fault::CommitRefused);
    em.flush().await.expect_err("a fault was injected");

    assert_eq!(estate.plots().len(), 1);
    assert_eq!(estate.plots()[0].paths().len(), 1);
    assert_eq!(em.find_all::<Plot>().await?.len(), 1);
    em.restore(&estate)?;
    assert_eq!(estate.plots_ref().load().await?.len(), 1);

    em.remove(&estate)?;
    em.flush().await?;
    assert_eq!(rows::<Plot>(&db).await? + rows::<Path>(&db).await?, 0);
    Ok(())
}

/// A row of another tenant is neither left behind nor deleted: the guard of the filter refuses the flush, and names it.
pub async fn rows_of_another_tenant_refuse_the_removal<B: Backend>() -> Result<()> {
    let db = estate::estate::<B>().await?;
    let house = db.em();
    let estate = one::<Estate>(&house).await?.to_ref();
    let theirs = house.persist(Plot { tenant: 2, estate, ..Plot::default() })?;
    house.flush().await?;
    let em = db.em();
    em.set(CurrentTenant(1))?;
    let estate = em.find_one_or_fail(Condition::<Estate>::always()).populate(Estate::PLOTS).await?;
    em.remove(&estate)?;

    let error = em.flush().await.expect_err("a plot is another tenant's");
    let named = matches!(&error, Error::RefusedByFilter { key, filter } if key.entity() == "Plot" && filter.contains("tenant"));
    assert!(named && error.to_string().contains(&format!("{:?}", theirs.id())), "{error}");
    assert_eq!(rows::<Plot>(&db).await?, 3);
    assert_eq!(estate.plots().len(), 1);

    em.disable_filter::<OfTenant>()?;
    em.flush().await?;
    assert_eq!(rows::<Plot>(&db).await?, 0);
    Ok(())
}

/// What the foreign key would delete by itself is loaded where a filter guards its writes.
pub async fn rows_that_the_database_would_cascade_are_guarded_too<B: Backend>() -> Result<()> {
    let db = estate::estate::<B>().await?;
    let house = db.em();
    let estate = one::<Estate>(&house).await?.to_ref();
    house.persist(Fence { tenant: 2, estate, ..Fence::default() })?;
    house.flush().await?;
    let em = db.em();
    em.set(CurrentTenant(1))?;
    em.remove(one::<Estate>(&em).await?)?;

    let error = em.flush().await.expect_err("a fence is another tenant's");

    assert!(matches!(&error, Error::RefusedByFilter { key, .. } if key.entity() == "Fence"), "{error}");
    assert_eq!(rows::<Fence>(&db).await?, 2);
    Ok(())
}

/// A soft delete of the owner marks what is not deleted, and leaves the time of what is.
pub async fn what_is_softly_deleted_already_keeps_its_time<B: Backend>() -> Result<()> {
    let db = estate::cellar::<B>().await?;
    let first = db.em();
    first.remove(first.find_one_or_fail(Jar::NAME.eq("plum")).await?)?;
    first.flush().await?;
    let before = jar(&db, "plum").await?.removed;
    let em = db.em();

    em.remove(one::<Shelf>(&em).await?)?;
    em.flush().await?;

    let (plum, pear) = (jar(&db, "plum").await?, jar(&db, "pear").await?);
    assert!(before.is_some() && plum.removed == before && pear.removed > before, "{plum:?} {pear:?}");
    assert_eq!(db.em().find_all::<Label>().await?.len(), 0, "references take along too");
    assert_eq!(rows::<Shelf>(&db).await?, 1);
    Ok(())
}

/// A removal for good takes along for good what would stay: shown, hidden, or removed softly by the same flush.
pub async fn a_removal_for_good_takes_everything_for_good<B: Backend>() -> Result<()> {
    let db = estate::cellar::<B>().await?;
    let first = db.em();
    first.remove(first.find_one_or_fail(Jar::NAME.eq("plum")).await?)?;
    first.flush().await?;
    let em = db.em();
    em.remove(em.find_one_or_fail(Jar::NAME.eq("pear")).await?)?;

    em.remove_for_good(one::<Cellar>(&em).await?)?;
    em.begin().await?;
    em.flush().await?;
    assert_eq!(em.count(Condition::<Jar>::always()).with_deleted().await?, 0);
    em.rollback().await?;
    assert_eq!(rows::<Jar>(&db).await?, 2);
    em.flush().await?;

    assert_eq!(rows::<Cellar>(&db).await? + rows::<Shelf>(&db).await?, 0);
    assert_eq!(rows::<Jar>(&db).await? + rows::<Label>(&db).await?, 0);
    Ok(())
}

/// A list that was known whole no longer is once an item stays behind as a deleted row.
pub async fn a_softly_deleted_item_is_known_after_its_list_lost_it<B: Backend>() -> Result<()> {
    let db = estate::cellar::<B>().await?;
    let em = db.em();
    let jar = |name: &str| Jar { name: name.into(), ..Jar::default() };
    let shelf = em.persist(Shelf { jars: [jar("fig"), jar("date")].into(), ..Shelf::default() })?;
    em.flush().await?;
    em.remove(em.find_one_or_fail(Jar::NAME.eq("fig")).await?)?;
    em.flush().await?;

    em.remove_for_good(&shelf)?;
    em.flush().await?;

    assert_eq!(rows::<Jar>(&db).await?, 2);
    Ok(())
}

/// A plain removal deletes no row that soft deletes keep; one that can't stay is an error with the cures.
pub async fn a_row_that_stays_keeps_the_row_it_needs<B: Backend>() -> Result<()> {
    let db = estate::cellar::<B>().await?;
    let em = db.em();
    em.remove(one::<Cellar>(&em).await?)?;
    let error = em.flush().await.expect_err("its shelf would stay");
    assert!(matches!(&error, Error::Relation { relation: "cellar", .. }), "{error}");
    assert!(error.to_string().contains("remove_for_good"), "{error}");

    let other = db.em();
    other.remove(one::<Shelf>(&other).await?)?;
    other.flush().await?;
    let em = db.em();
    em.remove(one::<Cellar>(&em).await?)?;
    let error = em.flush().await.expect_err("its shelf stays");
    assert!(matches!(&error, Error::Relation { relation: "cellar", .. }), "{error}");
    assert_eq!((rows::<Cellar>(&db).await?, rows::<Jar>(&db).await?), (1, 2));
    Ok(())
}
