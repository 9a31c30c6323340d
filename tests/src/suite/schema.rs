//! Tables made from the entities: every promise of an attribute is kept by the database itself.

use orm_core::driver::ViolationKind;
use orm_core::{Condition, Error, Result};

use crate::fixtures::blog::{self, Author, Book};
use crate::fixtures::library::{self, Copy};
use crate::fixtures::{circle, keys, scalars};
use crate::{Backend, TestDb};

/// `unique` on a field, alone.
pub async fn a_unique_field_takes_no_value_twice<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let barcode = || Some("123".to_owned());
    insert(&db, Copy { barcode: barcode(), ..Copy::at("A", 1) }).await?;
    let error = insert(&db, Copy { barcode: barcode(), ..Copy::at("A", 2) }).await.expect_err("it is taken");
    assert!(error.is_violation_of(Copy::BARCODE));
    insert(&db, Copy::at("A", 3)).await?;
    insert(&db, Copy::at("A", 4)).await
}

/// `unique(a, b)`: each may come twice, both together may not; the error names both.
pub async fn unique_fields_take_no_combination_twice<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    insert(&db, Copy::at("A", 1)).await?;
    insert(&db, Copy::at("A", 2)).await?;
    insert(&db, Copy::at("B", 1)).await?;
    let twice = Copy { title: "Other".into(), code: "other".into(), ..Copy::at("A", 1) };
    let error = insert(&db, twice).await.expect_err("the place is taken");
    let violation = error.violation().expect("it is a violation");
    assert_eq!((violation.kind, violation.entity), (ViolationKind::Unique, Some("Copy")));
    assert_eq!(violation.fields, ["shelf", "position"]);
    assert!(error.is_violation_of(Copy::SHELF) && error.is_violation_of(Copy::POSITION));
    assert!(!error.is_violation_of(Copy::TITLE) && !error.is_violation_of(Author::EMAIL));
    Ok(())
}

/// `unique(.., where = ..)` holds for the rows that meet it only.
pub async fn a_conditional_unique_holds_where_its_condition_does<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    insert(&db, Copy { code: "X".into(), lost: true, ..Copy::at("A", 1) }).await?;
    insert(&db, Copy { code: "X".into(), lost: true, ..Copy::at("A", 2) }).await?;
    insert(&db, Copy { code: "X".into(), ..Copy::at("A", 3) }).await?;
    let error = insert(&db, Copy { code: "X".into(), ..Copy::at("A", 4) }).await.expect_err("one is present");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Unique));
    assert!(error.is_violation_of(Copy::CODE), "{error:?}");
    Ok(())
}

/// `length` bounds text by characters, and bytes.
pub async fn a_length_bounds_text_and_bytes<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    insert(&db, Copy { code: "äöüäöüäöüä".into(), ..Copy::at("A", 1) }).await?;
    let long = Copy { code: "12345678901".into(), ..Copy::at("A", 2) };
    let error = insert(&db, long).await.expect_err("it is too long");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Check), "{error:?}");
    assert!(error.is_violation_of(Copy::CODE));
    insert(&db, Copy { stamp: Some(vec![0, 255, 0]), ..Copy::at("A", 3) }).await?;
    let long = Copy { stamp: Some(vec![0; 4]), ..Copy::at("A", 4) };
    assert!(insert(&db, long).await.is_err_and(|error| error.is_violation_of(Copy::STAMP)));
    Ok(())
}

/// `default` is the column's: for rows that other programs insert.
pub async fn defaults_are_for_rows_of_other_programs<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let insert = "INSERT INTO library_copy (code, shelf, position, title) VALUES ('c', 'A', 1, 't')";
    db.run(&[insert]).await?;
    let copy = db.em().find_one_or_fail(Copy::CODE.eq("c")).await?.get();
    assert_eq!((copy.year, copy.condition.as_str(), copy.lost, copy.price), (2000, "it's new", false, -1.5));
    assert_eq!((copy.barcode.clone(), copy.stamp.clone(), copy.id), (None, None, 1));
    Ok(())
}

/// A column that is no `Option` takes no NULL, and a reference that must exist no key of nobody.
pub async fn tables_refuse_what_the_entity_does_not_allow<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let missing = "INSERT INTO library_copy (code, shelf, position) VALUES ('c', 'A', 1)";
    assert!(db.run(&[missing]).await.is_err());
    let stray =
        "INSERT INTO library_copy (code, shelf, position, title, twin_id) VALUES ('c', 'A', 1, 't', 99)";
    assert!(db.run(&[stray]).await.is_err());
    assert_eq!(db.em().count(Condition::<Copy>::always()).await?, 0);
    Ok(())
}

/// Indexes have the names that the naming strategy or the program gives them; the script says what is created.
pub async fn the_script_names_every_table_and_index<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let script = db.orm.schema().create_sql()?;
    for name in [
        "library_copy",
        "one_copy_a_place",
        "library_copy_barcode_title_unique",
        "by_title",
        "one_present_copy",
        "library_copy_title_index",
        "library_copy_barcode_unique",
        "library_copy_twin_id_index",
    ] {
        let quoted = [format!("\"{name}\""), format!("`{name}`")];
        assert!(quoted.iter().any(|name| script.contains(name)), "{name} is missing in:\n{script}");
    }
    assert_eq!(script.matches(" UNIQUE INDEX ").count(), 4, "{script}");
    assert_eq!(script.matches("FOREIGN KEY").count(), 1, "{script}");
    assert!(script.lines().last().is_some_and(|line| line.ends_with(';')), "{script}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The script is what `create` runs: another program can run it instead.
pub async fn the_script_can_be_run_by_hand<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(blog::entities).await?;
    let script = db.orm.schema().create_sql()?;
    let statements: Vec<&str> = script.split(";\n").filter(|statement| !statement.is_empty()).collect();
    db.run(&statements).await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.persist(Book::new("A Clash", &jon))?;
    em.flush().await?;
    db.run(&db.orm.schema().drop_sql()?.split(";\n").filter(|one| !one.is_empty()).collect::<Vec<_>>())
        .await?;
    db.orm.schema().create().await
}

/// Creating twice fails and changes nothing; dropping what is not there does nothing.
pub async fn create_fails_on_tables_that_exist_and_drop_does_not_mind<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let error = db.orm.schema().create().await.expect_err("the tables are there");
    assert!(matches!(error, Error::Driver { action: "create the schema", .. }), "{error:?}");
    assert_eq!(db.em().count(Condition::<Book>::always()).await?, 3);

    db.orm.schema().drop().await?;
    db.orm.schema().drop().await?;
    assert!(db.em().find_all::<Book>().await.is_err());
    db.orm.schema().create().await?;
    assert_eq!(db.em().count(Condition::<Book>::always()).await?, 0);
    Ok(())
}

/// Tables that refer to each other are created and dropped, with rows in them.
pub async fn circles_of_tables_are_created_and_dropped<B: Backend>() -> Result<()> {
    let db = circle::empty::<B>().await?;
    let em = db.em();
    let france = em.persist(circle::Country { name: "France".into(), ..circle::Country::default() })?;
    let paris = circle::City { country: (&france).into(), ..circle::City::default() };
    france.edit().capital = Some(em.persist(paris)?.to_ref());
    em.flush().await?;
    db.orm.schema().drop().await?;
    db.orm.schema().create().await
}

/// Tables of every kind of key and column are created.
pub async fn every_kind_of_key_and_column_has_a_table<B: Backend>() -> Result<()> {
    for configure in [keys::entities, scalars::entities] {
        let db = TestDb::open::<B>(configure).await?;
        db.orm.schema().drop().await?;
        db.orm.schema().create().await?;
    }
    Ok(())
}

async fn insert(db: &TestDb, copy: Copy) -> Result<()> {
    let em = db.em();
    em.persist(copy)?;
    em.flush().await
}
