//! Unique values that one row gives up and another takes, in one flush.

use orm_core::{EntityManager, Error, Loaded, Ref, Result};

use crate::fixtures::banquet::{self, Candle, Guest, Table};
use crate::fixtures::blog::{self, Author, Profile};
use crate::fixtures::node::{self, Node};
use crate::fixtures::people::{self, Passport, Person};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

async fn guest(em: &EntityManager, name: &str) -> Result<Loaded<Guest>> {
    em.find_one_or_fail(Guest::NAME.eq(name)).await
}

/// The stored guests, by key: name, email, number and place.
async fn stored(db: &TestDb) -> Result<Vec<(String, Option<String>, i32, i32)>> {
    let guests = db.em().find_all::<Guest>().order_by(Guest::ID.asc()).await?;
    let row = |guest: &Loaded<Guest>| {
        let guest = guest.get();
        (guest.name.clone(), guest.email.clone(), guest.number, guest.place)
    };
    Ok(guests.iter().map(row).collect())
}

fn swap_emails(one: &Loaded<Guest>, other: &Loaded<Guest>) {
    let (first, second) = (one.get().email.clone(), other.get().email.clone());
    one.edit().email = second;
    other.edit().email = first;
}

/// Two rows exchange a value that may be NULL: one is emptied first. Case E97.
pub async fn two_rows_swap_a_value<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (guest(&em, "jon").await?, guest(&em, "sam").await?);

    swap_emails(&jon, &sam);

    let plan = em.flush_plan()?.to_string();
    assert_eq!(plan, "early update 1 Guest (email)\nearly update 1 Guest (email)\nupdate 1 Guest (email)");
    em.flush().await?;
    let emails: Vec<_> = stored(&db).await?.into_iter().filter_map(|row| row.1).collect();
    assert_eq!(emails, ["sam@example.org", "jon@example.org", "old@example.org"]);
    assert_eq!(jon.get().email.as_deref(), Some("sam@example.org"));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Two rows exchange values, a third is removed, and its heir takes its value. Case E97.
pub async fn values_are_swapped_beside_a_delete<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam, old) = (guest(&em, "jon").await?, guest(&em, "sam").await?, guest(&em, "old").await?);

    swap_emails(&jon, &sam);
    em.remove(&old)?;
    let heir = em.persist(Guest { email: old.get().email.clone(), ..Guest::new("heir", 3) })?;
    em.flush().await?;

    let emails: Vec<_> = stored(&db).await?.into_iter().filter_map(|row| row.1).collect();
    assert_eq!(emails, ["sam@example.org", "jon@example.org", "old@example.org"]);
    assert!(!em.contains(&old) && em.contains(&heir));
    assert_eq!(db.recorder.writes(), 5);
    Ok(())
}

/// What can't be NULL gets something that stands in for it, of its own type and length.
pub async fn required_values_go_round_in_a_circle<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let guests = em.find_all::<Guest>().order_by(Guest::ID.asc()).await?;
    let before: Vec<_> = guests.iter().map(|guest| guest.get()).collect();

    for (at, guest) in guests.iter().enumerate() {
        let next = &before[(at + 1) % 3];
        let mut guest = guest.edit();
        guest.name.clone_from(&next.name);
        guest.number = next.number;
        guest.email.clone_from(&next.email);
    }
    em.flush().await?;

    let names: Vec<_> = stored(&db).await?.into_iter().map(|row| (row.0, row.2)).collect();
    assert_eq!(names, [("sam".to_owned(), 2), ("old".to_owned(), 3), ("jon".to_owned(), 1)]);
    Ok(())
}

/// A whole table moves up by one place: however many guests, they are emptied at once and seated at once.
pub async fn a_long_line_moves_up_in_two_writes<B: Backend>() -> Result<()> {
    let db = banquet::empty::<B>().await?;
    let em = db.em();
    let table = em.persist(Table { name: "high".into(), ..Table::default() })?;
    for place in 0..300 {
        let guest = Guest::new(&format!("guest {place}"), place);
        em.persist(Guest { table: (&table).into(), place, ..guest })?;
    }
    em.flush().await?;
    let guests = table.guests_ref().items()?;
    db.recorder.reset();

    for guest in &guests {
        guest.edit().place += 1;
    }
    em.flush().await?;

    let seated = |rows| Operation::Update("Guest".into(), rows, vec!["place".into()]);
    assert_eq!(db.recorder.operations()[1..3], [seated(299), seated(300)]);
    assert_eq!(db.recorder.writes(), 2);
    let places: Vec<i32> = stored(&db).await?.into_iter().map(|row| row.3).collect();
    assert_eq!(places, (1..=300).collect::<Vec<_>>());
    Ok(())
}

/// However many pairs swap, the number of writes is the same.
pub async fn many_swaps_are_a_few_writes<B: Backend>() -> Result<()> {
    let db = banquet::empty::<B>().await?;
    let em = db.em();
    let guests = (0..200).map(|number| em.persist(Guest::with_email(&number.to_string(), number)));
    let guests = guests.collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    db.recorder.reset();

    for pair in guests.chunks(2) {
        let (first, second) = (pair[0].get().email.clone(), pair[1].get().email.clone());
        pair[0].edit().email = second;
        pair[1].edit().email = first;
    }
    em.flush().await?;

    assert_eq!(db.recorder.writes(), 3);
    let emails: Vec<_> = stored(&db).await?.into_iter().filter_map(|row| row.1).collect();
    assert_eq!((emails[0].as_str(), emails[1].as_str()), ("1@example.org", "0@example.org"));
    Ok(())
}

/// A value that is handed on from row to row is written from the end of the line.
pub async fn a_value_is_handed_on<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (guest(&em, "jon").await?, guest(&em, "sam").await?);

    em.persist(Guest { email: sam.get().email.clone(), ..Guest::new("new", 4) })?;
    sam.edit().email = jon.get().email.clone();
    jon.edit().email = Some("jon@wall.org".into());

    let plan = em.flush_plan()?.to_string();
    let lines: Vec<&str> = plan.lines().collect();
    assert_eq!(lines[..2], ["early update 1 Guest (email)"; 2]);
    assert!(lines[2].starts_with("insert 1 Guest"), "{plan}");
    em.flush().await?;
    let emails: Vec<_> = stored(&db).await?.into_iter().filter_map(|row| row.1).collect();
    assert_eq!(emails, ["jon@wall.org", "jon@example.org", "old@example.org", "sam@example.org"]);
    Ok(())
}

/// A row whose value an update takes goes early.
pub async fn a_removed_rows_value_is_free_for_an_update<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, old) = (guest(&em, "jon").await?, guest(&em, "old").await?);

    em.remove(&old)?;
    jon.edit().number = 3;

    assert_eq!(em.flush_plan()?.to_string(), "early delete 1 Guest\nupdate 1 Guest (number)");
    em.flush().await?;
    assert_eq!(stored(&db).await?.len(), 2);
    assert_eq!(guest(&db.em(), "jon").await?.get().number, 3);
    Ok(())
}

/// A row that nobody takes anything of goes last, as ever.
pub async fn a_delete_without_a_conflict_stays_last<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    em.remove(&guest(&em, "old").await?)?;
    em.persist(Guest::new("new", 4))?;
    guest(&em, "jon").await?.edit().email = None;

    let plan = em.flush_plan()?.to_string();

    let lines: Vec<&str> = plan.lines().collect();
    assert_eq!(lines[1..], ["update 1 Guest (email)", "delete 1 Guest"]);
    Ok(())
}

/// NULL is nobody's: any number of rows may have it at any time.
pub async fn null_is_in_nobodys_way<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let jon = guest(&em, "jon").await?;
    jon.edit().email = None;
    guest(&em, "sam").await?.edit().email = None;
    em.persist(Guest::new("new", 4))?;

    em.flush().await?;

    assert_eq!(stored(&db).await?.iter().filter(|row| row.1.is_none()).count(), 3);
    Ok(())
}

/// What refers to a row that goes early goes before it.
pub async fn children_of_an_early_delete_go_before_it<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let old = guest(&em, "old").await?;
    let child = em.persist(Guest { host: Some(old.to_ref()), ..Guest::new("child", 4) })?;
    em.flush().await?;

    em.remove(&old)?;
    em.remove(&child)?;
    em.persist(Guest::new("new", 3))?;
    em.flush().await?;

    assert_eq!(db.em().count(Guest::NAME.eq("child")).await?, 0);
    assert_eq!(guest(&db.em(), "new").await?.get().number, 3);
    Ok(())
}

/// A row that gets its key from a removed one, whose children go or are pointed elsewhere.
pub async fn a_key_is_taken_over<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node { id: 1, ..Node::new("root") })?;
    let old = em.persist(Node { id: 7, ..Node::new("old") })?;
    let leaf = em.persist(Node { id: 8, ..Node::below("leaf", Some(old.to_ref())) })?;
    let other = em.persist(Node { id: 9, ..Node::below("other", Some(old.to_ref())) })?;
    em.flush().await?;

    em.remove(&leaf)?;
    em.remove(&old)?;
    other.edit().parent = Some(root.to_ref());
    let new = em.persist(Node { id: 7, ..Node::new("new") })?;
    em.flush().await?;

    let stored = db.em().find_all::<Node>().order_by(Node::ID.asc()).await?;
    let names: Vec<_> = stored.iter().map(|node| (node.id(), node.get().name.clone())).collect();
    assert_eq!(names, [(1, "root".to_owned()), (7, "new".to_owned()), (9, "other".to_owned())]);
    assert_eq!(stored[2].parent_ref().key(), Some(1));
    assert!(em.contains(&new) && !em.contains(&old));
    Ok(())
}

/// The heir of a unique value takes over what refers to the row that goes, too.
pub async fn what_moves_to_the_heir_moves_before_the_delete<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow"));
    let jon = jon.populate((Author::BOOKS, Author::STUDENTS, Author::PROFILE)).await?;

    let heir = em.persist(Author { email: jon.get().email.clone(), ..Author::new("heir") })?;
    for book in &jon.books() {
        book.edit().author = heir.to_ref();
    }
    for student in &jon.students() {
        student.edit().mentor = Some(heir.to_ref());
    }
    jon.profile().expect("he has one").edit().author = heir.to_ref();
    em.remove(&jon)?;
    em.flush().await?;

    let stored = db.em().find_one_or_fail(Author::EMAIL.eq("jon@wall.org"));
    let stored = stored.populate((Author::BOOKS, Author::STUDENTS, Author::PROFILE)).await?;
    assert_eq!((stored.id(), stored.books().len(), stored.students().len()), (heir.id(), 3, 1));
    assert!(stored.profile().is_some());
    assert_eq!(db.em().count(Author::NAME.eq("Jon Snow")).await?, 0);
    Ok(())
}

/// A type without values to spare can't be exchanged: refused before any statement, by entity and field.
pub async fn an_exchange_without_a_stand_in_is_refused<B: Backend>() -> Result<()> {
    let db = banquet::empty::<B>().await?;
    let em = db.em();
    let lit = em.persist(Candle { lit: true, ..Candle::default() })?;
    let out = em.persist(Candle { lit: false, ..Candle::default() })?;
    em.flush().await?;
    db.recorder.reset();

    lit.edit().lit = false;
    out.edit().lit = true;
    let error = em.flush().await.expect_err("there are two truth values");

    assert!(matches!(error, Error::UniqueExchange { field: "lit", .. }), "{error}");
    assert!(error.to_string().contains("Candle["), "{error}");
    assert_eq!(db.statements(), 0);
    assert!(!lit.get().lit && out.get().lit);
    lit.edit().lit = true;
    out.edit().lit = false;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// One-to-one relations exchange their targets where they may be unset, and are refused where not.
pub async fn one_to_one_relations_are_exchanged<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let passports = em.find_all::<Passport>().order_by(Passport::NUMBER.asc()).await?;
    let people = em.find_all::<Person>().order_by(Person::NAME.asc()).await?;
    passports[1].edit().holder = Some(people[1].to_ref());
    em.flush().await?;

    passports[0].edit().holder = Some(people[1].to_ref());
    passports[1].edit().holder = Some(people[0].to_ref());
    em.flush().await?;

    let stored = db.em().find_all::<Passport>().order_by(Passport::NUMBER.asc()).await?;
    let holders: Vec<_> = stored.iter().map(|passport| passport.holder_ref().key()).collect();
    assert_eq!(holders, [Some(people[1].id()), Some(people[0].id())]);

    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let profiles = em.find_all::<Profile>().order_by(Profile::ID.asc()).await?;
    let (first, second) = (profiles[0].get().author.clone(), profiles[1].get().author.clone());
    profiles[0].edit().author = second;
    profiles[1].edit().author = first;
    db.recorder.reset();
    let error = em.flush().await.expect_err("no author stands in for another");
    assert!(matches!(error, Error::UniqueExchange { field: "author", .. }), "{error}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A one-to-one relation whose old item gives way to a new one. Case E96.
pub async fn a_one_to_one_relation_moves_to_a_new_row<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let ann = em.find_one_or_fail(Person::NAME.eq("Ann")).populate(Person::PASSPORT).await?;
    let old = ann.passport().expect("she has one");

    ann.passport_ref().set(Some(Ref::from(Passport::new("C"))))?;

    let plan = em.flush_plan()?.to_string();
    assert_eq!(plan, "early update 1 Passport (holder_id)\ninsert 1 Passport (number, holder_id)");
    em.flush().await?;
    let ann = db.em().find_by_id::<Person>(ann.id()).populate(Person::PASSPORT).await?.expect("she stayed");
    assert_eq!(ann.passport().map(|passport| passport.get().number.clone()).as_deref(), Some("C"));
    assert!(!old.holder_ref().is_set());
    Ok(())
}

/// An exchange that fails leaves everything as it was, and works when it is tried again.
pub async fn a_failed_exchange_can_be_repeated<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (guest(&em, "jon").await?, guest(&em, "sam").await?);
    swap_emails(&jon, &sam);
    let before = stored(&db).await?;

    for writes in 0..3 {
        db.recorder.inject_after(writes, Fault::Write);
        em.flush().await.expect_err("a fault was injected");
        assert_eq!(stored(&db).await?, before);
        assert_eq!(jon.get().email.as_deref(), Some("sam@example.org"));
    }
    em.flush().await?;

    assert_eq!(stored(&db).await?[0].1.as_deref(), Some("sam@example.org"));
    Ok(())
}

/// A value that two rows of a flush want is refused by the database, and named.
pub async fn a_value_that_two_rows_want_is_a_violation<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (guest(&em, "jon").await?, guest(&em, "sam").await?);
    let before = stored(&db).await?;

    jon.edit().email = sam.get().email.clone();
    let error = em.flush().await.expect_err("sam keeps it");

    assert!(error.is_violation_of(Guest::EMAIL), "{error}");
    assert_eq!(stored(&db).await?, before);
    Ok(())
}
