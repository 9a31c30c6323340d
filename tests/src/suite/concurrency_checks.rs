//! Fields marked for a concurrency check: a write goes through only where the row still holds what was loaded.

use orm_core::{Loaded, NewEntity, Ref, Result};

use crate::fixtures::theatre::{self, Hall, Locker, Seat, Show, Stage, Ticket};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

/// Somebody else changed a compared field: the row is stale, also where this context changed another one.
pub async fn a_compared_field_that_changed_is_stale<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat::new("A1"))?;
    em.flush().await?;
    by_somebody_else(&db, &seat, |seat| seat.holder = Some("sam".into())).await?;
    seat.edit().label = "A1 (aisle)".into();

    let error = em.flush().await.expect_err("it was taken meanwhile");

    assert_eq!(error.stale_keys().len(), 1, "{error}");
    assert_eq!(error.stale_keys()[0].to_string(), format!("Seat[{}]", seat.id()));
    assert_eq!(seat.get().label, "A1 (aisle)");
    em.refresh(&seat).await?;
    seat.edit().label = "A1 (aisle)".into();
    em.flush().await?;
    let stored = stored(&db, &seat).await?;
    assert_eq!((stored.label.as_str(), stored.holder.as_deref()), ("A1 (aisle)", Some("sam")));
    Ok(())
}

/// Changes of fields that are not compared go side by side.
pub async fn a_field_that_is_not_compared_may_change<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat::new("A1"))?;
    em.flush().await?;
    by_somebody_else(&db, &seat, |seat| seat.label = "A1 (aisle)".into()).await?;
    seat.edit().holder = Some("jon".into());
    em.flush().await?;
    let stored = stored(&db, &seat).await?;
    assert_eq!((stored.label.as_str(), stored.holder.as_deref()), ("A1 (aisle)", Some("jon")));
    Ok(())
}

/// NULL is held by NULL alone: two people can't take one free seat, nor free one that changed hands.
pub async fn an_absent_value_is_compared_too<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat::new("A1"))?;
    em.flush().await?;
    let (jon, sam) = (db.em(), db.em());
    let of_jon = jon.find_one_or_fail(Seat::ID.eq(seat.id())).await?;
    let of_sam = sam.find_one_or_fail(Seat::ID.eq(seat.id())).await?;
    of_jon.edit().holder = Some("jon".into());
    of_sam.edit().holder = Some("sam".into());
    jon.flush().await?;
    assert_eq!(sam.flush().await.expect_err("jon was first").stale_keys().len(), 1);

    of_jon.edit().holder = None;
    jon.flush().await?;
    assert_eq!(stored(&db, &seat).await?.holder, None);
    by_somebody_else(&db, &seat, |seat| seat.holder = Some("kim".into())).await?;
    of_jon.edit().holder = Some("jon".into());
    assert_eq!(jon.flush().await.expect_err("kim was first").stale_keys().len(), 1);
    Ok(())
}

/// A foreign key can be compared.
pub async fn a_reference_is_compared<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let large = || Some(Ref::<Hall>::key("large".to_owned()));
    let seat = em.persist(Seat { hall: large(), ..Seat::new("A1") })?;
    let other = em.persist(Seat { hall: large(), ..Seat::new("A2") })?;
    em.flush().await?;
    seat.edit().hall = Some(Ref::key("small".to_owned()));
    other.edit().hall = None;
    em.flush().await?;
    by_somebody_else(&db, &other, |seat| seat.hall = Some(Ref::key("large".to_owned()))).await?;
    seat.edit().price = 30;
    other.edit().price = 30;

    let error = em.flush().await.expect_err("one was moved meanwhile");

    let names: Vec<String> = error.stale_keys().iter().map(ToString::to_string).collect();
    assert_eq!(names, [format!("Seat[{}]", other.id())]);
    assert_eq!(stored(&db, &seat).await?.price, 20);
    Ok(())
}

/// Rows of one shape are compared in one write, and what was written is what is compared next.
pub async fn rows_are_compared_in_one_write<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seats = ["A1", "A2", "A3"].map(|label| em.persist(Seat::new(label)));
    let seats = seats.into_iter().collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    for price in [25, 30] {
        db.recorder.reset();
        seats.iter().for_each(|seat| seat.edit().price = price);
        em.flush().await?;
        let update = Operation::Update("Seat".into(), 3, vec!["price".into()]);
        assert_eq!(db.recorder.operations()[1], update);
        assert_eq!(db.recorder.writes(), 1);
    }
    Ok(())
}

/// A row that is gone does not hold anything.
pub async fn a_compared_row_that_is_gone_is_stale<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat::new("A1"))?;
    em.flush().await?;
    let other = db.em();
    other.remove(other.get_reference::<Seat>(seat.id())?)?;
    other.flush().await?;
    seat.edit().price = 30;
    assert_eq!(em.flush().await.expect_err("it is gone").stale_keys().len(), 1);
    Ok(())
}

/// A removal is compared too, references that the flush itself empties left out.
pub async fn a_removal_is_compared<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat { hall: Some(Ref::key("large".to_owned())), ..Seat::new("A1") })?;
    em.flush().await?;
    by_somebody_else(&db, &seat, |seat| seat.holder = Some("sam".into())).await?;
    let hall = em.find_by_id::<Hall>("large".to_owned()).await?.expect("it is there");
    em.remove(&seat)?;
    em.remove(&hall)?;
    assert_eq!(em.flush().await.expect_err("it was taken").stale_keys().len(), 1);
    em.refresh(&seat).await?;
    em.flush().await?;
    assert_eq!(db.em().count(Seat::ID.eq(seat.id())).await?, 0);
    Ok(())
}

/// Rows that refer to each other in a circle go with compared references, which the flush empties before.
pub async fn a_circle_of_compared_references_goes<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let ballet = em.persist(Show { name: "ballet".into(), ..Show::default() })?;
    let stage = em.persist(Stage { name: "main".into(), show: (&ballet).into() })?;
    em.flush().await?;
    ballet.edit().stage = (&stage).into();
    em.flush().await?;
    em.remove(&ballet)?;
    em.remove(&stage)?;
    em.flush().await?;
    assert_eq!(db.em().find_all::<Show>().await?.len() + db.em().find_all::<Stage>().await?.len(), 0);
    Ok(())
}

/// A version and compared fields go together: who changed the row past the ORM left the version alone.
pub async fn a_version_and_compared_fields_go_together<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let ticket = em.persist(Ticket { state: "sold".into(), ..Ticket::default() })?;
    em.flush().await?;
    ticket.edit().note = "by mail".into();
    em.flush().await?;
    assert_eq!(ticket.get().version, 2);
    db.run(&["UPDATE ticket SET state = 'void'"]).await?;
    ticket.edit().note = "by phone".into();

    let error = em.flush().await.expect_err("it was changed meanwhile");

    assert_eq!(error.stale_keys().len(), 1, "{error}");
    assert_eq!(ticket.get().version, 2);
    em.refresh(&ticket).await?;
    ticket.edit().state = "sold".into();
    em.flush().await?;
    assert_eq!(ticket.get().version, 3);
    Ok(())
}

/// Compared values that go round between rows: each row is compared with what was loaded before anything stands in for
/// it, and with what stands in for it after that.
pub async fn compared_values_are_exchanged<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let held = |holder: &str, code| Locker { holder: Some(holder.to_owned()), code, ..Locker::default() };
    let jon = em.persist(held("jon", 1))?;
    let sam = em.persist(held("sam", 2))?;
    let kim = em.persist(held("kim", 3))?;
    em.flush().await?;
    let swap = |one: &Loaded<Locker, NewEntity>, other: &Loaded<Locker, NewEntity>| {
        let (first, second) = (one.get(), other.get());
        let (mut one, mut other) = (one.edit(), other.edit());
        (one.holder, one.code) = (second.holder.clone(), second.code);
        (other.holder, other.code) = (first.holder.clone(), first.code);
    };
    db.recorder.reset();

    swap(&jon, &sam);
    swap(&sam, &kim);
    em.flush().await?;

    let lockers = async || {
        let rows = db.em().find_all::<Locker>().order_by(Locker::ID.asc()).await?;
        let held = |row: &Loaded<Locker>| (row.get().holder.clone().unwrap_or_default(), row.get().code);
        Ok::<_, orm_core::Error>(rows.iter().map(held).collect::<Vec<_>>())
    };
    let row = |holder: &str, code| (holder.to_owned(), code);
    assert_eq!(lockers().await?, [row("sam", 2), row("kim", 3), row("jon", 1)]);

    db.run(&["UPDATE locker SET holder = 'ann' WHERE code = 3"]).await?;
    swap(&jon, &sam);
    let error = em.flush().await.expect_err("ann was first");

    assert_eq!(error.stale_keys().len(), 1, "{error}");
    assert_eq!(error.stale_keys()[0].to_string(), format!("Locker[{}]", sam.id()));
    assert_eq!(lockers().await?, [row("sam", 2), row("ann", 3), row("jon", 1)]);
    em.refresh(&sam).await?;
    em.refresh(&jon).await?;
    swap(&jon, &sam);
    em.flush().await?;
    assert_eq!(lockers().await?, [row("ann", 3), row("sam", 2), row("jon", 1)]);
    Ok(())
}

async fn by_somebody_else<P: 'static>(
    db: &TestDb,
    seat: &Loaded<Seat, P>,
    change: impl FnOnce(&mut Seat),
) -> Result<()> {
    let other = db.em();
    let theirs = other.find_one_or_fail(Seat::ID.eq(seat.id())).await?;
    change(&mut theirs.edit());
    other.flush().await
}

async fn stored<P: 'static>(db: &TestDb, seat: &Loaded<Seat, P>) -> Result<Seat> {
    let row = db.em().find_one_or_fail(Seat::ID.eq(seat.id())).await?;
    Ok(Seat::clone(&row.get()))
}
