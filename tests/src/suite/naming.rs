//! How tables, columns and pivots are named: by rule, by case, by a strategy, by hand.

use orm_core::metadata::{EntityMetadata, RelationKind};
use orm_core::{Entity, Orm, Result};

use crate::fixtures::named::{ArchiveBox, BookShelf, HouseRules, Librarian, ReadingClub};
use crate::{Backend, TestDb};

/// Everything in `snake_case`; foreign keys and pivots by relation and key.
pub async fn the_default_is_snake_case<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| builder.entity::<BookShelf>()).await?;
    assert_eq!(of::<BookShelf>(&db.orm).table, "book_shelf");
    assert_eq!(columns(of::<BookShelf>(&db.orm)), ["id", "room_number", "head_librarian_badge"]);
    assert_eq!(of::<ReadingClub>(&db.orm).table, "reading_club");
    let clubs = pivot(of::<BookShelf>(&db.orm), "reading_clubs");
    assert_eq!(clubs, ["book_shelf_reading_clubs", "book_shelf_id", "reading_club_club_id"]);
    let neighbours = pivot(of::<BookShelf>(&db.orm), "neighbours");
    assert_eq!(neighbours, ["book_shelf_neighbours", "book_shelf_1_id", "book_shelf_2_id"]);
    works(&db).await
}

/// `table`, `rename_all`, `column` and `join_column` override the rules, field by field.
pub async fn attributes_override_the_rules<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| builder.entity::<ArchiveBox>()).await?;
    assert_eq!(of::<ArchiveBox>(&db.orm).table, "Archive Boxes");
    assert_eq!(
        columns(of::<ArchiveBox>(&db.orm)),
        ["boxId", "firstYear", "LAST", "keptByBadge", "successor"]
    );
    assert_eq!(of::<Librarian>(&db.orm).table, "librarian");

    let em = db.em();
    let first = em.persist(ArchiveBox { first_year: 1900, last_year: 1950, ..ArchiveBox::default() })?;
    let keeper = Librarian { badge: "L1".into() };
    let second = ArchiveBox { first_year: 1951, kept_by: keeper.into(), ..ArchiveBox::default() };
    first.edit().next_box = Some(second.into());
    em.flush().await?;
    let after_1900 = ArchiveBox::NEXT_BOX.is(ArchiveBox::FIRST_YEAR.gt(1950));
    let found =
        db.em().find_one_or_fail(after_1900).populate(ArchiveBox::NEXT_BOX.then(ArchiveBox::KEPT_BY)).await?;
    assert_eq!((found.id(), found.get().last_year), (first.id(), 1950));
    let next = found.next_box().expect("it has one");
    assert_eq!(next.kept_by().map(|keeper| keeper.id()).as_deref(), Some("L1"));
    Ok(())
}

/// A strategy of the program's own names everything that no attribute names.
pub async fn a_strategy_names_what_no_attribute_names<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| {
        builder.entity::<BookShelf>().entity::<ArchiveBox>().naming_strategy(HouseRules)
    });
    let db = db.await?;
    let shelf = of::<BookShelf>(&db.orm);
    assert_eq!(shelf.table, "bookshelfs");
    assert_eq!(columns(shelf), ["ID", "ROOM_NUMBER", "fk_head_librarian_BADGE"]);
    assert_eq!(shelf.indexes[0].name, "ix_bookshelfs_fk_head_librarian_BADGE");
    let clubs = pivot(shelf, "reading_clubs");
    assert_eq!(clubs, ["bookshelfs_x_readingclubs_reading_clubs", "BookShelf:ID", "ReadingClub:CLUB_ID"]);
    assert_eq!(of::<ArchiveBox>(&db.orm).table, "Archive Boxes");
    works(&db).await
}

/// The metadata says what was decided, and is found by type and by name.
pub async fn the_metadata_can_be_read<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| builder.entity::<BookShelf>()).await?;
    let metadata = db.orm.metadata();
    let names: Vec<&str> = metadata.entities().map(|entity| entity.name).collect();
    assert_eq!(names, ["BookShelf", "Librarian", "ReadingClub"]);
    assert!(metadata.of::<ArchiveBox>().is_none() && metadata.entity_named("ArchiveBox").is_none());
    let shelf = metadata.entity_named("BookShelf").expect("it was discovered");
    let (_, librarian) = shelf.relation("head_librarian").expect("it has the relation");
    assert_eq!(metadata.entity(librarian.target).name, "Librarian");
    assert!(librarian.nullable && !librarian.is_to_many());
    assert_eq!(shelf.property_of_column("room_number").map(|property| property.name), Some("room_number"));
    Ok(())
}

fn of<T: Entity>(orm: &Orm) -> &EntityMetadata {
    orm.metadata().of::<T>().expect("the model has it")
}

fn columns(entity: &EntityMetadata) -> Vec<&str> {
    entity.columns.iter().map(|column| column.name.as_str()).collect()
}

/// Table, owner's column and target's column of a pivot.
fn pivot<'a>(entity: &'a EntityMetadata, relation: &str) -> [&'a str; 3] {
    let (_, relation) = entity.relation(relation).expect("it has the relation");
    let RelationKind::ManyToMany { pivot } = &relation.kind else { panic!("it has no pivot") };
    [&pivot.table, &pivot.owner_columns[0], &pivot.target_columns[0]]
}

/// Shelves are written and read by whatever names they have.
async fn works(db: &TestDb) -> Result<()> {
    let em = db.em();
    let other = em.persist(BookShelf { room_number: 2, ..BookShelf::default() })?;
    let shelf = em.persist(BookShelf {
        room_number: 1,
        head_librarian: Librarian { badge: "L1".into() }.into(),
        reading_clubs: [ReadingClub::default(), ReadingClub::default()].into(),
        neighbours: [other.to_ref()].into(),
        ..BookShelf::default()
    })?;
    em.flush().await?;

    let by_neighbour = BookShelf::NEIGHBOURS.some(BookShelf::ROOM_NUMBER.eq(2));
    let everything = (BookShelf::HEAD_LIBRARIAN, BookShelf::READING_CLUBS, BookShelf::NEIGHBOURS);
    let found = db.em().find_one_or_fail(by_neighbour).populate(everything).await?;
    assert_eq!(found.id(), shelf.id());
    assert_eq!(found.head_librarian().map(|one| one.id()).as_deref(), Some("L1"));
    assert_eq!((found.reading_clubs().len(), found.neighbours()[0].id()), (2, other.id()));
    Ok(())
}
