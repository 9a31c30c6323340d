//! Conditions on the elements of lists.

use std::rc::Rc;

use chrono::{DateTime, NaiveDate, NaiveTime};
use orm_core::driver::DriverErrorKind;
use orm_core::value::ArrayElement;
use orm_core::{Condition, Error, Field, Loaded, Result};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::fixtures::basket::{self, Basket, Fruit, Grams};
use crate::fixtures::recipe::{self, Cook, Meeting, Recipe};
use crate::suite::lists::full;
use crate::{Backend, TestDb, hostile};

/// Every element of every kind is found in the list that has it, at the edges of the kind too, and nothing else is.
pub async fn elements_of_every_kind_are_found<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    for basket in [full(), Basket::default()] {
        em.persist(basket)?;
    }
    em.flush().await?;
    macro_rules! check {
        ($($list:ident $field:ident $missing:expr;)+) => { $(
            let (list, missing) = (full().$list, $missing);
            for element in &list {
                assert_eq!(em.count(Basket::$field.contains(element)).await?, 1, "{element:?}");
            }
            assert_eq!(em.count(Basket::$field.contains(&missing)).await?, 0, "{missing:?}");
            assert_eq!(em.count(Basket::$field.contains_all(&list)).await?, 1, "{list:?}");
            assert_eq!(em.count(Basket::$field.contains_all(list.iter().chain([&missing]))).await?, 0);
            assert_eq!(em.count(Basket::$field.overlaps([&missing])).await?, 0, "{missing:?}");
            assert_eq!(em.count(Basket::$field.overlaps([&missing, &list[0]])).await?, 1, "{list:?}");
            assert_eq!(em.count(Basket::$field.is_empty()).await?, 1, "{list:?}");
            let length = i64::try_from(list.len()).unwrap_or_default();
            assert_eq!(em.count(Basket::$field.length().eq(length)).await?, 1, "{list:?}");
        )+ };
    }
    let date = NaiveDate::default();
    check! {
        i8s I8S 1;
        i16s I16S 1;
        i32s I32S 1;
        i64s I64S i64::MAX - 1;
        u16s U16S 1;
        u32s U32S 1;
        u64s U64S i64::MAX.unsigned_abs() - 1;
        f32s F32S 0.25;
        f64s F64S 0.1 + 0.2;
        texts TEXTS "A,B".to_owned();
        bytes BYTES vec![0];
        uuids UUIDS Uuid::from_u128(1);
        dates DATES date;
        times TIMES NaiveTime::from_hms_micro_opt(0, 0, 0, 1).unwrap_or_default();
        datetimes DATETIMES date.and_time(NaiveTime::default());
        timestamps TIMESTAMPS DateTime::from_timestamp_micros(1).unwrap_or_default();
        decimals DECIMALS Decimal::ONE;
        weights WEIGHTS Grams(2);
    }
    for (condition, found) in [
        (Basket::BOOLS.contains(true).and(Basket::BOOLS.contains_all([false, true])), 1),
        (Basket::FRUITS.contains(Fruit::Pear).and(Basket::FRUITS.overlaps([Fruit::Apple])), 1),
        (Basket::LABELS.contains("one"), 1),
        (Basket::LABELS.contains("on"), 0),
        (Basket::LABELS.is_empty(), 0),
    ] {
        assert_eq!(em.count(condition.clone()).await?, found, "{condition:?}");
    }
    Ok(())
}

/// Elements are as equal as columns of them are: decimals by their number, a negative zero is one.
pub async fn elements_are_compared_as_columns_are<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    em.persist(Basket {
        decimals: vec![Decimal::new(150, 2)],
        f64s: vec![-0.0, 1e300],
        ..Basket::default()
    })?;
    em.flush().await?;
    for condition in [
        Basket::DECIMALS.contains(Decimal::new(15, 1)),
        Basket::DECIMALS.contains_all([Decimal::new(1500, 3), Decimal::new(15, 1)]),
        Basket::DECIMALS.overlaps([Decimal::ONE, Decimal::new(15, 1)]),
        Basket::F64S.contains(0.0),
        Basket::F64S.overlaps([0.0, 2.0]),
        Basket::F64S.contains_all([1e300, -0.0, 1e300]),
    ] {
        assert_eq!(em.count(condition.clone()).await?, 1, "{condition:?}");
    }
    Ok(())
}

/// What is compared with nothing is refused by entity and field; what the database's lists can't hold is refused or not
/// found.
pub async fn what_no_list_holds_is_not_found<B: Backend>() -> Result<()> {
    let db = basket::empty::<B>().await?;
    let em = db.em();
    for condition in [Basket::F64S.contains(f64::NAN), Basket::F32S.overlaps([1.0, f32::NAN])] {
        let error = em.count(condition).await.expect_err("nothing is equal to it");
        assert!(matches!(error, Error::Value { entity: "Basket", .. }), "{error:?}");
    }
    let error = em.count(Basket::U64S.contains_all([1, u64::MAX])).await.expect_err("no column holds it");
    assert!(matches!(error, Error::Value { entity: "Basket", field: "u64s", .. }), "{error:?}");
    match em.count(Basket::F64S.contains(f64::INFINITY)).await {
        Ok(found) => assert_eq!(found, 0),
        Err(error) => {
            assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
            assert!(format!("{error:?}").contains("Basket.f64s"), "{error:?}");
        }
    }
    Ok(())
}

/// An element means just its text, whatever it looks like, and is no pattern and no part of another one.
pub async fn elements_mean_their_text<B: Backend>() -> Result<()> {
    let mut texts = hostile::texts();
    if B::facts().keeps_nul {
        texts.extend(hostile::texts_with_nul());
    }
    let db = recipe::empty::<B>().await?;
    let em = db.em();
    let recipes = texts
        .iter()
        .map(|one| Recipe { labels: Some(vec!["common".into(), one.text.clone()]), ..Recipe::default() });
    em.insert_many(recipes).await?;
    for hostile in &texts {
        let text = hostile.text.as_str();
        for condition in [
            Recipe::LABELS.contains(text),
            Recipe::LABELS.contains_all(["common", text]),
            Recipe::LABELS.overlaps(["no such", text]),
        ] {
            let found = em.find(condition).select(Recipe::LABELS).await?;
            assert!(
                matches!(found.as_slice(), [Some(labels)] if labels[1] == text),
                "{hostile:?} finds {} rows",
                found.len()
            );
        }
    }
    Ok(())
}

/// What a condition means for a list, or for none: true, false or unknown.
type Meaning<V> = Rc<dyn Fn(Option<&[V]>) -> Option<bool>>;

/// A list of recipes.
type ListOf<V> = Field<Recipe, Option<Vec<V>>>;

/// Every condition on a list of some of four elements, and its opposite, with what they mean.
fn conditions<V: ArrayElement + PartialEq>(
    field: ListOf<V>,
    elements: &[V; 4],
) -> Vec<(Condition<Recipe>, Meaning<V>)> {
    let mut all: Vec<(Condition<Recipe>, Meaning<V>)> = Vec::new();
    for element in elements.clone() {
        let condition = field.contains(element.clone());
        all.push((condition, Rc::new(move |list| Some(list?.contains(&element)))));
    }
    for part in parts(elements) {
        let (condition, values) = (field.contains_all(&part), part.clone());
        all.push((
            condition,
            Rc::new(move |list| list.map(|list| values.iter().all(|one| list.contains(one)))),
        ));
        let condition = field.overlaps(&part);
        all.push((
            condition,
            Rc::new(move |list| list.map(|list| part.iter().any(|one| list.contains(one)))),
        ));
    }
    all.push((field.is_empty(), Rc::new(|list| Some(list?.is_empty()))));
    all.push((field.length().gt(2), Rc::new(|list| Some(list?.len() > 2))));
    let opposites = all.iter().cloned().map(|(condition, meaning)| {
        let opposite: Meaning<V> = Rc::new(move |list| meaning(list).map(|truth| !truth));
        (condition.not(), opposite)
    });
    let opposites: Vec<_> = opposites.collect();
    all.into_iter().chain(opposites).collect()
}

/// Some of four elements, in every way.
fn parts<V: Clone>(elements: &[V; 4]) -> Vec<Vec<V>> {
    let is_in = |number: u32, at: usize| number >> at & 1 == 1;
    let part = |number| (0..4).filter(|at| is_in(number, *at)).map(|at| elements[at].clone()).collect();
    (0..16).map(part).collect()
}

/// Texts that are easily taken for one another.
fn labels() -> [String; 4] {
    ["a", "A", "a ", "a,b"].map(str::to_owned)
}

/// Integers that are the same as floats.
fn numbers() -> [i64; 4] {
    let large = 1 << 53;
    [0, -1, large, large + 1]
}

/// A recipe with each part of labels and of numbers, and one with neither list.
async fn every_part<B: Backend>() -> Result<(TestDb, Vec<Loaded<Recipe>>)> {
    let db = recipe::empty::<B>().await?;
    let em = db.em();
    for (labels, numbers) in parts(&labels()).into_iter().zip(parts(&numbers())) {
        em.persist(Recipe { labels: Some(labels), numbers: Some(numbers), ..Recipe::default() })?;
    }
    em.persist(Recipe::default())?;
    em.flush().await?;
    let recipes = em.find_all::<Recipe>().order_by(Recipe::ID.asc()).await?;
    Ok((db, recipes))
}

/// The database and memory find the same lists, whatever is asked of them; the opposite of unknown is unknown.
pub async fn lists_meet_conditions_as_in_memory<B: Backend>() -> Result<()> {
    let (db, recipes) = every_part::<B>().await?;
    check(&db, &recipes, Recipe::LABELS, &labels(), |recipe| recipe.labels.as_deref()).await?;
    check(&db, &recipes, Recipe::NUMBERS, &numbers(), |recipe| recipe.numbers.as_deref()).await
}

async fn check<V: ArrayElement + PartialEq>(
    db: &TestDb,
    recipes: &[Loaded<Recipe>],
    field: ListOf<V>,
    elements: &[V; 4],
    list: fn(&Recipe) -> Option<&[V]>,
) -> Result<()> {
    let em = db.em();
    for (condition, meaning) in conditions(field, elements) {
        let found = em.find(condition.clone()).select(Recipe::ID).order_by(Recipe::ID.asc()).await?;
        let expected = recipes.iter().filter(|recipe| meaning(list(&recipe.get())) == Some(true));
        assert_eq!(found, expected.map(Loaded::id).collect::<Vec<_>>(), "{condition:?}");
    }
    Ok(())
}

/// A filter that asks for elements finds by key what the database would find; of numbers without asking it.
pub async fn a_filter_on_elements_is_not_bypassed<B: Backend>() -> Result<()> {
    let (db, recipes) = every_part::<B>().await?;
    let em = db.em();
    em.find_all::<Recipe>().await?;
    for (condition, meaning) in conditions(Recipe::NUMBERS, &numbers()) {
        em.set_filter_params(Meeting(condition.clone()))?;
        for recipe in &recipes {
            let is_found = em.find_by_id::<Recipe>(recipe.id()).await?.is_some();
            let is_met = meaning(recipe.get().numbers.as_deref()) == Some(true);
            assert_eq!(is_found, is_met, "{condition:?} of {:?}", recipe.get().numbers);
        }
    }
    em.set_filter_params(Meeting(Recipe::NUMBERS.contains(0).or(Recipe::NUMBERS.overlaps([-1]))))?;
    db.recorder.reset();
    for (at, is_found) in [(0, false), (1, true), (2, true), (16, false)] {
        assert_eq!(em.find_by_id::<Recipe>(recipes[at].id()).await?.is_some(), is_found, "{at}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// They are asked through relations, beside other conditions, and of what is written in bulk.
pub async fn elements_are_asked_for_everywhere<B: Backend>() -> Result<()> {
    let db = recipe::empty::<B>().await?;
    let em = db.em();
    for (skills, label) in [(vec!["bread", "soup"], "warm"), (vec!["soup"], "cold"), (vec![], "raw")] {
        let skills = skills.into_iter().map(str::to_owned).collect();
        let recipe = Recipe { labels: Some(vec![label.into()]), ..Recipe::default() };
        em.persist(Cook { skills, recipes: vec![recipe].into(), ..Cook::default() })?;
    }
    em.flush().await?;
    let em = db.em();
    assert_eq!(em.count(Recipe::COOK.is(Cook::SKILLS.contains("soup"))).await?, 2);
    assert_eq!(em.count(Recipe::COOK.is(Cook::SKILLS.is_empty())).await?, 1);
    let warm = Cook::RECIPES.some(Recipe::LABELS.overlaps(["warm", "hot"]));
    assert_eq!(em.count(warm.and(Cook::SKILLS.contains_all(["soup", "bread"]))).await?, 1);
    assert_eq!(em.count(Cook::RECIPES.every(Recipe::LABELS.contains("cold"))).await?, 1);
    let lengths = em.find_all::<Cook>().select(Cook::SKILLS.length()).order_by(Cook::SKILLS.length().desc());
    assert_eq!(lengths.await?, [Some(2), Some(1), Some(0)]);

    let changed = em.update_many(Recipe::LABELS.contains("raw")).set(Recipe::NUMBERS, vec![1_i64]).await?;
    assert_eq!(changed, 1);
    assert_eq!(em.delete_many(Recipe::NUMBERS.contains(1).or(Recipe::LABELS.overlaps(["cold"]))).await?, 2);
    assert_eq!(em.count(Condition::<Recipe>::always()).await?, 1);
    Ok(())
}
