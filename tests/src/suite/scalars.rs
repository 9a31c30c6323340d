//! Every type that a column can hold comes back as it was written, at its edges too; what no column can hold is a
//! typed error.

use std::error::Error as _;

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use orm_core::driver::DriverErrorKind;
use orm_core::{Collection, Condition, Entity, Error, Loaded, NewEntity, Ref, Result, Writable};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::fixtures::scalars::{
    self, Colour, Floats, Integers, Level, Metres, Optional, Others, Own, Season, Texts,
};
use crate::{Backend, TestDb};

/// Integers of every width, signed and not.
pub async fn integers_come_back_at_their_edges<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let least = Integers {
        i8: i8::MIN,
        i16: i16::MIN,
        i32: i32::MIN,
        i64: i64::MIN,
        isize: isize::MIN,
        ..Integers::default()
    };
    let most = Integers {
        i8: i8::MAX,
        i16: i16::MAX,
        i32: i32::MAX,
        i64: i64::MAX,
        isize: isize::MAX,
        u8: u8::MAX,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: i64::MAX.unsigned_abs(),
        usize: isize::MAX.unsigned_abs(),
        ..Integers::default()
    };
    let minus_one = Integers { i8: -1, i16: -1, i32: -1, i64: -1, isize: -1, ..Integers::default() };
    for written in [least, most, minus_one] {
        let read = round_trip(&db, written.clone()).await?;
        let all = |one: &Integers| {
            let signed = (one.i8, one.i16, one.i32, one.i64, one.isize);
            (signed, (one.u8, one.u16, one.u32, one.u64, one.usize))
        };
        assert_eq!(all(&read.get()), all(&written));
    }
    Ok(())
}

/// The upper half of `u64` is refused where it is written, and never wraps: in inserts, updates and conditions.
pub async fn the_upper_half_of_u64_is_refused<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    let too_large = i64::MAX.unsigned_abs() + 1;
    let entity = em.persist(Integers { u64: too_large, ..Integers::default() })?;
    let refused = |error: &Error| {
        assert!(
            matches!(error, Error::Value { entity: "Integers", field: "u64", column, .. } if column == "u64")
        );
        assert!(!error.to_string().contains("9223372036854775808"), "{error}");
    };
    refused(&em.flush().await.expect_err("no column holds it"));
    assert_eq!(db.statements(), 0);

    entity.edit().u64 = 1;
    em.flush().await?;
    entity.edit().u64 = u64::MAX;
    refused(&em.flush().await.expect_err("no column holds it"));
    assert_eq!(db.em().count(Integers::U64.eq(1_u64)).await?, 1);

    for condition in [
        Integers::U64.eq(too_large),
        Integers::U64.gt(u64::MAX),
        Integers::U64.in_([1, too_large]),
        Integers::U64.between(1_u64, u64::MAX),
        Integers::U64.eq(1_u64).or(Integers::U64.ne(u64::MAX).not()),
    ] {
        refused(&db.em().find(condition).await.expect_err("no column holds it"));
    }
    Ok(())
}

/// Floats, from the smallest to infinity. Zero keeps its value; its sign is the database's affair.
pub async fn floats_come_back_at_their_edges<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let singles = [f32::MIN, f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), f32::EPSILON, 0.1, 1.0, -0.0];
    let doubles = [f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), f64::EPSILON, 0.1, 2.0, -0.0];
    for (f32, f64) in singles.into_iter().zip(doubles) {
        let read = round_trip(&db, Floats { f32, f64, ..Floats::default() }).await?.get();
        assert_eq!((read.f32, read.f64), (f32, f64));
        if f64 != 0.0 {
            assert_eq!((read.f32.to_bits(), read.f64.to_bits()), (f32.to_bits(), f64.to_bits()));
        }
    }
    for (f32, f64) in [(f32::INFINITY, f64::INFINITY), (f32::NEG_INFINITY, f64::NEG_INFINITY)] {
        let read = round_trip(&db, Floats { f32, f64, ..Floats::default() }).await;
        match B::facts().keeps_infinity {
            true => {
                let read = read?.get();
                assert_eq!((read.f32, read.f64), (f32, f64));
            }
            false => assert_unsupported(read.map(drop)),
        }
    }
    Ok(())
}

/// NaN comes back as NaN, or is refused by entity and field; it never becomes something else.
pub async fn nan_comes_back_or_is_refused<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    let entity = em.persist(Floats { f64: f64::NAN, ..Floats::default() })?;
    match em.flush().await {
        Ok(()) => {
            let read = db.em().find_by_id::<Floats>(entity.id()).await?.expect("it was inserted");
            assert!(read.get().f64.is_nan());
        }
        Err(error) => {
            assert_refused(&error, "Floats.f64");
            assert_eq!(db.em().count(Condition::<Floats>::always()).await?, 0);
        }
    }
    Ok(())
}

/// Truth values.
pub async fn truth_values_come_back<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    for boolean in [true, false] {
        let read = round_trip(&db, Floats { boolean, ..Floats::default() }).await?;
        assert_eq!(read.get().boolean, boolean);
    }
    assert_eq!(db.em().count(Floats::BOOLEAN.eq(true)).await?, 1);
    Ok(())
}

/// Text of every plane, empty, long, with quotes, controls and NUL.
pub async fn text_comes_back_whatever_is_in_it<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let planes: String = (0..=0x10).filter_map(|plane: u32| char::from_u32((plane << 16) + 0x61)).collect();
    let edges = "\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}".to_owned();
    let long = "äöü".repeat(100_000);
    let quotes = r#"it's a "quote", a \ backslash, a ? and a ; and %_ -- DROP"#.to_owned();
    let texts = ["", " ", "\0", "a\0b", "\r\n\t", "e\u{301}\u{200d}🏳️‍🌈", "0", "NULL"].map(str::to_owned);
    for text in texts.into_iter().chain([planes, edges, long, quotes]) {
        if text.contains('\0') && !B::facts().keeps_nul {
            let refused = round_trip(&db, Texts { text, ..Texts::default() }).await;
            assert_unsupported(refused.map(drop));
            continue;
        }
        let read = round_trip(&db, Texts { text: text.clone(), ..Texts::default() }).await?;
        assert_eq!(read.get().text, text);
        let found = db.em().find(Texts::TEXT.eq(text)).await?;
        assert_eq!(found.iter().map(Loaded::id).collect::<Vec<_>>(), [read.id()]);
    }
    Ok(())
}

/// What the database can't hold is told before it is sent.
#[track_caller]
fn assert_unsupported(stored: Result<()>) {
    let error = stored.expect_err("the database holds no NUL there");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
}

/// Bytes: none, every one, and what looks like text.
pub async fn bytes_come_back_whatever_they_are<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let every: Vec<u8> = (0..=u8::MAX).collect();
    for bytes in [Vec::new(), vec![0], every.clone(), every.repeat(1_000), b"text".to_vec(), vec![0xff, 0xfe]]
    {
        let read = round_trip(&db, Texts { bytes: bytes.clone(), ..Texts::default() }).await?;
        assert_eq!(read.get().bytes, bytes);
        let found = db.em().find(Texts::BYTES.eq(bytes)).await?;
        assert_eq!(found.iter().map(Loaded::id).collect::<Vec<_>>(), [read.id()]);
    }
    Ok(())
}

/// UUIDs: none, all bits, and of every version.
pub async fn uuids_come_back<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    for uuid in [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)] {
        let read = round_trip(&db, Others { uuid, ..Others::default() }).await?;
        assert_eq!(read.get().uuid, uuid);
        assert_eq!(db.em().count(Others::UUID.eq(uuid)).await?, 1);
        remove_all::<Others>(&db).await?;
    }
    Ok(())
}

/// Dates and times to the microsecond, before and after 1970, at the edges of four-digit years.
pub async fn dates_and_times_come_back_to_the_microsecond<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("it exists");
    let time = |h, m, s, micro| NaiveTime::from_hms_micro_opt(h, m, s, micro).expect("it exists");
    let dates =
        [date(1, 1, 1), date(1582, 10, 10), date(1969, 12, 31), date(2000, 2, 29), date(9999, 12, 31)];
    let times = [
        time(0, 0, 0, 0),
        time(0, 0, 0, 1),
        time(11, 59, 59, 999_999),
        time(12, 0, 0, 0),
        time(23, 59, 59, 999_999),
    ];
    for (date, time) in dates.into_iter().zip(times) {
        let datetime = NaiveDateTime::new(date, time);
        let written = Others { date, time, datetime, timestamp: datetime.and_utc(), ..Others::default() };
        let read = round_trip(&db, written).await?.get();
        assert_eq!((read.date, read.time, read.datetime), (date, time, datetime));
        assert_eq!(read.timestamp, datetime.and_utc());
        let by_value =
            Others::DATE.eq(date).and(Others::TIME.eq(time)).and(Others::TIMESTAMP.eq(datetime.and_utc()));
        assert_eq!(db.em().count(by_value.and(Others::DATETIME.eq(datetime))).await?, 1);
    }
    let ordered = db.em().find_all::<Others>().order_by(Others::TIMESTAMP.asc()).await?;
    assert!(ordered.is_sorted_by_key(|one| one.get().timestamp));
    let ordered = db.em().find_all::<Others>().order_by(Others::DATE.desc()).await?;
    assert!(ordered.is_sorted_by_key(|one| std::cmp::Reverse(one.get().date)));
    Ok(())
}

/// What is finer than a microsecond is cut off, in memory and database alike, and is no change.
pub async fn finer_than_a_microsecond_is_no_change<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    let timestamp = DateTime::<Utc>::from_timestamp(1_700_000_000, 123_456_789).expect("it exists");
    let written = em.persist(Others { timestamp, ..Others::default() })?;
    em.flush().await?;
    let read = em.find_one_or_fail(Others::ID.eq(written.id())).await?;
    assert!(read == written);
    db.recorder.reset();

    em.flush().await?;
    read.edit().timestamp = timestamp + Duration::nanoseconds(100);
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    let other = db.em().find_by_id::<Others>(written.id()).await?.expect("it was inserted");
    assert_eq!(other.get().timestamp.timestamp_micros(), timestamp.timestamp_micros());
    Ok(())
}

/// A point in time is the same whatever offset it is shown in, so that another offset is no change; it comes back in UTC.
pub async fn an_offset_is_not_kept<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    let point = DateTime::<Utc>::from_timestamp(1_700_000_000, 123_456_000).expect("it exists");
    let at = |seconds| point.with_timezone(&FixedOffset::east_opt(seconds).expect("it is less than a day"));
    let written = em.persist(Others { offset: at(19_800), ..Others::default() })?;
    em.flush().await?;
    assert_eq!(written.get().offset.to_string(), "2023-11-15 03:43:20.123456 +05:30", "memory keeps it");
    db.recorder.reset();
    written.edit().offset = at(-3_600);
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    for offset in [at(0), at(19_800), at(-3_600)] {
        let read = db.em().find_one_or_fail(Others::OFFSET.eq(offset)).await?;
        assert_eq!(read.get().offset, offset);
        assert_eq!(read.get().offset.to_string(), "2023-11-14 22:13:20.123456 +00:00");
    }
    Ok(())
}

/// Years that the database has no place for are refused by entity and field, or come back.
pub async fn years_out_of_range_come_back_or_are_refused<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    for date in [NaiveDate::MIN, NaiveDate::MAX] {
        let em = db.em();
        let entity = em.persist(Others { date, ..Others::default() })?;
        match em.flush().await {
            Ok(()) => {
                let read = db.em().find_by_id::<Others>(entity.id()).await?.expect("it was inserted");
                assert_eq!(read.get().date, date);
            }
            Err(error) => assert_refused(&error, "Others.date"),
        }
    }
    Ok(())
}

/// Decimals keep every digit and their scale, and compare as numbers.
pub async fn decimals_keep_every_digit<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let texts = ["0", "0.00", "1.50", "-0.01", "10", "9.99", "79228162514264337593543950335"];
    let smallest = "0.0000000000000000000000000001";
    for text in texts.into_iter().chain([smallest, "-79228162514264337593543950335"]) {
        let decimal: Decimal = text.parse().expect("it is a decimal");
        let read = round_trip(&db, Others { decimal, ..Others::default() }).await?;
        let expected = if B::facts().keeps_scale { text.to_owned() } else { decimal.normalize().to_string() };
        assert_eq!(read.get().decimal.to_string(), expected);
    }
    let em = db.em();
    assert_eq!(em.count(Others::DECIMAL.eq(Decimal::new(150, 2))).await?, 1);
    assert_eq!(em.count(Others::DECIMAL.eq(Decimal::new(15, 1))).await?, 1);
    assert_eq!(em.count(Others::DECIMAL.eq(Decimal::ZERO)).await?, 2);
    let above_nine = Others::DECIMAL.gt(Decimal::from(9)).and(Others::DECIMAL.lte(Decimal::from(10)));
    let found = em.find(above_nine).order_by(Others::DECIMAL.desc()).await?;
    assert_eq!(found.iter().map(|one| one.get().decimal.to_string()).collect::<Vec<_>>(), ["10", "9.99"]);
    Ok(())
}

/// JSON of every shape; its null is a value, not NULL.
pub async fn json_comes_back<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let deep = (1..B::facts().json_depth).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        json!(null),
        json!(true),
        json!(""),
        json!("\u{0}\u{10ffff}\"\\"),
        json!([]),
        json!({}),
        json!({"b": 1, "a": [null, 1.5, i64::MIN, u64::MAX, {"nested": "ä"}]}),
        deep,
    ];
    for value in values {
        let stored = round_trip(&db, Others { json: value.clone(), ..Others::default() }).await;
        match value.as_str().is_some_and(|text| text.contains('\0')) && !B::facts().keeps_nul {
            true => assert_unsupported(stored.map(drop)),
            false => assert_eq!(stored?.get().json, value),
        }
    }
    let null = round_trip(&db, Optional { json: Some(Json::Null), ..Optional::default() }).await?;
    let none = round_trip(&db, Optional::default()).await?;
    assert_eq!((null.get().json.clone(), none.get().json.clone()), (Some(Json::Null), None));
    Ok(())
}

/// Enums are stored as text or integer, newtypes as what is in them; both work as keys and in conditions.
pub async fn enums_and_newtypes_come_back<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let all = [
        (Colour("red".into()), Season::Spring, Level::Cellar, Metres(0.5)),
        (Colour(String::new()), Season::HighSummer, Level::Ground, Metres(-1.0)),
        (Colour("grün".into()), Season::Autumn, Level::Roof, Metres(1e300)),
    ];
    for (colour, season, level, metres) in all.clone() {
        let em = db.em();
        em.persist(Own { colour: colour.clone(), season, level, metres })?;
        em.flush().await?;
        let read = db.em().find_by_id::<Own>(colour).await?.expect("it was inserted").get();
        assert_eq!((read.season, read.level, read.metres), (season, level, metres));
    }
    let em = db.em();
    assert_eq!(em.count(Own::SEASON.eq(Season::HighSummer)).await?, 1);
    assert_eq!(em.count(Own::SEASON.in_([Season::Spring, Season::Autumn])).await?, 2);
    assert_eq!(em.count(Own::LEVEL.gt(Level::Cellar)).await?, 2);
    assert_eq!(em.count(Own::METRES.lt(Metres(0.0))).await?, 1);
    assert_eq!(em.count(Own::COLOUR.eq(Colour("red".into()))).await?, 1);
    Ok(())
}

/// How enums are stored is fixed by their attributes, so that other programs can read them.
pub async fn enums_are_stored_as_their_attributes_say<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    for (name, season, level) in [
        ("a", Season::Spring, Level::Cellar),
        ("b", Season::HighSummer, Level::Ground),
        ("c", Season::Autumn, Level::Roof),
    ] {
        em.persist(Own { colour: Colour(name.into()), season, level, metres: Metres(1.0) })?;
    }
    em.flush().await?;

    let plain = db.beside(|builder| builder.entity::<PlainOwn>()).await?;
    let rows = plain.em().find_all::<PlainOwn>().order_by(PlainOwn::COLOUR.asc()).await?;
    let stored: Vec<(String, i64)> =
        rows.iter().map(|row| (row.get().season.clone(), row.get().level)).collect();
    assert_eq!(stored, [("spring".into(), -1), ("high_summer".into(), 0), ("fall".into(), 100)]);
    Ok(())
}

/// [`Own`] as another program sees its table.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "own")]
struct PlainOwn {
    #[entity(id)]
    colour: String,
    season: String,
    level: i64,
    metres: f64,
}

/// Every type as an `Option`: `None` is NULL, and `Some` of the emptiest value is not.
pub async fn options_tell_none_from_empty<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let none = round_trip(&db, Optional::default()).await?;
    assert_eq!(*none.get(), Optional { id: none.id(), ..Optional::default() });
    let empty = Optional {
        id: 0,
        i8: Some(0),
        i64: Some(0),
        u64: Some(0),
        f32: Some(0.0),
        f64: Some(0.0),
        boolean: Some(false),
        text: Some(String::new()),
        bytes: Some(Vec::new()),
        uuid: Some(Uuid::nil()),
        date: Some(NaiveDate::default()),
        time: Some(NaiveTime::default()),
        datetime: Some(NaiveDateTime::default()),
        timestamp: Some(DateTime::default()),
        offset: Some(DateTime::default()),
        decimal: Some(Decimal::ZERO),
        json: Some(json!({})),
        season: Some(Season::default()),
        level: Some(Level::default()),
        colour: Some(Colour::default()),
    };
    let read = round_trip(&db, empty.clone()).await?;
    assert_eq!(*read.get(), Optional { id: read.id(), ..empty });
    assert_eq!(db.em().find(Optional::TEXT.is_null().and(Optional::BYTES.is_null())).await?.len(), 1);
    Ok(())
}

/// An `Option` is set and emptied by updates.
pub async fn options_are_set_and_emptied<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    let entity = em.persist(Optional { text: Some("text".into()), ..Optional::default() })?;
    em.flush().await?;
    entity.edit().text = None;
    entity.edit().decimal = Some(Decimal::new(150, 2));
    entity.edit().season = Some(Season::Autumn);
    em.flush().await?;
    let read = db.em().find_by_id::<Optional>(entity.id()).await?.expect("it was inserted").get();
    assert_eq!(
        (read.text.as_deref(), read.decimal, read.season),
        (None, Some(Decimal::new(150, 2)), Some(Season::Autumn))
    );
    Ok(())
}

/// What was loaded is no change: not JSON, floats, decimals, dates nor bytes. Case E111.
pub async fn what_was_loaded_is_no_change<B: Backend>() -> Result<()> {
    let db = scalars::empty::<B>().await?;
    let em = db.em();
    em.persist(Floats { f32: 0.1, f64: -0.0, ..Floats::default() })?;
    em.persist(Others {
        decimal: Decimal::new(150, 2),
        json: json!({"b": 1, "a": 1.0}),
        ..Others::default()
    })?;
    em.persist(Texts { bytes: vec![0, 255], ..Texts::default() })?;
    em.flush().await?;
    let em = db.em();
    let (floats, others) = (em.find_all::<Floats>().await?, em.find_all::<Others>().await?);
    em.find_all::<Texts>().await?;
    em.find_all::<Others>().await?;
    db.recorder.reset();

    let json = others[0].get().json.clone();
    others[0].edit().json = json;
    let same = floats[0].get().f64;
    floats[0].edit().f64 = same;
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Every field type is plain data: it is cloned, compared and shown without a database.
pub async fn relation_fields_are_plain_data<B: Backend>() -> Result<()> {
    let key: Ref<Own> = Ref::key(Colour("red".into()));
    assert_eq!(key, key.clone());
    assert_eq!(format!("{key:?}"), r#"Own[Colour("red")]"#);
    assert_eq!((Ref::<Own>::default(), Collection::<Own>::default()), (Ref::default(), Collection::new()));
    Ok(())
}

/// A value that this one database has no place for is the driver's to refuse; the cause says where it stands.
#[track_caller]
fn assert_refused(error: &Error, place: &str) {
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
    let cause = error.source().expect("the driver says why").to_string();
    assert!(cause.contains(place), "{cause}");
}

/// The entity as another context reads it after a flush.
async fn round_trip<T: Writable>(db: &TestDb, written: T) -> Result<Loaded<T>> {
    let em = db.em();
    let entity: Loaded<T, NewEntity> = em.persist(written)?;
    em.flush().await?;
    let key = entity.try_id().expect("it was flushed");
    Ok(db.em().find_by_id::<T>(key).await?.expect("it was inserted"))
}

async fn remove_all<T: Writable>(db: &TestDb) -> Result<()> {
    let em = db.em();
    em.find_all::<T>().await?.iter().try_for_each(|entity| em.remove(entity))?;
    em.flush().await
}
