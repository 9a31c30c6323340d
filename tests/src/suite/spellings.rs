//! Keys that the database holds equal and Rust does not, since the table has a collation that the program did not choose:
//! however a row is asked for, the context has one instance of it.

use std::collections::BTreeSet;

use orm_core::{Error, LoadStrategy, LockMode, Result, View};

use crate::backend::Spelling;
use crate::fixtures::spelling::{City, Club, Country, seeded};
use crate::{Backend, TestDb};

/// The row of the first country, as it spells its key.
async fn first_code(db: &TestDb) -> Result<String> {
    db.em().find_one_or_fail(Country::NAME.eq("one")).await.map(|one| one.id())
}

/// A key in another spelling leads to the row's entity, which keeps the row's key; asked for again, without a statement.
pub async fn a_row_asked_for_in_another_spelling_is_one_entity<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let code = first_code(&db).await?;
        let other = spelling.other[0];
        assert_ne!(code, other);
        let em = db.em();
        let one = em.find_by_id::<Country>(other).await?.expect("it is there");
        assert_eq!((one.id(), em.managed_count()?), (code.clone(), 1));
        db.recorder.reset();
        assert!(em.find_by_id::<Country>(other).await?.is_some_and(|found| found == one));
        assert!(em.find_by_id::<Country>(code.as_str()).await?.is_some_and(|found| found == one));
        assert!(em.get_reference::<Country>(other)?.get()? == one);
        assert!(em.get_reference::<Country>(other)? == em.get_reference::<Country>(code.as_str())?);
        assert_eq!(db.statements(), 0);
        assert!(em.find_all::<Country>().await?.contains(&one));
        assert_eq!(em.managed_count()?, 3);
        assert!(em.find_by_id::<Country>("none").await?.is_none());

        one.edit().name = "first".into();
        em.flush().await?;
        let names = db.em().find_all::<Country>().order_by(Country::CODE.asc()).select(Country::NAME).await?;
        assert_eq!(names, ["first", "two", "three"]);
    }
    Ok(())
}

/// Columns of a fixed length are filled up by some databases, which is nobody's business: their keys are what was written.
pub async fn keys_of_a_fixed_length_are_as_they_were_written<B: Backend>() -> Result<()> {
    let db = seeded::<B>(&Spelling::FIXED).await?;
    let em = db.em();
    let one = em.find_by_id::<Country>("abc").populate(Country::CITIES.then(City::COUNTRY)).await?;
    let one = one.expect("it is there");
    assert_eq!((one.id().as_str(), one.cities().len()), ("abc", 2));
    assert!(one.cities().iter().all(|city| city.country() == one));
    one.edit().name = "first".into();
    em.persist(Country { code: "new".into(), name: "new".into(), ..Country::default() })?;
    em.flush().await?;
    assert_eq!(em.find_all::<Country>().await?.len(), 4);
    assert_eq!(em.managed_count()?, 4 + 2);
    assert_eq!(
        db.em().find_by_id::<Country>("abc").await?.map(|one| one.get().name.clone()),
        Some("first".into())
    );
    Ok(())
}

/// Lists in views hold what refers to their owner in any spelling too.
pub async fn lists_in_views_hold_what_refers_in_any_spelling<B: Backend>() -> Result<()> {
    #[derive(View, Debug, PartialEq)]
    #[view(of = Country)]
    struct Place {
        name: String,
        #[view(nested)]
        cities: Vec<Point>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = City)]
    struct Point {
        id: i64,
    }
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let places = db.em().find_all::<Country>().view::<Place>().order_by(Country::CODE.asc()).await?;
        let place = |name: &str, cities: &[i64]| Place {
            name: name.to_owned(),
            cities: cities.iter().map(|id| Point { id: *id }).collect(),
        };
        assert_eq!(places, [place("one", &[1, 2]), place("two", &[3, 4]), place("three", &[5])]);
    }
    Ok(())
}

/// Foreign keys in any spelling lead to one entity each, whether it was loaded before or not, with one select more at most.
pub async fn references_in_any_spelling_lead_to_one_entity<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        for strategy in [LoadStrategy::SelectIn, LoadStrategy::Joined] {
            let db = seeded::<B>(spelling).await?;
            for loaded_before in [0, 1, 3] {
                let em = db.em();
                let before = em.find_all::<Country>().limit(loaded_before).await?;
                db.recorder.reset();
                let cities = em.find_all::<City>().order_by(City::ID.asc());
                let cities = cities.strategy(strategy).populate(City::COUNTRY).await?;
                assert!(db.recorder.selects() <= 3, "{strategy:?}");
                let names: Vec<String> =
                    cities.iter().map(|city| city.country().get().name.clone()).collect();
                assert_eq!(names, ["one", "one", "two", "two", "three"]);
                assert!(cities[0].country() == cities[1].country());
                assert!(cities[2].country() == cities[3].country());
                assert_eq!(em.managed_count()?, 5 + 3);
                let all = em.find_all::<Country>().await?;
                assert!(before.iter().all(|one| all.contains(one)));
                assert_eq!(em.managed_count()?, 5 + 3);
                db.recorder.reset();
                em.find_all::<City>().populate(City::COUNTRY).await?;
                assert_eq!(db.recorder.selects(), 1, "all is known");
            }
        }
    }
    Ok(())
}

/// Loaded one by one, the same.
pub async fn a_reference_that_is_loaded_lazily_leads_to_the_entity<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let em = db.em();
        let one = em.find_one_or_fail(Country::NAME.eq("one")).await?;
        for id in [2, 3] {
            let city = em.find_by_id::<City>(id).await?.expect("it is there");
            let country = city.country_ref().load_only().await?;
            assert_eq!(country == one, id == 2);
            assert!(city.country_ref().get()? == country);
        }
        let all = em.find_all::<City>().order_by(City::ID.asc()).await?;
        assert_eq!(all[4].country_ref().load().await?.get().name, "three");
        assert_eq!(em.managed_count()?, 5 + 3);
    }
    Ok(())
}

/// Lists hold what refers to their owner in any spelling, and so do their counts, of one owner or of several.
pub async fn lists_hold_what_refers_in_any_spelling<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        for names in [vec!["one"], vec!["one", "two", "three"]] {
            let db = seeded::<B>(spelling).await?;
            let em = db.em();
            let find = || em.find(Country::NAME.in_(names.clone())).order_by(Country::CODE.asc());
            let counted = find().await?;
            let count = counted[0].cities_ref().count().await?;
            assert_eq!((count, counted[0].clubs_ref().count().await?), (2, 2));
            let club = em.find_by_id::<Club>(2).await?.expect("it is there");
            assert!(counted[0].clubs_ref().contains(&club).await?);

            let em = db.em();
            let find = || em.find(Country::NAME.in_(names.clone())).order_by(Country::CODE.asc());
            let countries = find().populate((Country::CITIES, Country::CLUBS)).await?;
            let ids = |at: usize| {
                let cities: Vec<i64> = countries[at].cities().iter().map(|city| city.id()).collect();
                let clubs: BTreeSet<i64> = countries[at].clubs().iter().map(|club| club.id()).collect();
                (cities, clubs.into_iter().collect::<Vec<i64>>())
            };
            assert_eq!(ids(0), (vec![1, 2], vec![1, 2]));
            if names.len() == 3 {
                assert_eq!((ids(1), ids(2)), ((vec![3, 4], vec![1]), (vec![5], vec![1])));
            }
            let cities = countries[0].cities();
            assert!(cities.iter().all(|city| city.country_ref().get().is_ok_and(|one| one == countries[0])));
            let members = em.find_by_id::<Club>(1).populate(Club::MEMBERS).await?.expect("it is there");
            assert_eq!(members.members().len(), 3);
            assert_eq!(em.find_all::<Country>().await?.len(), 3);
            assert_eq!(em.count_all::<Country>().await?, 3);
        }
    }
    Ok(())
}

/// A bare reference in another spelling, of which nothing was loaded, becomes the row's entity: wherever it was put.
pub async fn a_bare_reference_becomes_the_entity<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let em = db.em();
        let reference = em.get_reference::<Country>(spelling.other[1])?;
        let club = em.find_by_id::<Club>(2).populate(Club::MEMBERS).await?.expect("it is there");
        club.members_ref().add(&reference)?;
        let two = em.find_one_or_fail(Country::NAME.eq("two")).await?;
        assert!(!reference.is_loaded());

        assert!(reference.load().await? == two);
        assert!(reference.is_loaded() && reference == em.get_reference::<Country>(two.id())?);
        let members: Vec<String> = club.members().iter().map(|country| country.get().name.clone()).collect();
        assert_eq!(members, ["one", "two"]);
        em.flush().await?;
        let em = db.em();
        let club = em.find_by_id::<Club>(2).populate(Club::MEMBERS).await?.expect("it is there");
        assert_eq!(club.members().len(), 2);

        let em = db.em();
        em.transactional(async |em| {
            let reference = em.get_reference::<Country>(spelling.other[0])?;
            em.lock(&reference, LockMode::optimistic(1)).await.expect_err("it has no version");
            assert_eq!(reference.load().await?.get().name, "one");
            Ok(())
        })
        .await?;
        assert_eq!(em.managed_count()?, 1);
    }
    Ok(())
}

/// What is removed is gone in every spelling, and a new one may have any.
pub async fn what_is_removed_is_gone_in_every_spelling<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let em = db.em();
        let other = spelling.other[0];
        let one = em.find_by_id::<Country>(other).await?.expect("it is there");
        let again = em.persist(Country { code: other.into(), ..Country::default() });
        assert!(matches!(again, Err(Error::AlreadyManaged { .. })), "{again:?}");
        em.remove(&one)?;
        assert!(em.find_by_id::<Country>(other).await?.is_none());
        em.flush().await?;
        assert!(em.find_by_id::<Country>(other).await?.is_none());
        let new = em.persist(Country { code: other.into(), name: "new".into(), ..Country::default() })?;
        em.flush().await?;
        assert!(new != one);
        assert_eq!(db.em().count(Country::NAME.in_(["one", "new"])).await?, 1);
    }
    Ok(())
}

/// Where the program itself made two instances of one row, it is told as soon as that is known, and by nothing else.
pub async fn two_instances_of_one_row_are_told<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        let em = db.em();
        let one = em.find_one_or_fail(Country::NAME.eq("one")).await?;
        let merged = em.merge(Country { code: spelling.other[0].into(), ..Country::clone(&one.get()) })?;
        let error = em.refresh(&merged).await.expect_err("they are one row");
        let Error::KeySpelledTwice { key, other } = &error else { panic!("{error:?}") };
        assert_ne!(key, other);
        assert!(error.to_string().contains("collation"), "{error}");
    }
    Ok(())
}

/// A key that leads nowhere is dangling as before.
pub async fn a_key_that_leads_nowhere_is_told<B: Backend>() -> Result<()> {
    for spelling in B::facts().spellings {
        let db = seeded::<B>(spelling).await?;
        db.run(&["UPDATE city SET country_code = 'gone' WHERE id = 3"]).await?;
        for strategy in [LoadStrategy::SelectIn, LoadStrategy::Joined] {
            let em = db.em();
            let found = em.find_all::<City>().strategy(strategy).populate(City::COUNTRY).await;
            let error = found.expect_err("one leads nowhere");
            let Error::DanglingReference { key, .. } = &error else { panic!("{error:?}") };
            assert_eq!(key.to_string(), "City[3]");
            let city = em.find_by_id::<City>(2).await?.expect("it is there");
            assert_eq!(city.country_ref().load().await?.get().name, "one");
        }
    }
    Ok(())
}
