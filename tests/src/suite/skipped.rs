//! Fields without a column: the program's own, kept as long as the instance lives.

use orm_core::Result;

use crate::Backend;
use crate::fixtures::sketch::{self, Sketch, Strokes};

/// They are no columns, and have their default when a row is loaded.
pub async fn a_skipped_field_is_no_column<B: Backend>() -> Result<()> {
    let db = sketch::empty::<B>().await?;
    let metadata = db.orm.metadata().of::<Sketch>().expect("the model has it");
    let columns: Vec<&str> = metadata.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "title", "pages"]);
    let em = db.em();
    let drawn = em.persist(Sketch { title: "Wall".into(), pages: 2, ..drawing() })?;
    em.flush().await?;

    assert_eq!((drawn.get().strokes.clone(), drawn.get().open), (drawing().strokes, true));
    let read = db.em().find_by_id::<Sketch>(drawn.id()).await?.expect("it was inserted").get();
    assert_eq!((read.title.as_str(), read.pages), ("Wall", 2));
    assert_eq!((read.strokes.clone(), read.open), (Strokes::default(), false));
    Ok(())
}

/// An edit of them is kept and is nothing to write.
pub async fn an_edit_of_a_skipped_field_is_nothing_to_write<B: Backend>() -> Result<()> {
    let db = sketch::empty::<B>().await?;
    let em = db.em();
    let sketch = em.persist(Sketch { title: "Wall".into(), ..Sketch::default() })?;
    em.flush().await?;
    sketch.edit().strokes = drawing().strokes;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(db.statements(), 0);
    assert_eq!(sketch.get().strokes, drawing().strokes);
    Ok(())
}

/// They survive later rows, flushes and refreshes: no row has anything to say about them.
pub async fn a_skipped_field_survives_later_rows<B: Backend>() -> Result<()> {
    let db = sketch::empty::<B>().await?;
    let em = db.em();
    let sketch = em.persist(Sketch { title: "Wall".into(), ..drawing() })?;
    em.flush().await?;
    let other = db.em();
    other.find_by_id::<Sketch>(sketch.id()).await?.expect("it is there").edit().pages = 9;
    other.flush().await?;

    em.find_all::<Sketch>().await?;
    assert_eq!((sketch.get().pages, sketch.get().strokes.clone()), (9, drawing().strokes));
    sketch.edit().title = "Gate".into();
    em.flush().await?;
    em.refresh(&sketch).await?;

    let now = sketch.get();
    assert_eq!((now.title.as_str(), now.open, now.strokes.clone()), ("Gate", true, drawing().strokes));
    Ok(())
}

fn drawing() -> Sketch {
    Sketch { strokes: Strokes(vec![(1, 2), (3, 4)]), open: true, ..Sketch::default() }
}
