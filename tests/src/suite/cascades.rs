//! What goes with a removed entity, and what goes when its owner lets go of it.

use orm_core::{Condition, Entity, EntityManager, Error, Loaded, Ref, Result};

use crate::fixtures::household::{self, Deed, Household, Note, Pet, Photo, Room, Safe, Thing, Visit};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

async fn stark(em: &EntityManager) -> Result<Loaded<Household>> {
    em.find_one_or_fail(Household::NAME.eq("Stark")).await
}

async fn count<T: Entity>(db: &TestDb) -> Result<u64> {
    db.em().count(Condition::<T>::always()).await
}

async fn room_names(db: &TestDb) -> Result<Vec<String>> {
    let rooms = db.em().find_all::<Room>().order_by(Room::NAME.asc()).await?;
    Ok(rooms.iter().map(|room| room.get().name.clone()).collect())
}

fn deleted(db: &TestDb) -> Vec<(String, usize)> {
    let deletes = db.recorder.operations().into_iter().filter_map(|operation| match operation {
        Operation::Delete(entity, rows) => Some((entity, rows)),
        _ => None,
    });
    let mut deletes: Vec<_> = deletes.collect();
    deletes.sort();
    deletes
}

/// Everything that belongs to a household goes with it, whatever the kind of relation. Case E104.
pub async fn an_owner_takes_its_items_along<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark"));
    let stark = stark
        .populate((
            Household::ROOMS.then(Room::THINGS),
            Household::PETS,
            Household::DEED,
            Household::SAFE,
            Household::PHOTOS,
        ))
        .await?;
    let room = stark.rooms()[0].clone();
    db.recorder.reset();

    em.remove(&stark)?;
    em.flush().await?;

    assert_eq!(db.recorder.selects(), 0);
    let expected =
        [("Deed", 1), ("Household", 1), ("Pet", 1), ("Photo", 1), ("Room", 2), ("Safe", 1), ("Thing", 2)];
    assert_eq!(deleted(&db), expected.map(|(entity, rows)| (entity.to_owned(), rows)));
    assert!(!em.contains(&stark) && !em.contains(&room));
    assert_eq!(em.managed_count()?, 0);
    assert_eq!(count::<Room>(&db).await? + count::<Thing>(&db).await? + count::<Pet>(&db).await?, 0);
    assert_eq!(count::<Photo>(&db).await? + count::<Safe>(&db).await? + count::<Deed>(&db).await?, 0);
    Ok(())
}

/// What is not loaded is loaded by the flush, one select a relation and level; the plan says so.
pub async fn items_that_are_not_loaded_are_loaded_first<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = stark(&em).await?;
    db.recorder.reset();

    em.remove(&stark)?;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.contains("load Household.rooms of 1 to remove what goes with it\n"), "{plan}");
    assert!(!plan.contains("Household.notes"), "{plan}");
    assert_eq!(db.statements(), 0);
    em.flush().await?;

    let selects = db.recorder.operations().into_iter().filter_map(|operation| match operation {
        Operation::Select(entity, rows) => Some((entity, rows)),
        _ => None,
    });
    let selects: Vec<_> = selects.collect();
    assert_eq!(selects.len(), 5, "{selects:?}");
    assert_eq!(selects.last(), Some(&("Thing".to_owned(), 2)));
    assert_eq!(count::<Thing>(&db).await? + count::<Room>(&db).await? + count::<Household>(&db).await?, 0);
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// What the foreign key deletes by itself is not asked for, and forgotten where it is loaded.
pub async fn what_the_database_cascades_is_left_to_it<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let note = em.find_one_or_fail(Condition::<Note>::always()).await?;
    em.remove(stark(&em).await?)?;
    db.recorder.reset();

    em.flush().await?;

    assert!(
        !db.recorder
            .operations()
            .iter()
            .any(|one| matches!(one, Operation::Delete(name, _) if name == "Note"))
    );
    assert!(!em.contains(&note));
    assert_eq!(count::<Note>(&db).await?, 0);
    Ok(())
}

/// A household that is known by its key alone takes everything along, too.
pub async fn a_reference_takes_its_items_along<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let id = stark(&db.em()).await?.id();
    let em = db.em();

    em.remove(em.get_reference::<Household>(id)?)?;
    em.flush().await?;

    assert_eq!(count::<Household>(&db).await? + count::<Safe>(&db).await? + count::<Pet>(&db).await?, 0);
    Ok(())
}

/// A reference to a row that does not exist takes nothing along, and is no error.
pub async fn a_row_that_is_gone_already_is_no_error<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let pet = em.find_one_or_fail(Pet::NAME.eq("Ghost")).await?;
    let other = db.em();
    other.remove(other.get_reference::<Pet>(pet.id())?)?;
    other.flush().await?;

    em.remove(&pet)?;
    em.remove(em.get_reference::<Household>(999)?)?;
    em.flush().await?;

    assert!(!em.contains(&pet));
    assert_eq!(count::<Household>(&db).await?, 1);
    Ok(())
}

/// Taking the removal of an owner back takes its cascade back.
pub async fn a_removal_that_is_taken_back_takes_nothing_along<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;

    em.remove(&stark)?;
    em.persist(&stark)?;
    db.recorder.reset();
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    assert_eq!(stark.rooms().len(), 2);
    Ok(())
}

/// A flush that fails takes nothing along in memory; the next one does.
pub async fn a_failed_flush_takes_nothing_along<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let room = stark.rooms()[0].clone();
    em.remove(&stark)?;
    db.recorder.inject(Fault::CommitRefused);

    em.flush().await.expect_err("a fault was injected");

    assert!(em.contains(&room));
    assert_eq!(count::<Room>(&db).await?, 2);
    em.flush().await?;
    assert!(!em.contains(&room));
    assert_eq!(count::<Room>(&db).await?, 0);
    Ok(())
}

/// A rollback takes a cascade back, also of new items that it had kept from being inserted.
pub async fn a_rollback_takes_a_cascade_back<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let attic = stark.rooms()[0].clone();
    let cellar = em.persist(Room { household: (&stark).into(), ..Room::new("cellar") })?;

    em.begin().await?;
    em.remove(&stark)?;
    em.flush().await?;
    assert!(!em.contains(&attic) && !em.contains(&cellar));
    em.rollback().await?;

    assert!(em.contains(&attic) && em.contains(&cellar));
    em.persist(&stark)?;
    em.flush().await?;
    assert_eq!(room_names(&db).await?, ["attic", "bath", "cellar"]);
    Ok(())
}

/// New items of an owner that goes are never inserted, and edits of its items are not written.
pub async fn changes_of_what_goes_along_are_not_written<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let new = em.persist(Room { household: (&stark).into(), ..Room::new("cellar") })?;
    stark.rooms()[0].edit().name = "loft".into();
    db.recorder.reset();

    em.remove(&stark)?;
    em.flush().await?;

    let is_room = |name: &String| name == "Room";
    assert!(!db.recorder.operations().iter().any(|operation| match operation {
        Operation::Insert(name, _) | Operation::Update(name, ..) => is_room(name),
        _ => false,
    }));
    assert!(!em.contains(&new));
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// A new owner that is removed before it was saved takes its new items along.
pub async fn a_new_owner_takes_its_new_items_along<B: Backend>() -> Result<()> {
    let db = household::empty::<B>().await?;
    let em = db.em();
    let new = em.persist(Household { rooms: [Room::new("attic")].into(), ..Household::default() })?;

    em.remove(&new)?;
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Without a declaration nothing goes along: what refers to the row refuses its delete. Case E104.
pub async fn without_a_declaration_nothing_goes_along<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = stark(&em).await?;
    em.persist(Visit { household: (&stark).into(), ..Visit::default() })?;
    em.flush().await?;

    em.remove(&stark)?;
    let error = em.flush().await.expect_err("a visit refers to it");

    assert!(error.violation().is_some(), "{error}");
    assert_eq!(count::<Room>(&db).await?, 2);
    Ok(())
}

/// An item that is taken out is removed. Case E105.
pub async fn an_item_that_is_taken_out_goes<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em
        .find_one_or_fail(Household::NAME.eq("Stark"))
        .populate(Household::ROOMS.then(Room::THINGS))
        .await?;
    let attic = stark.rooms()[0].clone();
    db.recorder.reset();

    stark.rooms_ref().remove(&attic)?;

    assert_eq!(stark.rooms().len(), 1);
    assert!(!em.contains(&attic));
    em.flush().await?;
    assert_eq!(deleted(&db), [("Room".to_owned(), 1), ("Thing".to_owned(), 1)]);
    assert_eq!(room_names(&db).await?, ["bath"]);
    Ok(())
}

/// An item that is put back before the flush stays. Case E105.
pub async fn an_item_that_is_put_back_stays<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let attic = stark.rooms()[0].clone();
    db.recorder.reset();

    stark.rooms_ref().remove(&attic)?;
    stark.rooms_ref().add(&attic)?;
    stark.rooms_ref().remove(&attic)?;
    em.persist(&attic)?;
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    assert_eq!(stark.rooms().len(), 2);
    assert_eq!(room_names(&db).await?, ["attic", "bath"]);
    Ok(())
}

/// A removal that the program asked for is not taken back by adding the item again.
pub async fn a_removal_that_was_asked_for_stays<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let attic = stark.rooms()[0].clone();

    stark.rooms_ref().remove(&attic)?;
    em.remove(&attic)?;
    stark.rooms_ref().add(&attic)?;
    em.flush().await?;

    assert_eq!(room_names(&db).await?, ["bath"]);
    Ok(())
}

/// An item that finds another owner before the flush is no orphan.
pub async fn an_item_that_finds_another_owner_stays<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let tully = em.persist(Household { name: "Tully".into(), ..Household::default() })?;
    let (attic, bath) = (stark.rooms()[0].clone(), stark.rooms()[1].clone());

    stark.rooms_ref().remove(&attic)?;
    tully.rooms_ref().add(&attic)?;
    bath.edit().household = tully.to_ref();
    em.flush().await?;

    assert_eq!(room_names(&db).await?, ["attic", "bath"]);
    let tully = db.em().find_by_id::<Household>(tully.id()).populate(Household::ROOMS).await?;
    assert_eq!(tully.expect("it was inserted").rooms().len(), 2);
    Ok(())
}

/// Setting a collection removes what it drops, in one delete, and inserts what it brings. Cases E105 and E107.
pub async fn setting_a_collection_removes_what_it_drops<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em
        .find_one_or_fail(Household::NAME.eq("Stark"))
        .populate(Household::ROOMS.then(Room::THINGS))
        .await?;
    db.recorder.reset();

    stark.rooms_ref().set([Room::new("cellar")])?;
    em.flush().await?;

    assert_eq!(deleted(&db), [("Room".to_owned(), 2), ("Thing".to_owned(), 2)]);
    assert_eq!(room_names(&db).await?, ["cellar"]);
    assert_eq!(stark.rooms_ref().items()?.len(), 1);
    Ok(())
}

/// A one-to-one item that is replaced goes before the new one comes. Cases E96 and E106.
pub async fn a_replaced_item_goes_before_the_new_one_comes<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::DEED).await?;
    let old = stark.deed().expect("it has one");
    db.recorder.reset();

    stark.deed_ref().set(Some(Ref::from(Deed { text: "new".into(), ..Deed::default() })))?;
    assert_eq!(em.flush_plan()?.to_string(), "early delete 1 Deed\ninsert 1 Deed (text, household_id)");
    em.flush().await?;

    assert!(!em.contains(&old));
    let stored = db.em().find_all::<Deed>().await?;
    assert_eq!(stored.iter().map(|deed| deed.get().text.clone()).collect::<Vec<_>>(), ["new"]);
    stark.deed_ref().set(None::<&Loaded<Deed>>)?;
    em.flush().await?;
    assert_eq!(count::<Deed>(&db).await?, 0);
    Ok(())
}

/// The owning side of a one-to-one relation that is pointed elsewhere removes what it pointed to. Case E106.
pub async fn a_reference_that_is_pointed_elsewhere_removes_its_target<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::SAFE).await?;
    let old = stark.safe().expect("it has one");

    stark.edit().safe = None;
    assert!(!em.contains(&old));
    stark.edit().safe = Some(old.to_ref());
    assert!(em.contains(&old));
    assert!(em.flush_plan()?.is_empty());
    stark.edit().safe = Some(Ref::from(Safe { maker: "new".into(), ..Safe::default() }));
    em.flush().await?;

    let stored = db.em().find_all::<Safe>().await?;
    assert_eq!(stored.iter().map(|safe| safe.get().maker.clone()).collect::<Vec<_>>(), ["new"]);
    Ok(())
}

/// An item that must have an owner can't be taken out where it may not go; the error lists the cures. Case F126.
pub async fn taking_out_a_required_item_lists_the_cures<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = stark(&em).await?;
    let visit = em.persist(Visit { household: (&stark).into(), ..Visit::default() })?;
    em.flush().await?;

    let error = stark.guests_ref().remove(&visit).expect_err("a visit has a household");

    assert!(matches!(error, Error::RequiredOwner { owner_field: "household", .. }), "{error}");
    let text = error.to_string();
    for cure in ["another owner", "em.remove", "orphan_removal", "Option<Ref<_>>"] {
        assert!(text.contains(cure), "{text}");
    }
    Ok(())
}

/// An entity that points to one that goes is refused before any statement, with the cure.
pub async fn pointing_to_what_goes_is_refused<B: Backend>() -> Result<()> {
    let db = household::seeded::<B>().await?;
    let em = db.em();
    let stark = em.find_one_or_fail(Household::NAME.eq("Stark")).populate(Household::ROOMS).await?;
    let attic = stark.rooms()[0].clone();
    let thing = em.persist(Thing { room: (&attic).into(), ..Thing::default() })?;
    let visit = em.persist(Visit { household: (&stark).into(), ..Visit::default() })?;
    em.remove(&stark)?;
    db.recorder.reset();

    let error = em.flush_plan().map(drop).expect_err("the visit's household goes");

    assert!(matches!(error, Error::Relation { relation: "household", .. }), "{error}");
    assert!(error.to_string().contains("`persist`"), "{error}");
    assert_eq!(db.statements(), 0);
    em.remove(&visit)?;
    em.flush().await?;
    assert!(!em.contains(&thing) && !em.contains(&attic));
    Ok(())
}
