//! Values of any type in one column, as JSON.

use std::collections::HashMap;
use std::error::Error as _;

use orm_core::value::ValueError;
use orm_core::{Error, Json, Result};
use serde_json::json;

use crate::fixtures::guests::{self, Badge, Guest, Settings, Theme, ada, stay};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

async fn seeded<B: Backend>() -> Result<TestDb> {
    let db = guests::empty::<B>().await?;
    let em = db.em();
    em.persist(ada())?;
    em.persist(Guest { name: "Bob".to_owned(), ..Guest::default() })?;
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

fn updates(db: &TestDb) -> Vec<Operation> {
    db.recorder.operations().into_iter().filter(|one| matches!(one, Operation::Update(..))).collect()
}

fn update(column: &str) -> Operation {
    Operation::Update("Guest".to_owned(), 1, vec![column.to_owned()])
}

/// Enums with data, lists, maps and odd texts, required and optional, in an embedded struct too.
pub async fn what_serde_knows_is_read_as_it_was_saved<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let read = db.em().find_one_or_fail(Guest::NAME.eq("Ada")).await?.get();
    let saved = ada();
    assert_eq!((&read.settings, &read.stays), (&saved.settings, &saved.stays));
    assert_eq!((&read.next, &read.badge), (&saved.next, &saved.badge));
    let bob = db.em().find_one_or_fail(Guest::NAME.eq("Bob")).await?.get();
    assert_eq!((bob.settings.clone(), bob.stays.len(), bob.next.clone()), (Settings::default(), 0, None));
    Ok(())
}

/// A document is compared by what is stored: the order of a map is nothing.
pub async fn an_edit_writes_the_column_alone<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let guest = em.find_one_or_fail(Guest::NAME.eq("Ada")).await?;
    db.recorder.reset();
    // Another map has another order, and what is stored may have a third.
    guest.edit().badge.marks = ada().badge.marks.into_iter().collect::<HashMap<_, _>>();
    guest.edit().settings = ada().settings;
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    guest.edit().stays.push(stay("Bern", "rest", 1));
    em.flush().await?;
    guest.edit().badge.marks.insert("mark 3".into(), 33);
    em.flush().await?;
    assert_eq!(updates(&db), [update("history"), update("badge_marks")]);

    // Guards that edit two documents are both kept.
    let (mut first, mut second) = (guest.edit(), guest.edit());
    first.settings.theme = Theme::Light;
    second.next = None;
    drop((first, second));
    em.flush().await?;
    let read = db.em().find_one_or_fail(Guest::NAME.eq("Ada")).await?.get();
    assert_eq!((&read.settings.theme, &read.next, read.stays.len()), (&Theme::Light, &None, 3));
    assert_eq!(read.badge.marks["mark 3"], 33);
    Ok(())
}

/// An `Option` of a document is NULL, and is asked for.
pub async fn an_absent_document_is_null<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Guest::NEXT.is_null()).await?;
    assert_eq!(bob.get().name, "Bob");
    assert_eq!(em.count(Guest::NEXT.is_not_null()).await?, 1);
    bob.edit().next = Some(stay("Rome", "", 0));
    em.flush().await?;
    assert_eq!(db.em().count(Guest::NEXT.is_null()).await?, 0);

    let error = db.run(&["UPDATE guest SET settings = NULL"]).await;
    assert!(error.is_err(), "the column is required");
    Ok(())
}

/// Stored JSON that is not of the type: the error names field and column, and nothing of what is stored. What is missing
/// and has a default in serde is read.
pub async fn a_stored_document_that_does_not_fit_is_refused<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    db.run(&["UPDATE guest SET settings = '{\"theme\": \"Light\", \"shortcuts\": {}}' WHERE name = 'Bob'"])
        .await?;
    let bob = db.em().find_one_or_fail(Guest::NAME.eq("Bob")).await?;
    assert_eq!(bob.get().settings, Settings::default());
    for (document, told) in [
        ("{\"theme\": \"s3cret\", \"shortcuts\": {}}", "does not fit the type"),
        ("{\"theme\": \"Light\"}", "missing field `shortcuts`"),
        ("[\"s3cret\"]", "does not fit the type"),
        ("null", "does not fit the type"),
    ] {
        db.run(&[&format!("UPDATE guest SET settings = '{document}' WHERE name = 'Bob'")]).await?;
        let error = db.em().find_one(Guest::NAME.eq("Bob")).await.expect_err("it is no settings");
        let Error::Value { entity, field, column, source } = &error else { panic!("{error:?}") };
        assert_eq!((*entity, *field, column.as_str()), ("Guest", "settings", "settings"));
        let ValueError::Invalid { reason, .. } = source else { panic!("{source:?}") };
        assert!(reason.contains(told), "{reason}");
        let all = format!("{error} {error:?} {:?}", error.source());
        assert!(!all.contains("s3cret"), "{all}");
    }
    db.run(&["UPDATE guest SET badge_marks = '[]' WHERE name = 'Ada'"]).await?;
    let error = db.em().find_one(Guest::NAME.eq("Ada")).await.expect_err("it is no map");
    assert!(error.to_string().contains("Guest.badge.marks"), "{error}");
    Ok(())
}

/// What derives `Embeddable` hides in JSON what it hides in columns; everything else is what serde makes of it.
pub async fn what_is_hidden_in_a_document_is_in_no_response<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let guest = db.em().find_one_or_fail(Guest::NAME.eq("Ada")).await?;
    let mut shown = serde_json::to_value(&guest).map_err(Error::other)?;
    assert_eq!(shown["badge"]["marks"]["mark 3"], 3);
    shown["badge"] = json!(null);
    let expected = json!({
        "id": 1,
        "name": "Ada",
        "settings": ada().settings,
        "stays": [{ "city": "Rome", "nights": 2 }, { "city": "Paris", "nights": 3 }],
        "next": { "city": "Oslo", "nights": 4 },
        "badge": null,
    });
    assert_eq!(shown, expected);
    let bob =
        serde_json::to_value(db.em().find_one_or_fail(Guest::NAME.eq("Bob")).await?).map_err(Error::other)?;
    assert_eq!((&bob["stays"], &bob["next"]), (&json!([]), &json!(null)));
    Ok(())
}

/// In projections and bulk writes they are `Json`.
pub async fn documents_are_selected_and_set<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let rows = em.find_all::<Guest>().select((Guest::STAYS, Guest::NEXT)).order_by(Guest::ID.asc()).await?;
    assert_eq!(rows, [(Json(ada().stays), ada().next.map(Json)), (Json(Vec::new()), None)]);
    let marks = Guest::BADGE.field(Badge::MARKS);
    let new = Json(HashMap::from([("only".to_owned(), 1)]));
    em.update_many(Guest::NAME.eq("Bob"))
        .set(marks, new.clone())
        .set(Guest::NEXT, Json(stay("Rome", "", 1)))
        .await?;
    let bob = db.em().find_one_or_fail(Guest::NAME.eq("Bob")).await?.get();
    assert_eq!((&bob.badge.marks, &bob.next), (&new.0, &Some(stay("Rome", "", 1))));
    em.insert_many([ada()]).await?;
    assert_eq!(db.em().count(Guest::NAME.eq("Ada")).await?, 2);
    Ok(())
}
