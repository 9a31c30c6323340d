//! Values that a column of somebody else's table cannot hold: an error that names entity and field, whichever way they are
//! written, and nothing lost or bent. Values that do not fit when they are read are in [`bad_rows`](super::bad_rows).
//!
//! SQLite's columns hold whatever they are given, and so are written to.

use orm_core::driver::{DriverErrorKind, ViolationKind};
use orm_core::{Entity, Field, FieldValue, Result};

use crate::Backend;
use crate::fixtures::narrow::{Number, Price, Text, Word, empty};

const FITS: i64 = 1;
const WIDE: i64 = 40_000;

/// A number beyond its column, by a flush: memory waits as it was, and what is mended is saved.
pub async fn a_flush_tells_a_number_out_of_range<B: Backend>() -> Result<()> {
    let db = empty::<B>().await?;
    let em = db.em();
    let one = em.persist(Number::of(WIDE))?;
    assert_told::<B, _, _>(em.flush().await, Number::NUMBER);
    one.edit().number = Some(FITS);
    em.flush().await?;

    one.edit().number = Some(WIDE);
    assert_told::<B, _, _>(em.flush().await, Number::NUMBER);
    one.edit().number = Some(WIDE + 1);
    let inside = em.transactional(async |em| {
        assert_told::<B, _, _>(em.flush().await, Number::NUMBER);
        one.edit().number = Some(FITS + 1);
        em.flush().await
    });
    inside.await?;
    assert_eq!(db.em().find_all::<Number>().select(Number::NUMBER).await?, [Some(FITS + 1)]);
    Ok(())
}

/// A number beyond its column, by what writes without the unit of work.
pub async fn bulk_writes_tell_a_number_out_of_range<B: Backend>() -> Result<()> {
    let db = empty::<B>().await?;
    let em = db.em();
    em.insert(Number::of(FITS)).await?;
    assert_told::<B, _, _>(em.insert(Number::of(WIDE)).await, Number::NUMBER);
    assert_told::<B, _, _>(em.insert_many([2, WIDE + 1].map(Number::of)).await, Number::NUMBER);
    let raise = em.update_many(Number::NUMBER.eq(FITS)).set(Number::NUMBER, Some(WIDE + 2));
    assert_told::<B, _, _>(raise.await, Number::NUMBER);
    let upsert = em.upsert(Number::of(WIDE + 3)).on_conflict(Number::NUMBER);
    assert_told::<B, _, _>(upsert.await, Number::NUMBER);
    if B::facts().is_typed {
        assert_eq!(db.em().find_all::<Number>().select(Number::NUMBER).await?, [Some(FITS)]);
    }
    Ok(())
}

/// A text longer than its column, and a decimal with more digits than its own.
pub async fn texts_and_decimals_that_are_too_long_are_told<B: Backend>() -> Result<()> {
    let db = empty::<B>().await?;
    let em = db.em();
    let word = em.persist(Word { word: Some("three".into()), ..Word::default() })?;
    assert_told::<B, _, _>(em.flush().await, Word::WORD);
    word.edit().word = Some("two".into());
    em.flush().await?;
    let many = ["one", "seven"].map(|word| Word { word: Some(word.to_owned()), ..Word::default() });
    assert_told::<B, _, _>(em.insert_many(many).await, Word::WORD);
    let price = Price { price: Some(12_345.into()), ..Price::default() };
    assert_told::<B, _, _>(em.insert(price.clone()).await, Price::PRICE);
    let upsert = em.upsert(price).on_conflict(Price::PRICE);
    assert_told::<B, _, _>(upsert.await, Price::PRICE);
    Ok(())
}

/// A text in a column of numbers, whose type the program does not know.
pub async fn a_column_of_another_type_is_told<B: Backend>() -> Result<()> {
    let db = empty::<B>().await?;
    let em = db.em();
    let text = Text { id: 0, number: Some("many".into()) };
    assert_told::<B, _, _>(em.insert(text.clone()).await, Text::NUMBER);
    em.persist(text)?;
    assert_told::<B, _, _>(em.flush().await, Text::NUMBER);
    Ok(())
}

#[track_caller]
fn assert_told<B: Backend, T: Entity, V: FieldValue>(
    result: Result<impl std::fmt::Debug>,
    field: Field<T, V>,
) {
    if !B::facts().is_typed {
        result.expect("any column holds it");
        return;
    }
    let error = result.expect_err("the column can't hold it");
    assert!(error.is_violation_of(field), "{error:?}");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Check), "{error:?}");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConstraintViolation), "{error:?}");
    assert!(!error.is_retryable());
}
