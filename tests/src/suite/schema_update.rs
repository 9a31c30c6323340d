//! Changes of a live database: every kind of difference is found and made, what could lose data is left out unless it is
//! asked for, and rows are kept.

use std::error::Error as _;

use orm_core::driver::ViolationKind;
use orm_core::schema::SchemaDiff;
use orm_core::{Condition, Error, Result};

use crate::fixtures::forecast::{doubled, plain, three, tripled, turned, two};
use crate::fixtures::renovation::{after, before, less, renamed};
use crate::{Backend, TestDb};

/// What is added and what changes without a loss is safe; the rows stay as they are, and nothing is left to do.
pub async fn what_is_safe_is_done_and_keeps_the_rows<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let now = db.beside(after).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;

    let em = now.em();
    let house = em.find_one_or_fail(after::House::STREET.eq("High Street")).await?.get();
    assert_eq!((house.rooms, house.note.as_deref(), house.plot), (5, Some("old"), Some(1 << 40)));
    assert_eq!((house.floors, house.colour.as_str(), house.code.as_deref()), (4, "it's grey", None));
    assert_eq!(house.owner.as_ref().and_then(|owner| owner.try_key().copied()), Some(1));
    Ok(())
}

/// What was changed holds: the database checks, refers and fills in by the new rules.
pub async fn what_was_changed_holds<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let now = db.beside(after).await?;
    now.orm.schema().update().await?;
    let insert = "INSERT INTO house (street, rooms, owner_id) VALUES ('New Street', 9, 1)";
    now.run(&[insert]).await?;
    let em = now.em();
    let house = em.find_one_or_fail(after::House::STREET.eq("New Street")).await?;
    assert_eq!((house.get().floors, house.get().colour.as_str()), (2, "it's grey"));

    house.edit().rooms = 100;
    let error = em.flush().await.expect_err("it has too many rooms");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Check), "{error:?}");
    house.edit().rooms = 10;
    em.flush().await?;

    now.run(&["DELETE FROM owner WHERE id = 1"]).await?;
    let em = now.em();
    assert_eq!(em.count(after::House::OWNER.is_null()).await?, 3, "the houses stay without their owner");
    let stray = "INSERT INTO house (street, rooms, owner_id) VALUES ('Nowhere', 9, 77)";
    assert!(now.run(&[stray]).await.is_err(), "foreign keys are enforced after the update");
    Ok(())
}

/// Keys go on where they were, even if the last rows are gone.
pub async fn keys_are_counted_on_after_an_update<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let em = db.em();
    let last = em.persist(before::House { street: "Gone".into(), rooms: 1, ..before::House::default() })?;
    em.flush().await?;
    let key = last.get().id;
    em.remove(&last)?;
    em.flush().await?;

    let now = db.beside(after).await?;
    now.orm.schema().update().await?;
    let em = now.em();
    let next = em.persist(after::House { street: "Next".into(), rooms: 1, ..after::House::default() })?;
    em.flush().await?;
    assert!(next.get().id > key, "{} is not after {key}", next.get().id);
    Ok(())
}

/// What could lose data is found, marked and left out; the rest is done.
pub async fn what_is_destructive_is_left_out<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let now = db.beside(less).await?;
    let diff = now.orm.schema().update().await?;
    let destructive: Vec<String> = diff.destructive().map(|change| change.description.clone()).collect();
    let mut expected = vec![
        "drop the column plot",
        "drop the column floors",
        "drop the column owner_id",
        "make note not null",
    ];
    // Where a column holds any integer, a smaller one is no other type.
    expected.extend(B::facts().is_typed.then_some("type of rooms"));
    for part in expected {
        assert!(destructive.iter().any(|line| line.contains(part)), "{part} is missing in:\n{diff}");
    }
    assert!(diff.to_string().contains("(destructive: "), "{diff}");
    let left = now.orm.schema().diff().await?;
    assert_eq!(left.destructive().count(), left.changes().len(), "{left}");

    let houses = db.em().find_all::<before::House>().await?;
    let plots: Vec<Option<i64>> = houses.iter().map(|house| house.get().plot).collect();
    assert_eq!(plots, [Some(1 << 40), None]);
    assert!(houses[0].get().owner.is_some());
    Ok(())
}

/// Where it is asked for, it is done; what is kept is kept.
pub async fn what_is_destructive_is_done_where_it_is_allowed<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    db.run(&["UPDATE house SET note = 'none' WHERE note IS NULL"]).await?;
    let now = db.beside(less).await?;
    let done = now.orm.schema().update().allow_destructive().await?;
    assert!(done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;
    let houses = now.em().find_all::<less::House>().await?;
    let rows: Vec<(i16, String)> =
        houses.iter().map(|house| (house.get().rooms, house.get().note.clone())).collect();
    assert_eq!(rows, [(5, "old".to_owned()), (7, "none".to_owned())]);
    Ok(())
}

/// What the database refuses for rows that are there is refused as a whole: nothing has changed, and it can be tried again.
pub async fn a_refused_update_changes_nothing<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let now = db.beside(less).await?;
    let before_it = now.orm.schema().diff().await?;
    let error = now.orm.schema().update().allow_destructive().await.expect_err("one note is NULL");
    assert!(
        matches!(error, Error::Driver { action: "update the schema", .. } | Error::Constraint { .. }),
        "{error:?}"
    );
    if B::facts().takes_back_schema {
        assert_eq!(now.orm.schema().diff().await?, before_it);
        assert_eq!(db.em().count(before::House::PLOT.eq(1 << 40)).await?, 1);
    } else {
        assert_says_what_was_done(&now, &before_it, &error).await?;
    }
    db.run(&["UPDATE house SET note = 'none' WHERE note IS NULL"]).await?;
    now.orm.schema().update().allow_destructive().await?;
    assert_in_sync(&now).await
}

/// The error names the statement that failed and those before it, which are no longer to be done.
async fn assert_says_what_was_done(db: &TestDb, wanted: &SchemaDiff, error: &Error) -> Result<()> {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let told =
        cause.split_once("this one failed:\n").and_then(|(_, rest)| rest.split_once("\nthese were done"));
    let (failed, done) = told.unwrap_or_else(|| panic!("{error:?}"));
    let left = db.orm.schema().diff().await?;
    let (wanted, left) = (wanted.all_statements(), left.all_statements());
    assert!(left.len() < wanted.len() && !left.is_empty(), "{left:#?}");
    assert!(left.iter().any(|sql| format!("{sql};") == failed), "{failed} is done");
    for sql in wanted {
        assert_eq!(done.contains(sql), !left.contains(sql), "{sql}\n{cause}");
    }
    Ok(())
}

/// `renamed_from` renames tables and columns, with everything on them, and all rows stay.
pub async fn a_rename_keeps_the_rows<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    let now = db.beside(renamed).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.has_destructive(), "{done}");
    let text = done.to_string();
    for line in ["rename the table house to building", "building: rename the column street to road"] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert!(!text.contains("create the table") && !text.contains("drop the table"), "{text}");
    assert_in_sync(&now).await?;

    let em = now.em();
    let building = em.find_one_or_fail(renamed::Building::ROAD.eq("High Street")).await?.get();
    assert_eq!((building.chambers, building.plot), (5, Some(1 << 40)));
    let landlord = em.find_one_or_fail(renamed::Landlord::ID.eq(1)).await?.get();
    assert_eq!(landlord.full_name, "Ann");

    db.run(&done.safe().down.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    assert_in_sync(&db).await?;
    assert_eq!(db.em().count(before::House::STREET.eq("High Street")).await?, 1);
    Ok(())
}

/// The way back undoes an update; rows that are still there stay.
pub async fn an_update_can_be_taken_back<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    for configure in [after, less] {
        db.run(&["UPDATE house SET note = 'none' WHERE note IS NULL"]).await?;
        let now = db.beside(configure).await?;
        let done = now.orm.schema().update().allow_destructive().await?;
        assert_in_sync(&now).await?;
        db.run(&done.all().down.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        assert_in_sync(&db).await?;
        assert_eq!(db.em().count(before::House::STREET.eq("High Street")).await?, 1);
    }
    Ok(())
}

/// Tables that no entity knows are another program's; they go only where both words are said.
pub async fn unknown_tables_are_left_alone<B: Backend>() -> Result<()> {
    let db = inhabited::<B>().await?;
    db.run(&[
        "CREATE TABLE stranger (id INTEGER NOT NULL PRIMARY KEY)",
        "CREATE TABLE guest (id INTEGER NOT NULL PRIMARY KEY)",
    ])
    .await?;
    assert_in_sync(&db).await?;
    db.orm.schema().update().allow_destructive().await?;
    let diff = db.orm.schema().update().drop_unknown().await?;
    assert_eq!((diff.changes().len(), diff.destructive().count()), (2, 2), "{diff}");
    assert!(diff.statements().is_empty());

    let schema = db.orm.schema();
    let done = schema.update().drop_unknown().ignore("guest").allow_destructive().await?;
    assert_eq!(done.to_string().lines().count(), 1, "{done}");
    assert!(db.run(&["INSERT INTO stranger VALUES (1)"]).await.is_err());
    db.run(&["INSERT INTO guest VALUES (1)"]).await?;
    assert_eq!(db.em().count(Condition::<before::House>::always()).await?, 2);
    Ok(())
}

/// A label more is safe, wherever it stands: rows keep theirs, and new ones may have it.
pub async fn a_new_label_is_safe<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(two::entities).await?;
    let em = db.em();
    em.persist(two::Day { id: 1, weather: two::Weather::Rain, ..two::Day::default() })?;
    em.flush().await?;
    let now = db.beside(three::entities).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.is_empty() && !done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;
    let em = now.em();
    em.persist(three::Day { id: 2, weather: three::Weather::Fog, ..three::Day::default() })?;
    em.flush().await?;
    let kept = em.find_by_id_or_fail::<three::Day>(1).await?.get();
    assert_eq!((kept.weather, kept.foretold), (three::Weather::Rain, three::Weather::Sun));
    Ok(())
}

/// A label that goes is destructive: it stays until that is asked for, and is refused where a row has it.
pub async fn a_label_that_goes_is_destructive<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(three::entities).await?;
    let em = db.em();
    let foggy = em.persist(three::Day { id: 1, weather: three::Weather::Fog, ..three::Day::default() })?;
    em.flush().await?;
    let now = db.beside(two::entities).await?;
    let left_out = now.orm.schema().update().await?;
    assert_eq!(left_out.statements(), [] as [String; 0], "{left_out}");
    assert!(left_out.has_destructive(), "{left_out}");
    assert_in_sync(&db).await?;

    now.orm.schema().update().allow_destructive().await.expect_err("a row has it");
    foggy.edit().weather = three::Weather::Rain;
    em.flush().await?;
    now.orm.schema().update().allow_destructive().await?;
    assert_in_sync(&now).await?;
    let kept = now.em().find_by_id_or_fail::<two::Day>(1).await?.get();
    assert_eq!((kept.weather, kept.foretold), (two::Weather::Rain, two::Weather::Sun));
    let column = "INSERT INTO day (id, weather) VALUES (2, 'fog')";
    assert!(db.run(&[column]).await.is_err(), "it is a label no more");
    Ok(())
}

/// Labels in another order are no loss: rows keep theirs, and so do defaults.
pub async fn labels_in_another_order_keep_the_rows<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(three::entities).await?;
    let em = db.em();
    em.persist(three::Day { id: 1, weather: three::Weather::Fog, ..three::Day::default() })?;
    em.flush().await?;
    let now = db.beside(turned::entities).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;
    db.run(&["INSERT INTO day (id, weather) VALUES (2, 'rain')"]).await?;
    let days = now.em().find_all::<turned::Day>().order_by(turned::Day::ID.asc()).await?;
    let days: Vec<_> = days.iter().map(|day| (day.get().weather, day.get().foretold)).collect();
    let sun = turned::Weather::Sun;
    assert_eq!(days, [(turned::Weather::Fog, sun), (turned::Weather::Rain, sun)]);
    Ok(())
}

/// Another expression computes all rows anew; none keeps what was computed.
pub async fn what_is_computed_changes_with_its_expression<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(doubled::entities).await?;
    db.run(&["INSERT INTO tally_sheet (id, number) VALUES (1, 5)"]).await?;
    let now = db.beside(tripled::entities).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.is_empty() && !done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;
    assert_eq!(now.em().find_by_id_or_fail::<tripled::Sheet>(1).await?.get().total, Some(15));

    let now = db.beside(plain::entities).await?;
    let done = now.orm.schema().update().await?;
    assert!(!done.is_empty() && !done.has_destructive(), "{done}");
    assert_in_sync(&now).await?;
    let sheet = now.em().find_by_id_or_fail::<plain::Sheet>(1).await?;
    assert_eq!(sheet.get().total, Some(15));
    Ok(())
}

/// Where a column of the program's is to be computed, what is in it goes, and only where that is asked for.
pub async fn computing_what_rows_hold_is_destructive<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(plain::entities).await?;
    db.run(&["INSERT INTO tally_sheet (id, number, total) VALUES (1, 5, 7)"]).await?;
    let now = db.beside(doubled::entities).await?;
    let left_out = now.orm.schema().update().await?;
    assert!(left_out.has_destructive(), "{left_out}");
    assert_eq!(db.em().find_by_id_or_fail::<plain::Sheet>(1).await?.get().total, Some(7));
    now.orm.schema().update().allow_destructive().await?;
    assert_in_sync(&now).await?;
    assert_eq!(now.em().find_by_id_or_fail::<doubled::Sheet>(1).await?.get().total, Some(10));
    Ok(())
}

/// Two houses, one of them with an owner and a note.
async fn inhabited<B: Backend>() -> Result<TestDb> {
    let db = TestDb::open::<B>(before).await?;
    let em = db.em();
    let ann = em.persist(before::Owner { name: "Ann".into(), ..before::Owner::default() })?;
    em.persist(before::House {
        street: "High Street".into(),
        rooms: 5,
        note: Some("old".into()),
        plot: Some(1 << 40),
        floors: 4,
        owner: Some(ann.to_ref()),
        ..before::House::default()
    })?;
    em.flush().await?;
    em.persist(before::House {
        street: "Low Street".into(),
        rooms: 7,
        floors: 1,
        owner: Some(ann.to_ref()),
        ..before::House::default()
    })?;
    em.flush().await?;
    Ok(db)
}

async fn assert_in_sync(db: &TestDb) -> Result<()> {
    let diff: SchemaDiff = db.orm.schema().diff().await?;
    assert!(diff.is_empty(), "{diff}{:#?}", diff.all_statements());
    Ok(())
}
