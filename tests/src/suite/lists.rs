//! Lists of values in one column: arrays where the database has such, JSON elsewhere.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime};
use futures::TryStreamExt;
use orm_core::driver::DriverErrorKind;
use orm_core::value::ValueError;
use orm_core::{Error, Result};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::fixtures::basket::{self, Basket, Fruit, Grams, NarrowBasket};
use crate::fixtures::wrong::list_as_key;
use crate::{Backend, TestDb};

/// Every list with the edges of what it holds.
pub(super) fn full() -> Basket {
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default();
    let texts =
        ["", "NULL", "null", "a,b", "{}", "[]", r#"q"u\o'te"#, " x ", "\r\n\t", "\u{10ffff}e\u{301}שלום"];
    Basket {
        id: 0,
        bools: vec![true, false],
        i8s: vec![i8::MIN, -1, i8::MAX],
        i16s: vec![i16::MIN, i16::MAX],
        i32s: vec![i32::MIN, 0, i32::MAX],
        i64s: vec![i64::MIN, i64::MAX],
        u16s: vec![0, u16::MAX],
        u32s: vec![0, u32::MAX],
        u64s: vec![0, i64::MAX.unsigned_abs()],
        f32s: vec![f32::MIN, f32::from_bits(1), 0.1, f32::MAX],
        f64s: vec![f64::MIN, f64::from_bits(1), 0.1, f64::MAX],
        texts: texts.map(str::to_owned).into(),
        bytes: vec![Vec::new(), vec![0, 255], b"text".to_vec()],
        uuids: vec![Uuid::nil(), Uuid::max()],
        dates: vec![date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)],
        times: vec![NaiveTime::default(), last],
        datetimes: vec![date(1, 1, 1).and_time(last), date(9999, 12, 31).and_time(last)],
        timestamps: vec![DateTime::default(), date(9999, 12, 31).and_time(last).and_utc()],
        decimals: ["0.00", "-79228162514264337593543950335", "0.0000000000000000000000000001"]
            .map(|text| text.parse().unwrap_or(Decimal::ONE))
            .into(),
        fruits: vec![Fruit::Pear, Fruit::Apple, Fruit::Pear],
        weights: vec![Grams(1), Grams(-1)],
        labels: Some(vec!["one".into()]),
        blob: vec![1, 2],
    }
}

async fn stored(db: &TestDb) -> Result<Vec<Basket>> {
    let found = db.em().find_all::<Basket>().order_by(Basket::ID.asc()).await?;
    Ok(found.iter().map(|one| Basket { id: 0, ..(*one.get()).clone() }).collect())
}

/// Lists come back in their order, alone and from sets of rows, empty ones and none at all too.
pub async fn lists_come_back<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    em.persist(full())?;
    em.flush().await?;
    let empty = Basket { labels: Some(Vec::new()), ..Basket::default() };
    for basket in [full(), Basket::default(), empty.clone()] {
        em.persist(basket)?;
    }
    em.flush().await?;
    assert_eq!(stored(&db).await?, [full(), full(), Basket::default(), empty]);
    Ok(())
}

/// They are changed by one row and by many, and unchanged lists are no change.
pub async fn lists_are_changed<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    for basket in [full(), Basket::default(), Basket::default()] {
        em.persist(basket)?;
    }
    em.flush().await?;
    let em = db.em();
    let baskets = em.find_all::<Basket>().order_by(Basket::ID.asc()).await?;
    db.recorder.reset();
    let same = baskets[0].get().texts.clone();
    baskets[0].edit().texts = same;
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    baskets[0].edit().texts.push("more".into());
    em.flush().await?;
    for basket in &baskets {
        let mut edit = basket.edit();
        edit.i64s = vec![3, 1, 2];
        edit.labels = None;
        edit.fruits.clear();
    }
    em.flush().await?;
    em.update_many(Basket::ID.gt(0)).set(Basket::I8S, vec![7_i8]).await?;
    let changed = |basket: Basket| Basket {
        i64s: vec![3, 1, 2],
        i8s: vec![7],
        labels: None,
        fruits: Vec::new(),
        ..basket
    };
    let mut first = changed(full());
    first.texts.push("more".into());
    assert_eq!(stored(&db).await?, [first, changed(Basket::default()), changed(Basket::default())]);
    Ok(())
}

/// A list is equal to one with the same elements in the same order.
pub async fn lists_are_compared_whole<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    for basket in [full(), Basket::default()] {
        em.persist(basket)?;
    }
    em.flush().await?;
    for condition in [
        Basket::I32S.eq(full().i32s),
        Basket::TEXTS.eq(full().texts),
        Basket::FRUITS.eq(full().fruits),
        Basket::WEIGHTS.eq(vec![Grams(1), Grams(-1)]),
        Basket::TEXTS.in_([full().texts, vec!["other".into()]]),
        Basket::TEXTS.ne(Vec::new()),
        Basket::LABELS.eq(vec!["one".to_owned()]),
        Basket::LABELS.is_not_null(),
    ] {
        assert_eq!(em.count(condition.clone()).await?, 1, "{condition:?}");
    }
    assert_eq!(em.count(Basket::WEIGHTS.eq(vec![Grams(-1), Grams(1)])).await?, 0);
    Ok(())
}

/// They are projected, streamed and cached.
pub async fn lists_are_read_in_every_way<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    for basket in [full(), Basket::default()] {
        em.persist(basket)?;
    }
    em.flush().await?;
    let lists = em
        .find_all::<Basket>()
        .select((Basket::TEXTS, Basket::LABELS, Basket::FRUITS))
        .order_by(Basket::ID.asc())
        .await?;
    assert_eq!(lists, [(full().texts, full().labels, full().fruits), (Vec::new(), None, Vec::new())]);
    let streamed: Vec<_> = em.find_all::<Basket>().stream().chunk_size(1).try_collect().await?;
    assert_eq!(streamed[0].get().decimals, full().decimals);
    for statements in [1, 1] {
        db.recorder.reset();
        let cached = db.em().find(Basket::I32S.eq(full().i32s)).cache(Duration::from_secs(60)).await?;
        assert_eq!(Basket { id: 0, ..(*cached[0].get()).clone() }, full());
        assert!(db.statements() <= statements);
    }
    Ok(())
}

/// What a list can't hold is refused by entity and field, and nothing is stored.
pub async fn elements_that_no_list_holds_are_refused<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    em.persist(Basket { u64s: vec![1, u64::MAX], ..Basket::default() })?;
    let error = em.flush().await.expect_err("no database holds it");
    assert!(matches!(error, Error::Value { entity: "Basket", field: "u64s", .. }), "{error:?}");

    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let em = db.em();
    em.persist(Basket { f64s: special.to_vec(), ..Basket::default() })?;
    match em.flush().await {
        Ok(()) => {
            let read = stored(&db).await?.remove(0).f64s;
            assert!(read[0].is_nan() && read[1..] == special[1..]);
        }
        Err(error) => {
            assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
            assert_eq!(stored(&db).await?, []);
        }
    }
    Ok(())
}

/// A stored element that the field's type can't hold is an error that names the field.
pub async fn a_stored_element_that_does_not_fit_is_refused<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    em.persist(Basket { i64s: vec![1, 1_000], ..Basket::default() })?;
    em.flush().await?;
    let narrow = db.beside(|builder| builder.entity::<NarrowBasket>()).await?;
    let error = narrow.em().find_all::<NarrowBasket>().await.expect_err("1000 is no i8");
    let Error::Value { entity: "NarrowBasket", field: "i64s", source, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(source, ValueError::OutOfRange { expected: "i8" });
    Ok(())
}

/// A list is no key.
pub async fn a_list_as_key_is_refused<B: Backend>() -> Result<()> {
    let error =
        TestDb::open::<B>(|builder| builder.entity::<list_as_key::Route>()).await.expect_err("a list");
    assert!(error.to_string().contains("Route.stops: a list can't be a key"), "{error}");
    Ok(())
}
