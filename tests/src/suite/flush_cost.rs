//! What a flush looks at: what changed, and nothing else, however much the context holds.

use std::time::Instant;

use orm_core::{EntityManager, Loaded, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::folder::{self, File, Folder, Shortcut};

/// A context that holds `entities` folders as if they had been loaded.
fn folders(em: &EntityManager, entities: i64) -> Result<Vec<Loaded<Folder>>> {
    (1..=entities)
        .map(|id| em.merge(Folder { id, name: format!("folder {id}"), ..Folder::default() }))
        .collect()
}

/// Ten changes among a hundred entities cost what ten cost among a hundred thousand.
pub async fn a_plan_looks_at_what_changed_alone<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let mut visited = Vec::new();
    for entities in [100, 100_000] {
        let em = db.em();
        let folders = folders(&em, entities)?;
        for folder in &folders[..10] {
            folder.edit().name.push('!');
        }
        em.persist(Folder::default())?;
        em.remove(&folders[50])?;
        em.remove(&folders[51])?;
        visited.push(em.flush_plan()?.visited());
        assert_eq!(em.managed_count()?, folders.len() + 1);
    }
    assert_eq!(visited, [13, 13]);
    Ok(())
}

/// Edits that are undone count once more, and then no more.
pub async fn what_was_settled_is_looked_at_no_more<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    let folders = folders(&em, 100)?;
    for folder in &folders {
        folder.edit().name.push('!');
        folder.edit().name.pop();
    }

    assert!(em.flush_plan()?.is_empty());

    assert_eq!(em.flush_plan()?.visited(), 0);
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A flush without changes looks at nothing and sends nothing. Case E86.
pub async fn an_empty_flush_looks_at_nothing<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    folders(&em, 10_000)?;

    assert_eq!(em.flush_plan()?.visited(), 0);
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// After a delete the rows that the database emptied or deleted are found through what they refer to, also if they
/// were pointed there later than they were loaded.
pub async fn what_refers_to_a_deleted_row_is_known<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    let shelf = em.persist(Folder { name: "shelf".into(), ..Folder::default() })?;
    let other = em.persist(Folder { name: "other".into(), ..Folder::default() })?;
    let file = em.persist(File { name: "a".into(), folder: (&other).into(), ..File::default() })?;
    let shortcut = em.persist(Shortcut { name: "to a".into(), ..Shortcut::default() })?;
    em.flush().await?;
    file.edit().folder = shelf.to_ref();
    shortcut.edit().file = Some(file.to_ref());
    em.flush().await?;

    em.remove(&other)?;
    em.flush().await?;
    assert!(em.contains(&file));

    em.remove(&shelf)?;
    em.flush().await?;
    assert!(!em.contains(&file) && !shortcut.file_ref().is_set());
    Ok(())
}

/// An entity that goes takes its waiting links along, and looks at no others. Prints how much more one of eight times as
/// many costs: about the same.
pub async fn removals_look_at_their_own_links_alone<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let mut costs = Vec::new();
    for count in [500, 4_000] {
        let em = db.em();
        let author = em.persist(Author::new("a"))?;
        let books = [em.persist(Book::new("b", &author))?, em.persist(Book::new("c", &author))?];
        let mut go = Vec::new();
        for number in 0..count {
            let (stays, goes) = (Tag::new(&format!("k{number}")), Tag::new(&format!("g{number}")));
            let (stays, goes) = (em.persist(stays)?, em.persist(goes)?);
            for book in &books {
                book.tags_ref().add(&stays)?;
                book.tags_ref().add(&goes)?;
            }
            go.push(goes);
        }
        let start = Instant::now();
        for tag in &go {
            em.remove(tag)?;
        }
        costs.push(start.elapsed() / u32::try_from(count).unwrap_or(u32::MAX));
        em.remove(&books[1])?;
        let plan = em.flush_plan()?.to_string();
        let links = plan.lines().filter_map(|line| line.strip_prefix("link ")?.split(' ').next());
        assert_eq!(links.filter_map(|count| count.parse::<usize>().ok()).sum::<usize>(), count, "{plan}");
    }
    println!("a removal among 2,000 links: {:?}, among 16,000: {:?}", costs[0], costs[1]);
    Ok(())
}
