//! Enums: stored by their labels, which the database itself knows; any other text is an error on the way in and out.

use std::error::Error as _;
use std::time::Duration;

use futures::TryStreamExt;
use orm_core::value::ValueError;
use orm_core::{Error, OrmBuilder, Ref, Result};

use crate::fixtures::wardrobe::{self, Drawer, Fabric, Garment, Kind, OldGarment};
use crate::fixtures::wrong::{enum_default, enum_length, enum_of_table, two_enums};
use crate::{Backend, TestDb};

/// One garment of each kind, by one statement.
async fn one_of_each<B: Backend>() -> Result<TestDb> {
    let db = wardrobe::empty::<B>().await?;
    let em = db.em();
    for kind in Kind::ALL {
        em.persist(Garment { kind, other: Some(kind), fabric: Some(Fabric::Linen), ..Garment::default() })?;
    }
    em.persist(Garment::default())?;
    em.flush().await?;
    Ok(db)
}

/// Labels come back from sets of rows, whatever is in them, and NULL does.
pub async fn labels_come_back<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    let garments = db.em().find_all::<Garment>().order_by(Garment::ID.asc()).await?;
    let read: Vec<_> = garments.iter().map(|one| (one.get().kind, one.get().other)).collect();
    let mut expected = Kind::ALL.map(|kind| (kind, Some(kind))).to_vec();
    expected.push((Kind::Coat, None));
    assert_eq!(read, expected);
    assert_eq!(garments[4].get().fabric, None);
    assert_eq!(garments[0].get().fabric, Some(Fabric::Linen));
    Ok(())
}

/// They are changed one by one and many at once, by flushes and by conditions, and emptied.
pub async fn labels_are_changed<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    let em = db.em();
    let garments = em.find_all::<Garment>().order_by(Garment::ID.asc()).await?;
    garments[0].edit().kind = Kind::Hat;
    em.flush().await?;
    for garment in &garments {
        garment.edit().kind = Kind::Shoe;
        garment.edit().other = None;
    }
    em.flush().await?;
    let em = db.em();
    assert_eq!(em.count(Garment::KIND.eq(Kind::Shoe)).await?, 5);
    assert_eq!(em.count(Garment::OTHER.is_null()).await?, 5);

    em.update_many(Garment::KIND.eq(Kind::Shoe)).set(Garment::OTHER, Some(Kind::Hat)).await?;
    assert_eq!(em.count(Garment::OTHER.eq(Kind::Hat)).await?, 5);
    em.update_many(Garment::KIND.eq(Kind::Shoe)).set(Garment::OTHER, Garment::KIND).await?;
    assert_eq!(em.count(Garment::OTHER.eq(Garment::KIND)).await?, 5);
    Ok(())
}

/// They stand in conditions, alone and in lists, beside fields and computed values.
pub async fn conditions_take_labels<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    let em = db.em();
    for kind in Kind::ALL {
        let expected = if kind == Kind::Coat { 2 } else { 1 };
        assert_eq!(em.count(Garment::KIND.eq(kind)).await?, expected, "{kind:?}");
        assert_eq!(em.count(Garment::KIND.in_([kind])).await?, expected);
        assert_eq!(em.count(Garment::OTHER.eq(kind)).await?, 1);
    }
    assert_eq!(em.count(Garment::KIND.in_([Kind::Hat, Kind::Shoe])).await?, 2);
    assert_eq!(em.count(Garment::OTHER.in_([None, Some(Kind::Hat)])).await?, 2);
    assert_eq!(em.count(Garment::KIND.not_in([Kind::Hat, Kind::Shoe])).await?, 3);
    assert_eq!(em.count(Garment::OTHER.ne(Kind::Hat)).await?, 3);
    assert_eq!(em.count(Garment::OTHER.eq(Garment::KIND)).await?, 4);
    assert_eq!(em.count(Garment::OTHER.coalesce(Kind::Hat).eq(Kind::Hat)).await?, 2);
    assert_eq!(em.count(Garment::OTHER.coalesce(Kind::Hat).in_([Kind::Hat, Kind::Coat])).await?, 3);
    assert_eq!(em.count(Garment::FABRIC.eq(Fabric::Linen)).await?, 4);
    assert_eq!(em.count(Garment::FABRIC.in_([Fabric::Wool, Fabric::Linen])).await?, 4);
    assert_eq!(em.count(Garment::FABRIC.coalesce(Fabric::Wool).eq(Fabric::Wool)).await?, 1);
    Ok(())
}

/// They are projected, grouped by, streamed, paged through and cached.
pub async fn labels_are_read_in_every_way<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    let em = db.em();
    let kinds: Vec<(Kind, Option<Kind>)> =
        em.find_all::<Garment>().select((Garment::KIND, Garment::OTHER)).order_by(Garment::ID.asc()).await?;
    assert_eq!(kinds[3], (Kind::Shoe, Some(Kind::Shoe)));
    assert_eq!(kinds[4], (Kind::Coat, None));
    let streamed: Vec<_> = em.find_all::<Garment>().stream().chunk_size(2).try_collect().await?;
    assert_eq!(streamed.len(), 5);
    let by_kind = || (Garment::KIND.asc(), Garment::ID.asc());
    let all: Vec<i64> =
        em.find_all::<Garment>().order_by(by_kind()).await?.iter().map(orm_core::Loaded::id).collect();
    let mut paged = Vec::new();
    let mut page = em.find_all::<Garment>().order_by(by_kind()).page(2).await?;
    loop {
        paged.extend(page.items.iter().map(orm_core::Loaded::id));
        let Some(cursor) = page.end_cursor.filter(|_| page.has_next) else { break };
        page = em.find_all::<Garment>().order_by(by_kind()).page(2).after(cursor)?.await?;
    }
    assert_eq!(paged, all);
    for _ in 0..2 {
        let cached = db.em().find(Garment::KIND.eq(Kind::Hat)).cache(Duration::from_secs(60)).await?;
        assert_eq!(cached[0].get().other, Some(Kind::Hat));
    }
    Ok(())
}

/// An enum is a key, and a foreign key that leads to it.
pub async fn an_enum_is_a_key<B: Backend>() -> Result<()> {
    let db = wardrobe::empty::<B>().await?;
    let em = db.em();
    for (kind, room) in Kind::ALL.into_iter().zip(1..) {
        em.persist(Drawer { kind, room })?;
        em.persist(Garment { drawer: Some(Ref::key(kind)), ..Garment::default() })?;
    }
    em.flush().await?;
    let em = db.em();
    let garments = em.find_all::<Garment>().populate(Garment::DRAWER).order_by(Garment::ID.asc()).await?;
    let rooms: Vec<i32> =
        garments.iter().filter_map(|one| one.drawer().map(|drawer| drawer.get().room)).collect();
    assert_eq!(rooms, [1, 2, 3, 4]);
    let hats = em.find_by_id::<Drawer>(Kind::Hat).await?.expect("it was inserted");
    assert_eq!(em.count(Garment::DRAWER.is(Drawer::ROOM.gt(2))).await?, 2);
    for drawer in em.find_all::<Drawer>().await? {
        drawer.edit().room = 9;
    }
    em.flush().await?;
    em.upsert_many([Drawer { kind: Kind::Hat, room: 5 }, Drawer { kind: Kind::Coat, room: 6 }]).await?;
    assert_eq!(hats.get().room, 5);
    db.em().delete_many(Garment::DRAWER.is(Drawer::KIND.in_([Kind::Hat, Kind::Shoe]))).await?;
    let em = db.em();
    for drawer in em.find(Drawer::KIND.in_([Kind::Hat, Kind::Shoe])).await? {
        em.remove(&drawer)?;
    }
    em.flush().await?;
    assert_eq!((em.count(Drawer::ROOM.gt(0)).await?, em.count(Garment::ID.gt(0)).await?), (2, 2));
    Ok(())
}

/// Other programs can't store what is no label, whether the enum is a type of its own or text.
pub async fn the_database_refuses_what_is_no_label<B: Backend>() -> Result<()> {
    let db = wardrobe::empty::<B>().await?;
    let insert =
        |kind: &str, fabric: &str| format!("insert into garment (kind, fabric) values ('{kind}', {fabric})");
    db.run(&[&insert("coat", "'wool'"), &insert("coat", "null")]).await?;
    for wrong in [insert("Coat", "null"), insert("robe", "null"), insert("coat", "'silk'")] {
        db.run(&[&wrong]).await.expect_err("it is no label");
    }
    let usual = db.em().find_all::<Garment>().select(Garment::USUAL).await?;
    assert_eq!(usual, [Kind::Coat, Kind::Coat]);
    Ok(())
}

/// A label that the program does not know is an error that names the field and the labels it knows; nothing is loaded.
pub async fn an_unknown_label_is_an_error<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    let old = db.beside(|builder| builder.entity::<OldGarment>()).await?;
    let em = old.em();
    let error = em.find_all::<OldGarment>().await.expect_err("it knows coats alone");
    let Error::Value { entity, field, column, source } = &error else { panic!("{error:?}") };
    assert_eq!((*entity, *field, column.as_str()), ("OldGarment", "kind", "kind"));
    assert_eq!(*source, ValueError::UnknownLabel { expected: "OldKind", labels: &["coat"] });
    assert_eq!(
        error.source().map(ToString::to_string).as_deref(),
        Some("not one of the labels of `OldKind`, which are coat")
    );
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// The types go with the tables, and come again.
pub async fn types_of_enums_go_with_their_tables<B: Backend>() -> Result<()> {
    let db = one_of_each::<B>().await?;
    db.orm.schema().drop().await?;
    db.orm.schema().drop().await?;
    db.orm.schema().create().await?;
    let em = db.em();
    em.persist(Garment { kind: Kind::Hat, ..Garment::default() })?;
    em.flush().await?;
    assert_eq!(db.em().count(Garment::KIND.eq(Kind::Hat)).await?, 1);
    Ok(())
}

/// Enums that can't be what their attributes say are refused when the ORM is built.
pub async fn enums_without_sense_are_refused<B: Backend>() -> Result<()> {
    let refused = async |entities: fn(OrmBuilder) -> OrmBuilder, parts: &[&str]| {
        let error = TestDb::open::<B>(entities).await.expect_err("it makes no sense").to_string();
        parts.iter().for_each(|part| assert!(error.contains(part), "{part} in {error}"));
    };
    let two = ["`mood`", "`type_name = ", "Mood"];
    refused(|builder| builder.entity::<two_enums::One>().entity::<two_enums::Other>(), &[two[0], two[2]])
        .await;
    refused(|builder| builder.entity::<enum_default::Day>(), &["Day.mood", "\"sad\"", "good, bad"]).await;
    refused(|builder| builder.entity::<enum_length::Day>(), &["Day.mood", "`length`"]).await;
    refused(|builder| builder.entity::<enum_of_table::Mood>(), &["Mood", "`mood`", "type_name"]).await;
    Ok(())
}
