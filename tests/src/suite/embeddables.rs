//! Embedded structs: their fields are columns, and each is compared, merged, asked for and written by itself.

use std::error::Error as _;

use orm_core::value::ValueError;
use orm_core::{Error, OrmBuilder, Result, View};
use serde_json::json;

use crate::fixtures::customers::{self, Address, Contact, Customer, Geo, Kind, address};
use crate::fixtures::guests::{Clash, Seat, Show, Ticket, Twice, TwoUnderscores};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

async fn named(db: &TestDb, name: &str) -> Result<orm_core::Loaded<Customer>> {
    db.em().find_one_or_fail(Customer::NAME.eq(name)).await
}

fn update(columns: &[&str]) -> Operation {
    Operation::Update("Customer".to_owned(), 1, columns.iter().map(|column| (*column).to_owned()).collect())
}

/// Names of columns are those of the fields behind the prefixes, in the order of declaration.
pub async fn each_field_is_a_column_of_its_own<B: Backend>() -> Result<()> {
    let db = customers::empty::<B>().await?;
    let metadata = db.orm.metadata().of::<Customer>().expect("the model has it");
    let columns: Vec<&str> = metadata.columns.iter().map(|column| column.name.as_str()).collect();
    let expected = [
        "id",
        "address_street",
        "address_city",
        "address_zip",
        "address_kind",
        "address_geo_lat",
        "address_geo_lon",
        "address_note",
        "name",
        "bill_street",
        "bill_city",
        "bill_zip",
        "bill_kind",
        "bill_geo_lat",
        "bill_geo_lon",
        "bill_note",
        "created_at",
        "updated_at",
        "sponsor_id",
        "contact_email",
        "contact_phone_number",
        "rank",
    ];
    assert_eq!(columns, expected);
    let nullable: Vec<&str> =
        metadata.columns.iter().filter(|one| one.nullable).map(|one| &*one.name).collect();
    assert!(nullable.contains(&"bill_street") && nullable.contains(&"address_geo_lat"));
    assert!(!nullable.contains(&"address_street"), "{nullable:?}");
    assert_eq!(metadata.columns[3].length, Some(12));
    let indexes: Vec<&str> = metadata.indexes.iter().map(|index| &*index.name).collect();
    assert!(indexes.contains(&"customer_bill_city_index"), "{indexes:?}");
    assert!(indexes.contains(&"customer_contact_email_unique"), "{indexes:?}");
    Ok(())
}

/// What is saved is read again, in another context.
pub async fn an_embedded_struct_is_read_as_it_was_saved<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let ada = named(&db, "Ada").await?.get();
    assert_eq!(ada.address, address("Rue Monge 5", "Paris"));
    assert_eq!(
        ada.billing,
        Some(Address {
            postal_code: Some("00100".into()),
            kind: Kind::Work,
            geo: Some(Geo { lat: 41.5, lon: 12.25 }),
            ..address("Via Appia 1", "Rome")
        })
    );
    assert_eq!(ada.contact.email.as_deref(), Some("ada@example.org"));
    let bob = named(&db, "Bob").await?;
    assert_eq!((bob.get().address.geo.clone(), bob.get().rank), (Some(Geo { lat: 52.5, lon: 13.25 }), 2));
    assert_eq!(bob.get().billing, None);
    assert_eq!(bob.sponsor_ref().load().await?.get().name, "Ada");
    Ok(())
}

/// An update sets what changed, down to the field.
pub async fn an_edit_of_one_field_writes_its_column_alone<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let ada = em.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    ada.edit().address.city = "Lyon".into();
    em.flush().await?;
    ada.edit().billing.as_mut().expect("she is billed").geo = Some(Geo { lat: 41.5, lon: 12.5 });
    em.flush().await?;

    let updates: Vec<Operation> =
        db.recorder.operations().into_iter().filter(|one| matches!(one, Operation::Update(..))).collect();
    assert_eq!(updates, [update(&["address_city", "updated_at"]), update(&["bill_geo_lon", "updated_at"])]);
    let read = named(&db, "Ada").await?.get();
    assert_eq!((read.address.city.as_str(), read.address.street.as_str()), ("Lyon", "Rue Monge 5"));
    assert_eq!(read.billing.as_ref().and_then(|one| one.geo.clone()), Some(Geo { lat: 41.5, lon: 12.5 }));
    Ok(())
}

/// Guards that edit different fields of one struct are both kept, also where it may be absent.
pub async fn edits_of_different_fields_are_merged<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let ada = em.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    {
        let (mut first, mut second) = (ada.edit(), ada.edit());
        first.address.street = "Rue Neuve 1".into();
        second.address.city = "Lyon".into();
        first.billing.as_mut().expect("she is billed").street = "Via Sacra 2".into();
        second.billing.as_mut().expect("she is billed").geo.as_mut().expect("it is known").lat = 42.0;
    }
    let now = ada.get();
    assert_eq!((now.address.street.as_str(), now.address.city.as_str()), ("Rue Neuve 1", "Lyon"));
    let billing = now.billing.as_ref().expect("she is billed");
    assert_eq!(
        (billing.street.as_str(), billing.geo.clone()),
        ("Via Sacra 2", Some(Geo { lat: 42.0, lon: 12.25 }))
    );
    Ok(())
}

/// A later row wins in the fields of a struct that were not edited, and in those alone.
pub async fn a_later_row_keeps_the_edited_field<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let ada = em.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    ada.edit().address.checked = true;
    ada.edit().address.city = "Lyon".into();
    let other = db.em();
    let theirs = other.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    theirs.edit().address = address("Rue Neuve 1", "Nice");
    other.flush().await?;

    em.find_all::<Customer>().await?;
    let now = ada.get();
    assert_eq!((now.address.street.as_str(), now.address.city.as_str()), ("Rue Neuve 1", "Lyon"));
    assert!(now.address.checked, "no row says anything of it");

    db.recorder.reset();
    em.flush().await?;
    assert!(db.recorder.operations().contains(&update(&["address_city", "updated_at"])));
    em.refresh(&ada).await?;
    assert_eq!(ada.get().address.city, "Lyon");
    Ok(())
}

/// Fields in conditions and orders, of nested structs too, and through relations.
pub async fn a_field_of_a_struct_is_asked_for_as_any_other<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let names = async |condition: orm_core::Condition<Customer>| -> Result<String> {
        let found = em.find(condition).order_by(Customer::ADDRESS.field(Address::STREET).asc()).await?;
        Ok(found.iter().map(|one| one.get().name.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(names(Customer::ADDRESS.field(Address::CITY).eq("Paris")).await?, "Cleo Ada");
    assert_eq!(names(Customer::ADDRESS.field(Address::KIND).eq(Kind::Home)).await?, "Bob Cleo Ada");
    let geo = Customer::ADDRESS.field(Address::GEO);
    assert_eq!(names(geo.field(Geo::LAT).gt(50.0)).await?, "Bob");
    assert_eq!(names(geo.is_null()).await?, "Cleo Ada");
    assert_eq!(names(Customer::BILLING.field(Address::CITY).like("R%")).await?, "Ada");
    assert_eq!(names(Customer::BILLING.field(Address::GEO).field(Geo::LON).eq(12.25)).await?, "Ada");
    assert_eq!(names(Customer::BILLING.is_null()).await?, "Bob Cleo");
    assert_eq!(names(Customer::BILLING.is_not_null()).await?, "Ada");
    assert_eq!(names(Customer::BILLING.field(Address::POSTAL_CODE).is_null()).await?, "Bob Cleo");
    assert_eq!(names(Customer::SPONSOR.is(Customer::ADDRESS.field(Address::CITY).eq("Paris"))).await?, "Bob");
    assert_eq!(names(Customer::ADDRESS.eq(&address("Avenue 7", "Paris"))).await?, "Cleo");
    assert_eq!(names(Customer::BILLING.eq(&None)).await?, "Bob Cleo");
    assert_eq!(names(Customer::CONTACT.field(Contact::EMAIL).is_not_null()).await?, "Ada");
    Ok(())
}

/// A struct that is absent is NULL in all its columns, and comes and goes as a whole.
pub async fn an_optional_struct_comes_and_goes_as_a_whole<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Customer::NAME.eq("Bob")).await?;
    bob.edit().billing = Some(address("Gasse 3", "Vienna"));
    em.flush().await?;
    assert_eq!(named(&db, "Bob").await?.get().billing, Some(address("Gasse 3", "Vienna")));

    db.recorder.reset();
    bob.edit().billing = None;
    em.flush().await?;
    let all =
        ["bill_street", "bill_city", "bill_zip", "bill_kind", "bill_geo_lat", "bill_geo_lon", "bill_note"];
    assert!(db.recorder.operations().contains(&update(&[&all[..], &["updated_at"]].concat())));
    assert_eq!(named(&db, "Bob").await?.get().billing, None);

    // Within one that stays, an inner one goes.
    bob.edit().address.geo = None;
    em.flush().await?;
    assert_eq!(named(&db, "Bob").await?.get().address, address("Allee 9", "Berlin"));
    Ok(())
}

/// One who removes a struct and one who edits a field in it: the last to publish has the whole of it.
pub async fn a_struct_that_goes_is_not_mixed_with_an_edit_in_it<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let ada = em.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    let (mut goes, mut edits) = (ada.edit(), ada.edit());
    goes.billing = None;
    edits.billing.as_mut().expect("she is billed").postal_code = Some("1".into());
    drop(edits);
    drop(goes);
    assert_eq!(ada.get().billing, None);

    let bob = em.find_one_or_fail(Customer::NAME.eq("Bob")).await?;
    let (mut first, mut second) = (bob.edit(), bob.edit());
    first.billing = Some(Address { postal_code: Some("1".into()), ..address("Gasse 3", "Vienna") });
    second.billing = Some(address("Platz 4", "Graz"));
    drop(first);
    drop(second);
    assert_eq!(bob.get().billing, Some(address("Platz 4", "Graz")));
    em.flush().await?;
    assert_eq!(named(&db, "Bob").await?.get().billing, Some(address("Platz 4", "Graz")));
    assert_eq!(named(&db, "Ada").await?.get().billing, None);
    Ok(())
}

/// Some columns of a struct are NULL that must not be: the error names the field in it.
pub async fn a_row_with_a_part_of_a_struct_is_refused<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    db.run(&["UPDATE customer SET bill_street = NULL WHERE name = 'Ada'"]).await?;
    let error = named(&db, "Ada").await.expect_err("a street is required");
    let Error::Value { entity, field, column, source } = &error else { panic!("{error:?}") };
    assert_eq!((*entity, *field, column.as_str()), ("Customer", "billing.street", "bill_street"));
    assert!(matches!(source, ValueError::UnexpectedNull { .. }), "{source:?}");
    assert!(error.to_string().contains("Customer.billing.street"), "{error}");
    assert!(error.source().is_some());
    // All of them NULL is a struct that is absent.
    db.run(&[
        "UPDATE customer SET bill_city = NULL, bill_zip = NULL, bill_kind = NULL, bill_geo_lat = NULL, bill_geo_lon = NULL, \
         bill_note = NULL WHERE name = 'Ada'",
    ])
    .await?;
    assert_eq!(named(&db, "Ada").await?.get().billing, None);
    Ok(())
}

/// A constraint on a field in a struct names that field.
pub async fn a_violation_names_the_field_in_the_struct<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let email = Some("ada@example.org".to_owned());
    let contact = Contact { email, ..Contact::default() };
    em.persist(Customer { contact, ..Customer::new("Eve", address("Weg 1", "Bern")) })?;
    let error = em.flush().await.expect_err("the email is taken");
    assert!(error.is_violation_of(Customer::CONTACT.field(Contact::EMAIL)), "{error:?}");
    assert!(!error.is_violation_of(Customer::CONTACT.field(Contact::PHONE_NUMBER)));
    assert!(error.to_string().contains("Customer.contact.email"), "{error}");
    Ok(())
}

/// A response has a struct as an object, without what is hidden in it.
pub async fn a_struct_is_an_object_in_a_response<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let ada = named(&db, "Ada").await?;
    let mut shown = serde_json::to_value(&ada).map_err(Error::other)?;
    let stamps = shown.as_object_mut().and_then(|shown| shown.remove("stamps")).expect("they are shown");
    assert!(stamps["created_at"].is_string() && stamps["updated_at"].is_null(), "{stamps}");
    let expected = json!({
        "id": 1,
        "address": { "street": "Rue Monge 5", "city": "Paris", "postal_code": null, "kind": "home", "geo": null },
        "name": "Ada",
        "billing": {
            "street": "Via Appia 1", "city": "Rome", "postal_code": "00100", "kind": "work",
            "geo": { "lat": 41.5, "lon": 12.25 },
        },
        "sponsor": null,
        "contact": { "email": "ada@example.org", "phoneNumber": null },
        "rank": 1,
    });
    assert_eq!(shown, expected);
    let bob = serde_json::to_value(named(&db, "Bob").await?).map_err(Error::other)?;
    assert!(bob["billing"].is_null(), "{bob}");
    assert!(!format!("{ada:?}").contains("note"), "{ada:?}");
    assert!(format!("{ada:?}").contains("billing.street"), "{ada:?}");
    Ok(())
}

/// Values that the ORM makes are made in a struct too.
pub async fn fields_of_a_struct_are_made<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let ada = em.find_one_or_fail(Customer::NAME.eq("Ada")).await?;
    assert!(ada.get().stamps.created_at.is_some() && ada.get().stamps.updated_at.is_none());
    ada.edit().rank = 9;
    em.flush().await?;
    assert!(ada.get().stamps.updated_at.is_some());
    let updated = Customer::STAMPS.field(customers::Stamps::UPDATED_AT);
    em.update_many(Customer::NAME.eq("Bob")).set(Customer::RANK, 8).await?;
    assert_eq!(db.em().count(updated.is_not_null()).await?, 2);
    Ok(())
}

/// Writes without the unit of work take the fields in a struct.
pub async fn bulk_writes_take_fields_of_a_struct<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let city = Customer::ADDRESS.field(Address::CITY);
    let moved = em.update_many(city.eq("Paris")).set(city, "Lyon").await?;
    assert_eq!((moved, db.em().count(city.eq("Lyon")).await?), (2, 2));

    let email = |name: &str| Contact { email: Some(name.to_owned()), phone_number: Some("1".to_owned()) };
    em.insert_many([
        Customer { contact: email("dan"), ..Customer::new("Dan", address("Weg 1", "Bern")) },
        Customer {
            billing: Some(address("Weg 2", "Bern")),
            ..Customer::new("Eve", address("Weg 1", "Bern"))
        },
    ])
    .await?;
    assert_eq!(named(&db, "Eve").await?.get().billing, Some(address("Weg 2", "Bern")));
    em.upsert_many([Customer {
        contact: email("dan"),
        rank: 7,
        ..Customer::new("Dan", address("Weg 9", "Basel"))
    }])
    .on_conflict(Customer::CONTACT.field(Contact::EMAIL))
    .await?;
    let dan = named(&db, "Dan").await?.get();
    assert_eq!((dan.address.city.as_str(), dan.rank), ("Basel", 7));
    assert_eq!(db.em().count(Customer::NAME.eq("Dan")).await?, 1);
    Ok(())
}

/// Fields of a struct are selected and grouped by, without the entity.
pub async fn fields_of_a_struct_are_selected<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let em = db.em();
    let (city, billed) = (Customer::ADDRESS.field(Address::CITY), Customer::BILLING.field(Address::CITY));
    let rows = em.find_all::<Customer>().select((Customer::NAME, city, billed)).order_by(city.asc()).await?;
    assert_eq!(rows[0], ("Bob".to_owned(), "Berlin".to_owned(), None));
    assert!(rows.contains(&("Ada".to_owned(), "Paris".to_owned(), Some("Rome".to_owned()))));
    let counts = em
        .find_all::<Customer>()
        .select((city, orm_core::count_rows()))
        .group_by(city)
        .order_by(city.asc())
        .await?;
    assert_eq!(counts, [("Berlin".to_owned(), 1), ("Paris".to_owned(), 2)]);
    Ok(())
}

/// A struct is selected as a whole, beside fields, and absent where it is.
pub async fn whole_structs_are_selected<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let selected = (Customer::NAME, Customer::ADDRESS, Customer::BILLING, Customer::RANK);
    let rows = db.em().find_all::<Customer>().select(selected).order_by(Customer::RANK.asc()).await?;
    let ada = named(&db, "Ada").await?.get();
    assert_eq!(rows[0], ("Ada".to_owned(), ada.address.clone(), ada.billing.clone(), 1));
    assert_eq!((&rows[1].2, rows[1].1.geo.clone()), (&None, Some(Geo { lat: 52.5, lon: 13.25 })));
    let geo = Customer::BILLING.field(Address::GEO);
    let inner = db.em().find_all::<Customer>().select(geo).order_by(Customer::RANK.asc()).await?;
    assert_eq!(inner, [Some(Geo { lat: 41.5, lon: 12.25 }), None, None]);
    Ok(())
}

/// Who, and where.
#[derive(View, Clone, Debug, PartialEq)]
#[view(of = Customer)]
struct Card {
    name: String,
    #[view(embedded)]
    address: Address,
    #[view(embedded, from = billing)]
    billed: Option<Address>,
}

/// Who, where, and through whom.
#[derive(View, Clone, Debug, PartialEq)]
#[view(of = Customer)]
struct Introduction {
    #[view(expr = Customer::ADDRESS.field(Address::CITY))]
    city: String,
    #[view(expr = Customer::BILLING.field(Address::CITY))]
    billed_in: Option<String>,
    #[view(nested)]
    sponsor: Option<Card>,
    rank: i32,
}

/// A view has whole structs, fields in them, and both through relations; from a query and from a handle.
pub async fn a_view_shows_structs_and_fields_in_them<B: Backend>() -> Result<()> {
    let db = customers::seeded::<B>().await?;
    let ada = named(&db, "Ada").await?;
    let card =
        Card { name: "Ada".into(), address: ada.get().address.clone(), billed: ada.get().billing.clone() };
    assert_eq!(ada.view::<Card>()?, card);
    let all = db.em().find_all::<Customer>().view::<Introduction>().order_by(Customer::RANK.asc()).await?;
    let introduced = |city: &str, billed_in: Option<&str>, sponsor, rank| Introduction {
        city: city.to_owned(),
        billed_in: billed_in.map(str::to_owned),
        sponsor,
        rank,
    };
    assert_eq!(
        all,
        [
            introduced("Paris", Some("Rome"), None, 1),
            introduced("Berlin", None, Some(card), 2),
            introduced("Paris", None, None, 3),
        ]
    );
    Ok(())
}

/// The case of an entity's columns is that of what is embedded in it; a prefix and a name stay as they are written.
pub async fn columns_are_named_by_the_entity<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(OrmBuilder::entity::<Ticket>).await?;
    let ticket = db.orm.metadata().of::<Ticket>().expect("the model has it");
    let columns: Vec<&str> = ticket.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(columns, ["id", "seatRowName", "seat_no", "oldrowName", "oldno", "showId"]);
    Ok(())
}

/// The program's own rules for prefixes.
pub async fn a_naming_strategy_decides_on_prefixes<B: Backend>() -> Result<()> {
    let configure = |builder: OrmBuilder| builder.entity::<Customer>().naming_strategy(TwoUnderscores);
    let db = TestDb::open::<B>(configure).await?;
    let customer = db.orm.metadata().of::<Customer>().expect("the model has it");
    let columns: Vec<&str> = customer.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(
        columns[1..6],
        ["address__street", "address__city", "address__zip", "address__kind", "address__geo__lat"]
    );
    assert_eq!(columns[13..15], ["bill_geo__lat", "bill_geo__lon"]);
    Ok(())
}

/// `unique(..)`, `index(..)` and `order_by` reach into structs.
pub async fn indexes_and_orders_name_fields_in_structs<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(OrmBuilder::entity::<Ticket>).await?;
    let em = db.em();
    let show = em.persist(Show::default())?;
    let ticket = |number| Ticket {
        seat: Seat { row_name: "A".to_owned(), number },
        show: show.to_ref(),
        ..Ticket::default()
    };
    for number in [2, 3, 1] {
        em.persist(ticket(number))?;
    }
    em.flush().await?;
    let shows = db.em().find_all::<Show>().populate(Show::TICKETS).await?;
    let seats: Vec<i32> = shows[0].tickets().iter().map(|ticket| ticket.get().seat.number).collect();
    assert_eq!(seats, [3, 2, 1]);

    em.persist(ticket(2))?;
    let error = em.flush().await.expect_err("the seat is taken");
    let number = Ticket::SEAT.field(Seat::NUMBER);
    assert!(
        error.is_violation_of(number) && error.is_violation_of(Ticket::SEAT.field(Seat::ROW_NAME)),
        "{error:?}"
    );
    assert!(!error.is_violation_of(Ticket::FORMER_SEAT.field(Seat::NUMBER)));
    let violation = error.violation().expect("it is one");
    assert_eq!(violation.fields, ["show", "seat.row_name", "seat.number"]);
    Ok(())
}

/// A column that two fields would have is an error that names both, when the ORM is built.
pub async fn two_fields_on_one_column_are_refused<B: Backend>() -> Result<()> {
    let names = ["Clash.seat.row_name", "Clash.seat_row_name", "`seat_row_name`", "prefix = "];
    refused::<B>(OrmBuilder::entity::<Clash>, &names).await;
    let names = ["Twice.seat.row_name", "Twice.other.row_name", "`row_name`", "prefix = "];
    refused::<B>(OrmBuilder::entity::<Twice>, &names).await;
    Ok(())
}

async fn refused<B: Backend>(configure: fn(OrmBuilder) -> OrmBuilder, told: &[&str]) {
    let error = TestDb::open_without_tables::<B>(configure).await.expect_err("two fields have one column");
    let error = error.to_string();
    assert!(told.iter().all(|part| error.contains(part)), "{error}");
}
