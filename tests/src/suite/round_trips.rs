//! Every scalar goes every way at its edges: alone, among others, changed, in conditions, projected, streamed, cached.
//!
//! What one kind of value is refused for is in `scalars`.

use std::fmt::Debug;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, Utc};
use futures::TryStreamExt;
use orm_core::{Condition, Field, FieldValue, Result, Value, Writable};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::fixtures::scalars::{self, Floats, Integers, Level, Optional, Others, Season, Texts};
use crate::{Backend, TestDb};

/// A field, how it is reached, and values for it.
struct Case<'a, T, V> {
    id: Field<T, i64>,
    id_of: fn(&T) -> i64,
    field: Field<T, V>,
    get: fn(&T) -> &V,
    set: fn(&mut T, V),
    values: &'a [V],
    /// Whether a database finds rows by it.
    is_comparable: bool,
}

/// The case of a field of an entity with a generated `id`.
macro_rules! case {
    ($db:expr, $entity:ident :: $constant:ident, $field:ident, $values:expr) => {
        case!($db, $entity::$constant, $field, $values, true)
    };
    ($db:expr, $entity:ident :: $constant:ident, $field:ident, $values:expr, $is_comparable:expr) => {
        goes_every_way(
            $db,
            &Case {
                id: $entity::ID,
                id_of: |entity: &$entity| entity.id,
                field: $entity::$constant,
                get: |entity: &$entity| &entity.$field,
                set: |entity, value| entity.$field = value,
                values: &$values,
                is_comparable: $is_comparable,
            },
        )
        .await?
    };
}

/// Equal as stored, but that zero may lose its sign.
fn alike<V: FieldValue>(one: &V, other: &V) -> bool {
    match (one.to_value(), other.to_value()) {
        (Ok(Value::Float(one)), Ok(Value::Float(other))) => one == other || one.to_bits() == other.to_bits(),
        // The scale of a decimal is the database's affair.
        (Ok(Value::Decimal(one)), Ok(Value::Decimal(other))) => {
            one.parse::<Decimal>().is_ok_and(|one| other.parse() == Ok(one))
        }
        _ => one.same(other),
    }
}

fn assert_alike<V: FieldValue + Debug>(read: &[V], written: &[V], field: &str, way: &str) {
    assert_eq!(read.len(), written.len(), "{field}, {way}");
    for (read, written) in read.iter().zip(written) {
        assert!(alike(read, written), "{field}, {way}: {read:?} was {written:?}");
    }
}

async fn stored<T: Writable, V: FieldValue>(db: &TestDb, case: &Case<'_, T, V>) -> Result<Vec<V>> {
    let found = db.em().find_all::<T>().order_by(case.id.asc()).await?;
    Ok(found.iter().map(|entity| (case.get)(&entity.get()).clone()).collect())
}

async fn goes_every_way<T: Writable + Default, V: FieldValue + Debug>(
    db: &TestDb,
    case: &Case<'_, T, V>,
) -> Result<()> {
    let (field, values) = (case.field.name(), case.values);
    let entity = |value: &V| {
        let mut entity = T::default();
        (case.set)(&mut entity, value.clone());
        entity
    };
    for value in values {
        let em = db.em();
        em.persist(entity(value))?;
        em.flush().await?;
    }
    assert_alike(&stored(db, case).await?, values, field, "inserted alone");
    db.em().delete_many(Condition::<T>::always()).all().await?;

    let em = db.em();
    let written = values.iter().map(|value| em.persist(entity(value))).collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    // What can't travel among others goes alone, and so out of turn.
    let mut values: Vec<(i64, V)> =
        written.iter().zip(values).map(|(one, value)| ((case.id_of)(&one.get()), value.clone())).collect();
    values.sort_by_key(|(id, _)| *id);
    let values: &[V] = &values.into_iter().map(|(_, value)| value).collect::<Vec<V>>();
    assert_alike(&stored(db, case).await?, values, field, "inserted together");

    let em = db.em();
    let entities = em.find_all::<T>().order_by(case.id.asc()).await?;
    let rotated: Vec<V> = values.iter().skip(1).chain(values.first()).cloned().collect();
    for (entity, value) in entities.iter().zip(&rotated) {
        (case.set)(&mut entity.edit(), value.clone());
    }
    em.flush().await?;
    assert_alike(&stored(db, case).await?, &rotated, field, "updated together");
    for (entity, value) in entities.iter().zip(values) {
        (case.set)(&mut entity.edit(), value.clone());
        em.flush().await?;
    }
    assert_alike(&stored(db, case).await?, values, field, "updated alone");

    let em = db.em();
    let projected = em.find_all::<T>().select(case.field).order_by(case.id.asc()).await?;
    assert_alike(&projected, values, field, "projected");
    let streamed: Vec<_> =
        em.find_all::<T>().order_by(case.id.asc()).stream().chunk_size(2).try_collect().await?;
    let streamed: Vec<V> = streamed.iter().map(|entity| (case.get)(&entity.get()).clone()).collect();
    assert_alike(&streamed, values, field, "streamed");
    for _ in 0..2 {
        let cached = db.em().find_all::<T>().order_by(case.id.asc()).cache(Duration::from_secs(60)).await?;
        let cached: Vec<V> = cached.iter().map(|entity| (case.get)(&entity.get()).clone()).collect();
        assert_alike(&cached, values, field, "cached");
    }

    if case.is_comparable {
        for value in values {
            let expected = values.iter().filter(|other| alike(*other, value)).count() as u64;
            let found = em.count(case.field.eq(value.clone())).await?;
            assert_eq!(found, expected, "{field} equal to {value:?}");
        }
        let all = em.count(case.field.in_(values.iter().cloned())).await?;
        assert_eq!(all, values.len() as u64, "{field} in a list");
    }
    db.em().delete_many(Condition::<T>::always()).all().await?;
    Ok(())
}

/// The same values, and none.
fn optional<V: Clone>(values: &[V]) -> Vec<Option<V>> {
    values.iter().cloned().map(Some).chain([None]).collect()
}

/// Integers of every width.
pub async fn integers_go_every_way<B: Backend>() -> Result<()> {
    let db = &scalars::empty::<B>().await?;
    case!(db, Integers::I8, i8, [i8::MIN, -1, 0, 1, i8::MAX]);
    case!(db, Integers::I16, i16, [i16::MIN, 0, i16::MAX]);
    case!(db, Integers::I32, i32, [i32::MIN, 0, i32::MAX]);
    case!(db, Integers::I64, i64, [i64::MIN, -1, 0, i64::MAX]);
    case!(db, Integers::ISIZE, isize, [isize::MIN, isize::MAX]);
    case!(db, Integers::U8, u8, [0, u8::MAX]);
    case!(db, Integers::U16, u16, [0, u16::MAX]);
    case!(db, Integers::U32, u32, [0, u32::MAX]);
    case!(db, Integers::U64, u64, [0, i64::MAX.unsigned_abs()]);
    case!(db, Integers::USIZE, usize, [0, isize::MAX.unsigned_abs()]);
    case!(db, Optional::I8, i8, optional(&[i8::MIN, 0]));
    case!(db, Optional::I64, i64, optional(&[i64::MIN, 0, i64::MAX]));
    case!(db, Optional::U64, u64, optional(&[0, i64::MAX.unsigned_abs()]));
    Ok(())
}

/// Floats from the smallest to the largest, and truth values. What is not equal to itself as stored is not asked for.
pub async fn floats_go_every_way<B: Backend>() -> Result<()> {
    let db = &scalars::empty::<B>().await?;
    let singles = [f32::MIN, f32::MIN_POSITIVE, f32::EPSILON, 0.0, -0.0, 0.1, 16_777_217.0, f32::MAX];
    let doubles = [
        f64::MIN,
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        -0.0,
        0.1,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
        1e-300,
        f64::MAX,
    ];
    case!(db, Floats::F32, f32, singles, false);
    case!(db, Floats::F64, f64, doubles);
    case!(db, Floats::BOOLEAN, boolean, [true, false]);
    case!(db, Optional::F32, f32, optional(&singles), false);
    case!(db, Optional::F64, f64, optional(&doubles));
    case!(db, Optional::BOOLEAN, boolean, optional(&[true, false]));
    Ok(())
}

/// Text of every plane, in both directions, and a mebibyte of it; bytes of every value.
pub async fn text_and_bytes_go_every_way<B: Backend>() -> Result<()> {
    let db = &scalars::empty::<B>().await?;
    let planes: String = (0..=0x10_u32)
        .flat_map(|plane| [(plane << 16) + 0x61, (plane << 16) + 0xfffd].map(char::from_u32))
        .flatten()
        .chain(['\u{10ffff}', '\u{d7ff}', '\u{e000}'])
        .collect();
    let texts = [
        String::new(),
        " ".to_owned(),
        "a ".to_owned(),
        "A".to_owned(),
        "a".to_owned(),
        planes,
        "e\u{301}".to_owned(),
        "\u{e9}".to_owned(),
        "שלום עולם مرحبا".to_owned(),
        "\u{202e}gnirts\u{202c}\u{feff}\u{200d}".to_owned(),
        "\r\n\t\u{1}\u{7f}".to_owned(),
        r#"it's "quoted" \ and \u0000 ? $1 {} %_ --"#.to_owned(),
        "ä".repeat(1 << 19),
    ];
    case!(db, Texts::TEXT, text, texts);
    let bytes = [Vec::new(), vec![0], (0..=u8::MAX).collect(), vec![0xff; 1 << 20]];
    case!(db, Texts::BYTES, bytes, bytes);
    case!(db, Optional::TEXT, text, optional(&texts[..6]));
    case!(db, Optional::BYTES, bytes, optional(&bytes));
    Ok(())
}

/// Dates, times and points in time at the edges of four-digit years, to the microsecond.
pub async fn dates_and_times_go_every_way<B: Backend>() -> Result<()> {
    let db = &scalars::empty::<B>().await?;
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let time = |hour, micro| NaiveTime::from_hms_micro_opt(hour, 59, 59, micro).unwrap_or_default();
    let dates =
        [date(1, 1, 1), date(1582, 10, 10), date(1969, 12, 31), date(2000, 2, 29), date(9999, 12, 31)];
    let times = [NaiveTime::default(), time(0, 1), time(12, 500_000), time(23, 999_999)];
    let moments: Vec<NaiveDateTime> =
        dates.iter().flat_map(|date| [date.and_time(times[0]), date.and_time(times[3])]).collect();
    let points: Vec<DateTime<Utc>> = moments.iter().map(NaiveDateTime::and_utc).collect();
    case!(db, Others::DATE, date, dates);
    case!(db, Others::TIME, time, times);
    case!(db, Others::DATETIME, datetime, moments);
    case!(db, Others::TIMESTAMP, timestamp, points);
    let offsets =
        [-43_200, 0, 19_800, 86_399].map(|seconds| FixedOffset::east_opt(seconds).unwrap_or(Utc.fix()));
    // Local times are only made of points that have one.
    let offsets: Vec<DateTime<FixedOffset>> = points[1..points.len() - 1]
        .iter()
        .zip(offsets.iter().cycle())
        .map(|(point, offset)| point.with_timezone(offset))
        .collect();
    case!(db, Others::OFFSET, offset, offsets);
    case!(db, Optional::DATE, date, optional(&dates));
    case!(db, Optional::TIME, time, optional(&times));
    case!(db, Optional::DATETIME, datetime, optional(&moments));
    case!(db, Optional::TIMESTAMP, timestamp, optional(&points));
    case!(db, Optional::OFFSET, offset, optional(&offsets));
    Ok(())
}

/// UUIDs, decimals of 28 digits behind the point and of 29 before it, JSON, enums and newtypes.
pub async fn other_types_go_every_way<B: Backend>() -> Result<()> {
    let db = &scalars::empty::<B>().await?;
    let uuids = [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)];
    case!(db, Others::UUID, uuid, uuids);
    case!(db, Optional::UUID, uuid, optional(&uuids));
    let decimals: Vec<Decimal> = [
        "0",
        "-79228162514264337593543950335",
        "79228162514264337593543950335",
        "0.0000000000000000000000000001",
        "-7.9228162514264337593543950335",
        "1.50",
        "9.99",
    ]
    .iter()
    .map(|text| text.parse().unwrap_or(Decimal::ONE_THOUSAND))
    .collect();
    case!(db, Others::DECIMAL, decimal, decimals);
    case!(db, Optional::DECIMAL, decimal, optional(&decimals));
    let documents: Vec<Json> = vec![
        json!(null),
        json!("\u{10ffff}\"\\é"),
        json!({"b": [1, -1.5, i64::MIN, i64::MAX, true, null, {"nested": []}], "a": {}}),
        // MariaDB takes 32 levels.
        (0..30).fold(json!(1), |inner, _| json!([inner])),
    ];
    case!(db, Others::JSON, json, documents, false);
    case!(db, Optional::JSON, json, optional(&documents), false);
    case!(db, Optional::SEASON, season, optional(&[Season::Spring, Season::HighSummer, Season::Autumn]));
    case!(db, Optional::LEVEL, level, optional(&[Level::Cellar, Level::Ground, Level::Roof]));
    Ok(())
}
