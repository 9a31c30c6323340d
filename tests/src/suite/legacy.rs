//! A database that others made is mapped as it is: no name, no column and no constraint is asked of it.

use orm_core::driver::{DriverErrorKind, ViolationKind};
use orm_core::{Condition, Error, Result};

use crate::Backend;
use crate::fixtures::legacy::{self, Group, Note, Order, Person, StaffCount};
use crate::recorder::Operation;

/// Rows are read by the names they have, whatever the order of the table's columns.
pub async fn rows_are_read_by_the_names_they_have<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    let people = em.find_all::<Person>().order_by(Person::NAME.asc()).await?;
    let rows: Vec<_> =
        people.iter().map(|one| (one.id(), one.get().name.clone(), one.get().number)).collect();
    assert_eq!(rows, [(1, "Ann".into(), Some(10)), (2, "Bob".into(), None), (3, "Cid".into(), Some(30))]);
    assert_eq!(people[1].boss_ref().key(), Some(1));
    assert_eq!(em.find_by_id::<Group>("a b").await?.map(|group| group.get().description.clone()), Some(None));
    assert_eq!(
        em.find_by_id::<Order>(("B".to_owned(), 1)).await?.map(|order| order.customer_ref().key()),
        Some(Some(3))
    );
    Ok(())
}

/// Relations are populated over odd foreign keys and pivots, in both directions.
pub async fn relations_are_populated_over_odd_names<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Person::NAME.eq("Bob"));
    let below = (Person::BOSS.then(Person::STAFF), Person::GROUPS.then(Group::MEMBERS));
    let bob = bob.populate((below.0, below.1, Person::ORDERS.then(Order::NOTES.then(Note::ORDER)))).await?;

    let boss = bob.boss().expect("Bob has a boss");
    assert_eq!(boss.staff().iter().map(|one| one.get().name.clone()).collect::<Vec<_>>(), ["Cid", "Bob"]);
    let staff = bob.groups().iter().find(|group| group.id() == "staff").cloned().expect("Bob is staff");
    assert_eq!(staff.members().iter().map(|one| one.get().name.clone()).collect::<Vec<_>>(), ["Ann", "Bob"]);
    assert_eq!(bob.groups().len(), 2);
    let orders = bob.orders();
    assert_eq!(
        orders.iter().map(|order| order.id()).collect::<Vec<_>>(),
        [("A'1".into(), 2), ("A'1".into(), 1)]
    );
    assert_eq!(orders[0].notes()[0].get().free_text, "fragile");
    assert!(orders[0].notes()[0].order() == orders[0]);
    assert!(orders[1].notes().is_empty());
    Ok(())
}

/// Conditions join and look through pivots by odd names.
pub async fn conditions_follow_odd_names<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    assert_eq!(em.count(Person::BOSS.is(Person::NAME.eq("Ann"))).await?, 2);
    assert_eq!(em.count(Person::GROUPS.some(Group::DESCRIPTION.is_null())).await?, 1);
    assert_eq!(em.count(Group::MEMBERS.none(Person::NUMBER.gt(5))).await?, 1);
    assert_eq!(em.count(Person::ORDERS.some(Order::NOTES.some(Note::FREE_TEXT.eq("fragile")))).await?, 1);
    assert_eq!(em.count(Note::ORDER.is(Order::CUSTOMER.is(Person::NAME.eq("Bob")))).await?, 1);
    assert_eq!(em.count(Note::ORDER.eq(("A'1".to_owned(), 2))).await?, 1);
    let staff = em.find(Person::BOSS.is_not_null());
    let staff = staff.order_by((Person::BOSS.order(Person::NAME.asc()), Person::NAME.desc())).await?;
    assert_eq!(staff.iter().map(|one| one.get().name.clone()).collect::<Vec<_>>(), ["Cid", "Bob"]);
    Ok(())
}

/// Rows are inserted, changed and deleted; columns that are not mapped keep their defaults and contents.
pub async fn rows_are_written_by_the_names_they_have<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    let ann = em.find_one_or_fail(Person::NAME.eq("Ann")).await?;
    let eve =
        em.persist(Person { name: "Eve".into(), remark: Some("\"new\"".into()), ..Person::default() })?;
    eve.edit().boss = Some(ann.to_ref());
    eve.groups_ref().add(Group { code: "new".into(), ..Group::default() })?;
    let order = Order { number: "C".into(), position: 7, customer: (&eve).into(), ..Order::default() };
    let order = em.persist(order)?;
    em.persist(Note { free_text: "soon".into(), order: (&order).into(), ..Note::default() })?;
    ann.edit().number = None;
    em.flush().await?;

    let other = db.em();
    let eve = other.find_by_id::<Person>(eve.id()).populate((Person::BOSS, Person::GROUPS)).await?;
    let eve = eve.expect("she was inserted");
    assert_eq!(eve.boss().map(|boss| (boss.id(), boss.get().number)), Some((1, None)));
    assert_eq!((eve.groups().len(), eve.groups()[0].id()), (1, "new".to_owned()));
    assert_eq!(other.count(Note::ORDER.eq(("C".to_owned(), 7))).await?, 1);
    assert_eq!(other.find_by_id::<StaffCount>(1).await?.map(|row| row.get().count), Some(3));

    eve.groups_ref().remove(&eve.groups()[0])?;
    other.remove(other.get_reference::<Order>(("B".to_owned(), 1))?)?;
    db.recorder.reset();
    other.flush().await?;
    let expected = [Operation::Unlink("Person.groups".into(), 1), Operation::Delete("Order".into(), 1)];
    assert_eq!(db.recorder.operations()[1..3], expected);
    assert_eq!(db.em().count(Condition::<Order>::always()).await?, 3);
    Ok(())
}

/// A violated constraint is named by entity and field, also where the names differ from the columns'.
pub async fn a_violation_names_the_field_behind_the_column<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    em.persist(Person { name: "Ann".into(), ..Person::default() })?;

    let error = em.flush().await.expect_err("the name is taken");

    assert!(error.is_violation_of(Person::NAME), "{error:?}");
    let violation = error.violation().expect("it is a violation");
    assert_eq!((violation.kind, violation.entity), (ViolationKind::Unique, Some("Person")));
    Ok(())
}

/// A view is read like a table; writing to it is the database's error.
pub async fn a_view_is_read_like_a_table<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    let em = db.em();
    let count = em.find_one_or_fail(StaffCount::BOSS.eq(1)).await?;
    assert_eq!(count.get().count, 2);
    count.edit().count = 5;
    let error = em.flush().await.expect_err("a view can't be written");
    assert!(matches!(error, Error::Driver { action: "flush", .. }), "{error:?}");
    Ok(())
}

/// A table or column that is not there is told as such.
pub async fn a_missing_table_is_told_as_such<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    db.run(&[r#"DROP TABLE "x_person2group""#]).await?;
    let em = db.em();
    let error = em.find_all::<Person>().populate(Person::GROUPS).await.expect_err("the pivot is gone");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::MissingSchemaObject), "{error:?}");
    Ok(())
}
