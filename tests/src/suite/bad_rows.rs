//! Rows that do not fit the entity: an error that names entity, field and column, never the value. The identity map
//! stays as it was, and everything else can still be read.

use std::error::Error as _;

use orm_core::value::ValueError;
use orm_core::{Error, Result};

use rust_decimal::Decimal;

use crate::fixtures::misfit::{self, Depot, LooseParcel, Parcel};
use crate::{Backend, TestDb};

/// What fits is read.
pub async fn a_row_that_fits_is_read<B: Backend>() -> Result<()> {
    let (_, db) = misfit::seeded::<B>().await?;
    let parcel = db.em().find_one_or_fail(Parcel::ID.eq(1)).await?;
    assert_eq!((parcel.get().weight, parcel.get().price), (1, Decimal::new(150, 2)));
    assert_eq!(parcel.get().seen.timestamp_subsec_micros(), 1);
    Ok(())
}

/// NULL where there must be a value.
pub async fn null_in_a_required_field_is_refused<B: Backend>() -> Result<()> {
    let null = |error: &ValueError| matches!(error, ValueError::UnexpectedNull { .. });
    refused::<B>("label", "label", null, |row| row.label = None).await?;
    refused::<B>("weight", "Weight (g)", null, |row| row.weight = None).await?;
    refused::<B>("fragile", "fragile", null, |row| row.fragile = None).await?;
    refused::<B>("tracking", "tracking", null, |row| row.tracking = None).await?;
    refused::<B>("seen", "seen", null, |row| row.seen = None).await?;
    refused::<B>("price", "price", null, |row| row.price = None).await?;
    refused::<B>("content", "content", null, |row| row.content = None).await?;
    refused::<B>("season", "season", null, |row| row.season = None).await
}

/// NULL in a reference that must be set.
pub async fn null_in_a_required_reference_is_refused<B: Backend>() -> Result<()> {
    let null = |error: &ValueError| matches!(error, ValueError::UnexpectedNull { .. });
    refused::<B>("depot", "depot_id", null, |row| row.depot_id = None).await
}

/// A number outside the range of its type.
pub async fn a_number_out_of_range_is_refused<B: Backend>() -> Result<()> {
    let range = |error: &ValueError| matches!(error, ValueError::OutOfRange { .. });
    refused::<B>("weight", "Weight (g)", range, |row| row.weight = Some(128)).await?;
    refused::<B>("weight", "Weight (g)", range, |row| row.weight = Some(i64::MIN)).await?;
    refused::<B>("count", "count", range, |row| row.count = Some(-77)).await?;
    refused::<B>("count", "count", range, |row| row.count = Some(1 << 32)).await?;
    nonsense::<B>("fragile", range, "77").await?;
    refused::<B>("single", "single", range, |row| row.single = Some(1e300)).await
}

/// Text that is no UUID, date, time, decimal or JSON.
pub async fn text_that_does_not_parse_is_refused<B: Backend>() -> Result<()> {
    let invalid = |error: &ValueError| matches!(error, ValueError::Invalid { .. });
    for (field, text) in [
        ("tracking", "s3cret"),
        ("tracking", "01234567-89ab-cdef-0123-456789abcdeg"),
        ("sent_on", "s3cret"),
        ("sent_on", "2023-02-29"),
        ("sent_at", "24:00:01"),
        ("arrived", "s3cret"),
        ("seen", "s3cret"),
        ("price", "s3cret"),
        ("content", "{s3cret"),
    ] {
        nonsense::<B>(field, invalid, &format!("'{text}'")).await?;
    }
    Ok(())
}

/// An enum's text or integer that is no variant's.
pub async fn an_unknown_variant_is_refused<B: Backend>() -> Result<()> {
    let invalid = |error: &ValueError| {
        matches!(error, ValueError::Invalid { .. } | ValueError::UnknownLabel { expected: "Season", .. })
    };
    refused::<B>("season", "season", invalid, |row| row.season = Some("s3cret".into())).await?;
    refused::<B>("season", "season", invalid, |row| row.season = Some("Spring".into())).await?;
    refused::<B>("level", "level", invalid, |row| row.level = Some(77)).await
}

/// A column of another kind: text for bytes, bytes for text, text for a number.
pub async fn a_column_of_another_kind_is_refused<B: Backend>() -> Result<()> {
    let wrong = |error: &ValueError| matches!(error, ValueError::WrongType { .. });
    refused::<B>("photo", "photo", wrong, |row| row.photo = Some("s3cret".into())).await?;
    refused::<B>("signature", "signature", wrong, |row| row.signature = Some(b"s3cret".into())).await?;
    refused::<B>("ratio", "ratio", wrong, |row| row.ratio = Some("s3cret".into())).await
}

/// Text that is no UTF-8.
pub async fn text_that_is_no_utf8_is_refused<B: Backend>() -> Result<()> {
    nonsense::<B>("label", |error| matches!(error, ValueError::Invalid { .. }), B::facts().text_that_is_none)
        .await
}

/// A bad row at the end of many leaves the identity map untouched, rows before it included.
pub async fn a_bad_row_leaves_the_identity_map_untouched<B: Backend>() -> Result<()> {
    let (writer, reader) = misfit::seeded::<B>().await?;
    insert(&writer, |_| ()).await?;
    insert(&writer, |row| row.weight = Some(1_000)).await?;
    let em = reader.em();
    let first = em.find_one_or_fail(Parcel::ID.eq(1)).await?;
    first.edit().label = "ours".into();
    writer.run(&["UPDATE parcel SET label = 'theirs'"]).await?;

    em.find_all::<Parcel>().order_by(Parcel::ID.asc()).await.expect_err("the last row does not fit");

    assert_eq!(em.managed_count()?, 1);
    assert_eq!(first.get().label, "ours");
    assert_eq!(em.find(Parcel::ID.lt(3)).order_by(Parcel::ID.asc()).await?.len(), 2);
    assert_eq!(em.managed_count()?, 2);
    Ok(())
}

/// A bad row among what is populated or loaded lazily is told alike.
pub async fn a_bad_row_below_a_relation_is_told_alike<B: Backend>() -> Result<()> {
    let (writer, reader) = misfit::seeded::<B>().await?;
    insert(&writer, |row| row.weight = Some(1_000)).await?;
    let range: fn(&ValueError) -> bool = |error| matches!(error, ValueError::OutOfRange { .. });
    let em = reader.em();

    let error = em.find_all::<Depot>().populate(Depot::PARCELS).await.expect_err("a parcel does not fit");
    assert_refused(&error, "weight", "Weight (g)", range);
    let depot = em.find_by_id::<Depot>(1).await?.expect("it is there");
    let error = depot.parcels_ref().load().await.expect_err("a parcel does not fit");
    assert_refused(&error, "weight", "Weight (g)", range);
    assert!(!depot.parcels_ref().is_loaded());

    writer.run(&[r#"UPDATE parcel SET "Weight (g)" = 100"#]).await?;
    assert_eq!(depot.parcels_ref().load().await?.len(), 2);
    Ok(())
}

/// A row that stopped fitting is told by `refresh`, and the entity keeps what it had.
pub async fn a_bad_row_is_told_by_refresh<B: Backend>() -> Result<()> {
    let (writer, reader) = misfit::seeded::<B>().await?;
    let em = reader.em();
    let parcel = em.find_one_or_fail(Parcel::ID.eq(1)).await?;
    writer.run(&["UPDATE parcel SET \"Weight (g)\" = 1000, label = 'theirs'"]).await?;

    let error = em.refresh(&parcel).await.expect_err("it does not fit any more");

    assert_refused(&error, "weight", "Weight (g)", |error| matches!(error, ValueError::OutOfRange { .. }));
    assert_eq!(parcel.get().label, "label");
    assert!(em.contains(&parcel));
    Ok(())
}

/// A parcel that `spoil` made not to fit is refused wherever it is read, and others still are not.
async fn refused<B: Backend>(
    field: &str,
    column: &str,
    reason: fn(&ValueError) -> bool,
    spoil: impl FnOnce(&mut LooseParcel),
) -> Result<()> {
    let (writer, reader) = misfit::seeded::<B>().await?;
    insert(&writer, spoil).await?;
    let em = reader.em();
    for error in [em.find_all::<Parcel>().await.map(drop), em.find_by_id::<Parcel>(2).await.map(drop)] {
        let Err(error) = error else { panic!("{field} was read") };
        assert_refused(&error, field, column, reason);
    }
    assert_eq!(em.managed_count()?, 0);
    assert!(em.find_by_id::<Parcel>(1).await?.is_some());
    Ok(())
}

/// What another program writes into a column of a type that it is not of, is refused by the database where columns are
/// typed, and else where it is read.
async fn nonsense<B: Backend>(field: &str, reason: fn(&ValueError) -> bool, literal: &str) -> Result<()> {
    let (writer, reader) = misfit::seeded::<B>().await?;
    let written = writer.run(&[&format!("UPDATE parcel SET {field} = {literal}")]).await;
    let facts = B::facts();
    if facts.fills_uuids && field == "tracking" {
        assert!(written.is_ok() || literal.len() > 2 + 16, "{written:?}");
        return Ok(());
    }
    if facts.is_typed && !facts.takes_anything.contains(&field) {
        assert!(written.is_err(), "{field} took {literal}");
        return Ok(());
    }
    let error = reader.em().find_all::<Parcel>().await.expect_err("its row does not fit");
    assert_refused(&error, field, field, reason);
    Ok(())
}

async fn insert(writer: &TestDb, spoil: impl FnOnce(&mut LooseParcel)) -> Result<()> {
    let em = writer.em();
    let mut row = LooseParcel::fitting(1);
    spoil(&mut row);
    em.persist(row)?;
    em.flush().await
}

#[track_caller]
fn assert_refused(error: &Error, field: &str, column: &str, reason: fn(&ValueError) -> bool) {
    let Error::Value { entity: "Parcel", field: told, column: told_column, source } = error else {
        panic!("{error:?}")
    };
    assert_eq!((*told, told_column.as_str()), (field, column));
    assert!(reason(source), "{source:?}");
    let cause = error.source().expect("it says why").to_string();
    let said = format!("{error}: {cause}; {error:?}");
    assert!(!said.contains("s3cr") && !said.contains("77"), "{said}");
    assert!(error.to_string().contains(&format!("Parcel.{field}")), "{error}");
}
