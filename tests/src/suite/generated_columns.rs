//! `generated`: columns that the database computes of the row's others.

use orm_core::driver::ViolationKind;
use orm_core::{Error, Ref, Result};

use crate::fixtures::invoice::{self, Discount, Line, Page, Remark};
use crate::{Backend, TestDb};

/// What the program gives is not written, and what the database computes is there after the flush.
pub async fn an_insert_reads_back_what_is_computed<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Line { total: 99, slug: "not this".into(), ..Line::of("Pear", 5, 3) })?;
    let plum = em.persist(Line { cost: Some(1), ..Line::of("Plum", 2, 2) })?;
    em.flush().await?;
    let statements = db.statements();
    let (pear, plum) = (pear.get(), plum.get());
    assert_eq!((pear.total, pear.margin, pear.slug.as_str()), (15, None, "pear"));
    assert_eq!((plum.total, plum.margin, plum.slug.as_str()), (4, Some(1), "plum"));
    assert_eq!(db.statements(), statements);
    em.clear()?;
    assert_eq!(*em.find_by_id_or_fail::<Line>(pear.id).await?.get(), *pear);
    assert_eq!(em.count(Line::TOTAL.gt(10)).await?, 1);
    Ok(())
}

/// After an update no handle shows what was computed before it, and nothing is left to write.
pub async fn an_update_reads_back_what_is_computed<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Line::of("Pear", 5, 3))?;
    em.flush().await?;
    pear.edit().price = 7;
    assert_eq!(pear.get().total, 15);
    em.flush().await?;
    assert_eq!(pear.get().total, 21);
    pear.edit().name = "PEAR".into();
    pear.edit().cost = Some(6);
    em.flush().await?;
    assert_eq!((pear.get().margin, pear.get().slug.as_str()), (Some(1), "pear"));
    let statements = db.statements();
    em.flush().await?;
    assert_eq!(db.statements(), statements);
    Ok(())
}

/// One select reads back any number of rows of a type, and none is sent for a type without such columns.
pub async fn rows_are_read_back_together<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let lines: Vec<_> =
        (0..40).map(|at| em.persist(Line::of(&format!("Line {at}"), at, 2))).collect::<Result<_>>()?;
    em.persist(Page { book: 1, number: 1 })?;
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.selects(), 1);
    lines.iter().for_each(|line| line.edit().quantity = 3);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.selects(), 1);
    assert!(lines.iter().zip(0..).all(|(line, at)| line.get().total == 3 * at));
    Ok(())
}

/// A row is known by its key also where that is a reference of several columns.
pub async fn rows_with_keys_of_references_are_read_back<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    for number in 1..=3 {
        em.persist(Page { book: 1, number })?;
    }
    em.flush().await?;
    let remark = |number: i32, text: &str| {
        em.persist(Remark { page: Ref::key((1, number)), text: text.into(), loud: String::new() })
    };
    let (first, second) = (remark(1, "well")?, remark(2, "what")?);
    em.flush().await?;
    assert_eq!((first.get().loud.as_str(), second.get().loud.as_str()), ("WELL", "WHAT"));
    Ok(())
}

/// Setting the field of a managed entity is an error that names it; taken back, the flush goes on.
pub async fn a_computed_field_cannot_be_set<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Line::of("Pear", 5, 3))?;
    em.flush().await?;
    pear.edit().price = 6;
    pear.edit().total = 1;
    let error = em.flush().await.expect_err("the database computes it");
    assert!(matches!(error, Error::Computed { entity: "Line", field: "total" }), "{error:?}");
    pear.edit().total = 15;
    em.flush().await?;
    assert_eq!(pear.get().total, 18);
    Ok(())
}

/// The same without the unit of work: rows are written without the field, and naming it is an error.
pub async fn bulk_writes_leave_it_out<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let key = em.insert(Line { total: 99, ..Line::of("Pear", 5, 3) }).await?;
    em.insert_many(vec![Line::of("Plum", 2, 2), Line::of("Fig", 1, 1)]).await?;
    let line = em.upsert(Line { id: key, total: 1, ..Line::of("Pear", 6, 3) }).await?;
    assert_eq!(line.get().total, 18);
    em.update_many(Line::NAME.eq("Fig")).set(Line::PRICE, 4).await?;
    let totals: Vec<i64> = em.find_all::<Line>().order_by(Line::ID.asc()).select(Line::TOTAL).await?;
    assert_eq!(totals, [18, 4, 4]);
    let set = em.update_many(Line::NAME.eq("Fig")).set(Line::TOTAL, 4).await.expect_err("it is computed");
    let merged = em.upsert(Line { id: key, ..Line::of("Pear", 6, 3) }).merge_fields(Line::TOTAL).await;
    for error in [set, merged.expect_err("it is computed")] {
        assert!(matches!(error, Error::Computed { entity: "Line", field: "total" }), "{error:?}");
    }
    Ok(())
}

/// A unique index on it is violated by what is computed, and values are exchanged in spite of it.
pub async fn a_unique_computed_field_is_named<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Line::of("Pear", 5, 3))?;
    em.flush().await?;
    let twin = em.persist(Line::of("PEAR", 1, 1))?;
    let error = em.flush().await.expect_err("they differ in case alone");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Unique), "{error:?}");
    assert!(error.is_violation_of(Line::SLUG), "{error:?}");
    em.remove(&pear)?;
    twin.edit().name = "Apple".into();
    em.flush().await?;
    assert_eq!(twin.get().slug, "apple");
    Ok(())
}

/// A rollback takes what was computed back with the rest.
pub async fn a_rollback_takes_it_back<B: Backend>() -> Result<()> {
    let db = invoice::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Line::of("Pear", 5, 3))?;
    em.flush().await?;
    em.begin().await?;
    pear.edit().price = 7;
    em.flush().await?;
    assert_eq!(pear.get().total, 21);
    em.rollback().await?;
    assert_eq!((pear.get().price, pear.get().total), (7, 15));
    em.flush().await?;
    assert_eq!((pear.get().price, pear.get().total), (7, 21));
    Ok(())
}

/// `virtual` computes when the row is read, where the database can; else creating the table is an error that says so.
pub async fn a_virtual_column_is_computed_when_it_is_read<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(|builder| builder.entity::<Discount>()).await?;
    let created = db.orm.schema().create().await;
    if !B::facts().has_virtual_columns {
        let error = format!("{:?}", created.expect_err("there are none"));
        assert!(error.contains("invoice_discount.rest") && error.contains("leave out `virtual`"), "{error}");
        return Ok(());
    }
    created?;
    let em = db.em();
    let discount = em.persist(Discount { id: 1, percent: 30, rest: 0 })?;
    em.flush().await?;
    assert_eq!(discount.get().rest, 70);
    Ok(())
}
