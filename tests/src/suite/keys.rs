//! Every kind of key: who makes it, when it is known, and what refers to it.

use orm_core::{Error, Ref, Result};
use uuid::Uuid;

use crate::Backend;
use crate::fixtures::keys::{
    self, Citizen, Currency, Draft, Order, OrderLine, Parcel, Passport, Plate, Star, Ticket, Token,
};
use crate::recorder::Operation;

/// A UUID is made when the entity is persisted: of version 7, in the order of making, known before the flush.
pub async fn a_uuid_is_made_when_the_entity_is_persisted<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let first = em.persist(Token { holder: "Arya".into(), ..Token::default() })?;
    let second = em.persist(Token { holder: "Bran".into(), ..Token::default() })?;

    assert_eq!(first.id().get_version_num(), 7);
    assert!(first.id() < second.id());
    assert!(em.find_by_id::<Token>(first.id()).await? == Some(first.without_hints()));
    assert_eq!(db.statements(), 0);
    em.flush().await?;

    assert_eq!(db.recorder.operations()[1], Operation::Insert("Token".into(), 2));
    assert_eq!(db.statements(), 3);
    let row = db.em().find_by_id::<Token>(second.id()).await?;
    assert_eq!(row.map(|row| row.get().holder.clone()).as_deref(), Some("Bran"));
    Ok(())
}

/// A UUID that the program assigns is kept.
pub async fn an_assigned_uuid_is_kept<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let id = Uuid::from_u128(0x1234);
    let token = em.persist(Token { id, holder: "Arya".into() })?;

    em.flush().await?;

    assert_eq!(token.id(), id);
    assert!(db.em().find_by_id::<Token>(id).await?.is_some());
    Ok(())
}

/// `default = path` makes a key where none is assigned.
pub async fn a_function_makes_a_key_that_is_not_assigned<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let made = em.persist(Ticket { subject: "made".into(), ..Ticket::default() })?;
    let assigned = em.persist(Ticket { code: "MINE".into(), subject: "assigned".into() })?;
    assert!(made.id().starts_with("T-"), "{}", made.id());

    em.flush().await?;

    let other = db.em();
    for (ticket, subject) in [(made, "made"), (assigned, "assigned")] {
        let row = other.find_by_id::<Ticket>(ticket.id()).await?;
        assert_eq!(row.map(|row| row.get().subject.clone()).as_deref(), Some(subject));
    }
    Ok(())
}

/// A key that the program assigns is inserted as given, also where the database would make one.
pub async fn an_assigned_key_is_inserted_as_given<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let euro = em.persist(Currency { code: "EUR".into(), name: "Euro".into() })?;
    let order = em.persist(Order { id: 4_711, customer: "Arya".into(), ..Order::default() })?;
    let next = em.persist(Order { customer: "Bran".into(), ..Order::default() })?;
    assert_eq!((euro.id(), order.id(), next.id()), ("EUR".to_owned(), 4_711, 0));

    em.flush().await?;

    assert_eq!(order.id(), 4_711);
    assert!(next.id() != 0 && next.id() != 4_711);
    let other = db.em();
    assert!(other.find_by_id::<Currency>("EUR").await?.is_some());
    assert_eq!(
        other.find_by_id::<Order>(4_711).await?.map(|row| row.get().customer.clone()),
        Some("Arya".into())
    );
    Ok(())
}

/// An `Option` as key is `None` until the database made it.
pub async fn an_optional_key_is_none_until_it_is_made<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let draft = em.persist(Draft { title: "Winds".into(), ..Draft::default() })?;
    let given = em.persist(Draft { id: Some(42), title: "Dream".into() })?;
    assert_eq!((draft.id(), draft.try_id(), given.try_id()), (None, None, Some(42)));

    em.flush().await?;

    let id = draft.id().expect("the database made it");
    assert_eq!(draft.try_id(), Some(id));
    let other = db.em();
    assert_eq!(other.find_by_id::<Draft>(id).await?.map(|row| row.id()), Some(Some(id)));
    assert_eq!(
        other.find_by_id::<Draft>(42).await?.map(|row| row.get().title.clone()).as_deref(),
        Some("Dream")
    );
    Ok(())
}

/// A key that nobody makes and the program forgot is refused before any statement, by name; and set afterwards.
pub async fn a_forgotten_key_is_refused_and_may_be_set<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let plate = em.persist(Plate::default())?;

    let error = em.flush().await.expect_err("it has no key");
    assert!(matches!(error, Error::MissingKey { entity: "Plate", .. }), "{error}");
    assert_eq!(db.statements(), 0);

    plate.edit().number = Some("W-1".into());
    em.flush().await?;
    assert!(db.em().find_by_id::<Plate>("W-1").await?.is_some());
    assert_eq!(plate.try_id().as_deref(), Some("W-1"));
    Ok(())
}

/// The key of a new entity may be set in an edit: the identity map knows it from the flush on.
pub async fn a_key_set_in_an_edit_is_the_key<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let order = em.persist(Order { customer: "Arya".into(), ..Order::default() })?;
    order.edit().id = 99;

    em.flush().await?;

    assert_eq!(order.try_id(), Some(99));
    assert!(em.find_by_id::<Order>(99).await? == Some(order.without_hints()));
    assert_eq!(
        db.em().find_by_id::<Order>(99).await?.map(|row| row.get().customer.clone()),
        Some("Arya".into())
    );
    Ok(())
}

/// A row keeps its key: an edit of it is refused by name, and can be taken back.
pub async fn the_key_of_a_managed_entity_can_not_be_changed<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let euro = em.persist(Currency { code: "EUR".into(), name: "Euro".into() })?;
    em.flush().await?;
    db.recorder.reset();

    euro.edit().code = "XEU".into();
    euro.edit().name = "Ecu".into();
    let error = em.flush().await.expect_err("the key was changed");
    let Error::KeyChanged { key } = &error else { panic!("{error}") };
    assert_eq!(key.to_string(), "Currency[EUR]");
    assert_eq!(db.statements(), 0);

    euro.edit().code = "EUR".into();
    em.flush().await?;
    assert_eq!(
        db.em().find_by_id::<Currency>("EUR").await?.map(|row| row.get().name.clone()),
        Some("Ecu".into())
    );
    Ok(())
}

/// A stored key that looks unassigned is a key: zero, and the empty text.
pub async fn a_stored_key_of_zero_is_a_key<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let writer = db.beside(|builder| builder.entity::<PlainOrder>()).await?;
    let em = writer.em();
    em.persist(PlainOrder { id: 0, customer: "nobody".into() })?;
    em.flush().await?;
    let em = db.em();
    em.persist(Currency::default())?;
    em.flush().await?;

    let order = em.find_one_or_fail(Order::CUSTOMER.eq("nobody")).await?;
    assert_eq!((order.id(), order.try_id()), (0, Some(0)));
    assert!(em.find_by_id::<Order>(0).await? == Some(order.clone()));
    order.edit().customer = "somebody".into();
    em.persist(OrderLine { order: (&order).into(), position: 1, ..OrderLine::default() })?;
    em.flush().await?;
    assert_eq!(db.em().count(Order::LINES.some(OrderLine::POSITION.eq(1))).await?, 1);
    assert_eq!(
        db.em().find_by_id::<Order>(0).await?.map(|row| row.get().customer.clone()),
        Some("somebody".into())
    );
    assert!(db.em().find_by_id::<Currency>("").await?.is_some());
    Ok(())
}

/// [`Order`] without a key that the database makes.
#[derive(orm_core::Entity, Clone, Debug, Default)]
#[entity(table = "order")]
struct PlainOrder {
    #[entity(id)]
    id: i64,
    customer: String,
}

/// A key that no column can hold is an error that names entity and field, wherever it is given.
pub async fn a_key_that_no_column_holds_is_refused<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let too_large = u64::MAX;
    let errors = [
        em.persist(Star { catalogue_number: too_large }).map(drop),
        em.get_reference::<Star>(too_large).map(drop),
        em.find_by_id::<Star>(too_large).await.map(drop),
        em.find(Star::CATALOGUE_NUMBER.eq(too_large)).await.map(drop),
    ];
    for error in errors {
        let error = error.expect_err("a column holds 63 bits of it");
        assert!(matches!(error, Error::Value { entity: "Star", field: "catalogue_number", .. }), "{error:?}");
        assert!(!error.to_string().contains("18446744073709551615"), "{error}");
    }
    assert_eq!(db.statements(), 0);
    let most = em.persist(Star { catalogue_number: i64::MAX as u64 })?;
    em.flush().await?;
    assert!(db.em().find_by_id::<Star>(most.id()).await?.is_some());
    Ok(())
}

/// An entity whose key is a relation has the key of its target, also of one that gets its own in the same flush.
pub async fn a_shared_key_is_that_of_its_target<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Citizen { name: "Arya".into(), ..Citizen::default() })?;
    let passport = em.persist(Passport { citizen: (&arya).into(), number: "A1".into() })?;
    let nested = Citizen { name: "Bran".into(), ..Citizen::default() };
    let nested = em.persist(Passport { citizen: nested.into(), number: "B2".into() })?;
    assert_eq!(passport.try_id(), None);

    em.flush().await?;

    assert_eq!(passport.id(), arya.id());
    assert!(em.find_by_id::<Passport>(arya.id()).await? == Some(passport.without_hints()));
    let stored = db.em();
    let row = stored.find_by_id::<Passport>(nested.id()).populate(Passport::CITIZEN).await?;
    let row = row.expect("it was inserted");
    assert_eq!((row.citizen().get().name.as_str(), row.citizen().id()), ("Bran", nested.id()));
    let arya = stored.find_by_id::<Citizen>(arya.id()).populate(Citizen::PASSPORT).await?;
    let passport = arya.and_then(|arya| arya.passport());
    assert_eq!(passport.map(|passport| passport.get().number.clone()).as_deref(), Some("A1"));
    Ok(())
}

/// A shared key of a row that exists is known at once.
pub async fn a_shared_key_of_a_known_target_is_known_at_once<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Citizen { name: "Arya".into(), ..Citizen::default() })?;
    em.flush().await?;

    let passport = em.persist(Passport { citizen: arya.to_ref(), number: "A1".into() })?;
    assert_eq!(passport.try_id(), Some(arya.id()));
    em.flush().await?;
    em.remove(&passport)?;
    em.remove(&arya)?;
    em.flush().await?;

    assert_eq!(em.managed_count()?, 0);
    assert_eq!(db.em().count(orm_core::Condition::<Citizen>::always()).await?, 0);
    Ok(())
}

/// A shared key whose relation is not set: refused by name, and `try_id` says so without a panic.
pub async fn a_shared_key_without_its_target_is_refused<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let passport = em.persist(Passport { citizen: Ref::default(), number: "A1".into() })?;
    assert_eq!(passport.try_id(), None);

    let error = em.flush().await.expect_err("its citizen is required");

    assert!(matches!(error, Error::RequiredRelation { relation: "citizen", .. }), "{error}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A key of several parts is inserted, found, updated and deleted by all of them.
pub async fn a_composite_key_names_its_row<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let order = em.persist(Order { customer: "Arya".into(), ..Order::default() })?;
    for (position, product) in [(1, "needle"), (2, "thread"), (3, "coin")] {
        em.persist(OrderLine {
            order: (&order).into(),
            position,
            product: product.into(),
            ..OrderLine::default()
        })?;
    }
    em.flush().await?;
    em.clear()?;

    let key = |position| (order.id(), position);
    let second = em.find_by_id::<OrderLine>(key(2)).await?.expect("it was inserted");
    assert_eq!((second.id(), second.get().product.as_str()), (key(2), "thread"));
    second.edit().product = "rope".into();
    em.remove(em.get_reference::<OrderLine>(key(3))?)?;
    db.recorder.reset();
    em.flush().await?;

    let expected = [
        Operation::Update("OrderLine".into(), 1, vec!["product".into()]),
        Operation::Delete("OrderLine".into(), 1),
    ];
    assert_eq!(db.recorder.operations()[1..3], expected);
    let lines = db.em().find_by_id::<Order>(order.id()).populate(Order::LINES).await?.expect("it is there");
    let products: Vec<String> = lines.lines().iter().map(|line| line.get().product.clone()).collect();
    assert_eq!(products, ["needle", "rope"]);
    Ok(())
}

/// Foreign keys to a composite key have a column for each part, and are followed both ways.
pub async fn a_composite_key_is_referred_to_by_all_its_parts<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let order = em.persist(Order { customer: "Arya".into(), ..Order::default() })?;
    let line = |position| OrderLine { order: (&order).into(), position, ..OrderLine::default() };
    let (first, second) = (em.persist(line(1))?, em.persist(line(2))?);
    let parcel = em.persist(Parcel { line: (&first).into(), ..Parcel::default() })?;
    em.persist(Parcel { line: (&first).into(), replacement: (&second).into(), ..Parcel::default() })?;
    em.flush().await?;

    let other = db.em();
    let stored =
        other.find_by_id::<Parcel>(parcel.id()).populate((Parcel::LINE, Parcel::REPLACEMENT)).await?;
    let stored = stored.expect("it was inserted");
    assert_eq!(stored.line().id(), (order.id(), 1));
    assert!(stored.replacement().is_none());
    let line = other.find_by_id::<OrderLine>((order.id(), 1)).populate(OrderLine::PARCELS).await?;
    assert_eq!(line.expect("it was inserted").parcels().len(), 2);
    let replaced = other.find(Parcel::REPLACEMENT.eq((order.id(), 2))).await?;
    assert_eq!(replaced.len(), 1);

    stored.edit().replacement = Some(Ref::key((order.id(), 2)));
    db.recorder.reset();
    other.flush().await?;
    let columns = vec!["replacement_order_id".into(), "replacement_position".into()];
    assert_eq!(db.recorder.operations()[1], Operation::Update("Parcel".into(), 1, columns));
    Ok(())
}

/// The parts of a composite key that is not complete are named.
pub async fn an_incomplete_composite_key_is_refused<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    em.persist(OrderLine { position: 1, ..OrderLine::default() })?;

    let error = em.flush().await.expect_err("its order is not set");

    assert!(matches!(error, Error::RequiredRelation { relation: "order", .. }), "{error}");
    assert_eq!(db.statements(), 0);
    Ok(())
}
