//! What the database does by itself when a row goes: the identity map follows.

use orm_core::driver::ViolationKind;
use orm_core::{Condition, Error, Result};

use crate::fixtures::blog::{self, Author};
use crate::fixtures::folder::{self, File, Folder, Page, Shortcut};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

/// A folder with two files of two pages, and a shortcut to the first file.
async fn seeded<B: Backend>() -> Result<TestDb> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    let files = ["a.txt", "b.txt"].map(|name| File {
        name: name.into(),
        pages: [Page::default(), Page::default()].into(),
        ..File::default()
    });
    let shelf = em.persist(Folder { name: "shelf".into(), files: files.into(), ..Folder::default() })?;
    em.persist(Folder { name: "empty".into(), ..Folder::default() })?;
    let file = shelf.files()[0].to_ref();
    em.persist(Shortcut { name: "to a".into(), file: Some(file), ..Shortcut::default() })?;
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

/// Cascading rows are forgotten with the row that they refer to, through several types, by one statement.
pub async fn cascading_rows_are_forgotten_too<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shelf = em.find_one_or_fail(Folder::NAME.eq("shelf"));
    let shelf = shelf.populate(Folder::FILES.then(File::PAGES)).await?;
    let files = shelf.files();
    let page = files[0].pages()[0].clone();
    assert_eq!(em.managed_count()?, 7);
    db.recorder.reset();

    em.remove(&shelf)?;
    em.flush().await?;

    assert_eq!(db.recorder.operations()[1..2], [Operation::Delete("Folder".into(), 1)]);
    assert_eq!(db.recorder.writes(), 1);
    assert_eq!(em.managed_count()?, 0);
    assert!(!em.contains(&files[0]) && !em.contains(&page));
    assert!(matches!(page.try_edit(), Err(Error::Detached { .. })));
    assert!(em.find_by_id::<File>(files[0].id()).await?.is_none());
    let other = db.em();
    assert_eq!(other.count(Condition::<File>::always()).await?, 0);
    assert_eq!(other.count(Condition::<Page>::always()).await?, 0);
    Ok(())
}

/// References that the database empties are empty in memory, without being a change.
pub async fn emptied_references_are_empty_in_memory<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shortcut = em.find_one_or_fail(Shortcut::NAME.eq("to a")).populate(Shortcut::FILE).await?;
    let file = shortcut.file().expect("it leads to a file");
    db.recorder.reset();

    em.remove(&file)?;
    em.flush().await?;

    assert!(shortcut.file().is_none());
    assert!(!shortcut.file_ref().is_set());
    assert_eq!(shortcut.get().file, None);
    assert!(em.contains(&shortcut));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert!(!db.em().find_by_id::<Shortcut>(shortcut.id()).await?.expect("it stayed").file_ref().is_set());
    Ok(())
}

/// Cascades end in references that are emptied: both happen in one flush.
pub async fn a_cascade_empties_what_refers_to_its_rows<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shortcut = em.find_one_or_fail(Shortcut::NAME.eq("to a")).populate(Shortcut::FILE).await?;
    let file = shortcut.file().expect("it leads to a file");
    let folder = file.folder_ref();

    em.remove(&folder)?;
    em.flush().await?;

    assert!(!em.contains(&file) && shortcut.file().is_none());
    Ok(())
}

/// A row that the flush writes, and whose reference the database empties after, is empty in memory too; found by the
/// model-based test.
pub async fn a_row_written_and_then_emptied_is_empty_in_memory<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shortcut = em.find_one_or_fail(Shortcut::NAME.eq("to a")).populate(Shortcut::FILE).await?;
    let file = shortcut.file().expect("it leads to a file");
    shortcut.edit().name = "to nothing".into();
    let new = em.persist(Shortcut { name: "new".into(), file: (&file).into(), ..Shortcut::default() })?;
    em.remove(&file)?;

    em.flush().await?;

    assert_eq!((shortcut.get().file.clone(), new.get().file.clone()), (None, None));
    assert_eq!(shortcut.get().name, "to nothing");
    assert!(em.flush_plan()?.is_empty());
    assert_eq!(db.em().count(Shortcut::FILE.is_null()).await?, 2);
    Ok(())
}

/// Edits of other fields of an entity whose reference was emptied are kept and flushed.
pub async fn edits_of_an_emptied_entity_are_kept<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shortcut = em.find_one_or_fail(Shortcut::NAME.eq("to a")).populate(Shortcut::FILE).await?;
    em.remove(shortcut.file().expect("it leads to a file"))?;
    em.flush().await?;
    shortcut.edit().name = "to nothing".into();
    db.recorder.reset();

    em.flush().await?;

    let renamed = Operation::Update("Shortcut".into(), 1, vec!["name".into()]);
    assert_eq!(db.recorder.operations()[1], renamed);
    Ok(())
}

/// An entity that was pointed elsewhere before the row goes stays.
pub async fn what_was_moved_away_stays<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shelf = em.find_one_or_fail(Folder::NAME.eq("shelf")).populate(Folder::FILES).await?;
    let empty = em.find_one_or_fail(Folder::NAME.eq("empty")).await?;
    let saved = shelf.files()[0].clone();

    saved.edit().folder = empty.to_ref();
    em.remove(&shelf)?;
    em.flush().await?;

    assert!(em.contains(&saved));
    assert_eq!(saved.folder_ref().key(), Some(empty.id()));
    let files = db.em().find_all::<File>().await?;
    assert_eq!(files.iter().map(|file| file.get().name.clone()).collect::<Vec<_>>(), ["a.txt"]);
    Ok(())
}

/// Rows in memory that refer to something else are not touched.
pub async fn other_rows_are_left_alone<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let files = em.find_all::<File>().order_by(File::NAME.asc()).populate(File::PAGES).await?;

    em.remove(&files[0])?;
    em.flush().await?;

    assert!(em.contains(&files[1]));
    assert!(files[1].pages().iter().all(|page| em.contains(page)));
    assert_eq!(em.managed_count()?, 3);
    Ok(())
}

/// A delete that fails moves nothing in memory.
pub async fn a_failed_cascade_forgets_nothing<B: Backend>() -> Result<()> {
    let db = seeded::<B>().await?;
    let em = db.em();
    let shelf = em.find_one_or_fail(Folder::NAME.eq("shelf"));
    let shelf = shelf.populate(Folder::FILES.then((File::PAGES, File::SHORTCUTS))).await?;
    let (file, shortcut) = (shelf.files()[0].clone(), shelf.files()[0].shortcuts()[0].clone());
    em.remove(&shelf)?;
    db.recorder.inject(crate::Fault::CommitRefused);

    em.flush().await.expect_err("a fault was injected");

    assert!(em.contains(&file) && em.contains(&file.pages()[0]));
    assert_eq!(shortcut.file_ref().key(), Some(file.id()));
    em.flush().await?;
    assert!(!em.contains(&file) && !shortcut.file_ref().is_set());
    Ok(())
}

/// Without a rule, a row that others refer to can't be deleted.
pub async fn a_row_that_is_referred_to_is_not_deleted<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.remove(&em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?)?;

    let error = em.flush().await.expect_err("books refer to him");

    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::ForeignKey));
    assert_eq!(db.em().count(Author::NAME.eq("Jon Snow")).await?, 1);
    Ok(())
}
