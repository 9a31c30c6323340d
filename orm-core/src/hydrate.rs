//! From a select to instances: rows are collected first and attached when the query is done.

mod joined;

use std::sync::Arc;

use joined::SelectedRows;
pub(crate) use joined::{Joined, JoinedAt};

use crate::cache::{self, CacheUse};
use crate::driver::{Select, Selection};
use crate::entity::{CellId, Durability, Entity, ErasedRows, Freshness, MovedReference, Region, Rows};
use crate::error::Result;
use crate::links::Sight;
use crate::metadata::{EntityId, Side};
use crate::value::{ColumnType, KeyValues};

/// Rows that became instances.
pub(crate) struct Hydrated {
    /// The cell of each row, in order.
    pub(crate) cells: Vec<u32>,
    /// For a [`Selection::Linked`]: the key at the other side of the link, for each row; for a
    /// [`Selection::Beside`], the values.
    pub(crate) linked: Vec<KeyValues>,
    /// Foreign keys of loaded entities that the rows changed.
    pub(crate) moved: Vec<MovedReference>,
    /// Cells that the rows put into lists that were loaded before, each with an item that was there already.
    pub(crate) joined: Vec<(u32, u32)>,
    /// For a [`Selection::Joined`]: the rows of related entities, to be attached when their relation is populated.
    pub(crate) related: Option<Joined>,
}

/// Runs `select` and attaches its rows to `region`; what they moved is for the caller to follow.
pub(crate) async fn load(
    region: &Arc<Region>,
    select: &Select,
    freshness: Freshness,
    sight: Sight,
    cache: Option<&CacheUse>,
) -> Result<Hydrated> {
    let arena = region.arena(select.root);
    let mut tries = 0;
    loop {
        let settled = region.settled();
        let durability = durability(region);
        let rows = || {
            let root = arena.rows(Arc::clone(region.metadata()), prefix(region, &select.selection));
            SelectedRows::of(region, select, root)
        };
        let rows = cache::select(region, select, "find", cache, rows, |rows| rows).await?;
        tries += 1;
        // Rows from before a flush of this context must not go over what it saved: read them again.
        if region.settled() == settled || tries == MAX_TRIES {
            let (root, joined) = rows.into_parts();
            let related = Joined::new(joined, settled, durability);
            return Ok(Hydrated {
                related,
                ..attach(region, select.root, root, (freshness, sight), durability)
            });
        }
    }
}

/// Whether what is read now is what the database will have.
fn durability(region: &Region) -> Durability {
    if region.session().reads_uncommitted() { Durability::Uncommitted } else { Durability::Committed }
}

/// How often a query is sent that flushes of its own context keep crossing.
pub(crate) const MAX_TRIES: u32 = 4;

/// Attaches rows that a write gave back.
pub(crate) fn attach_rows<T: Entity>(
    region: &Region,
    entity: EntityId,
    rows: Vec<T>,
    freshness: Freshness,
) -> Hydrated {
    let mut written = Rows::<T>::new(Arc::clone(region.metadata()), Vec::new());
    written.rows = rows;
    attach(region, entity, Box::new(written), (freshness, Sight::Shown), durability(region))
}

/// Attaches the joined rows with the keys that are wanted, and leaves of these what is still to be selected.
///
/// # Errors
///
/// [`Error::KeySpelledTwice`](crate::Error::KeySpelledTwice).
pub(crate) fn attach_joined(
    region: &Region,
    joined: JoinedAt<'_>,
    wanted: &mut Vec<KeyValues>,
    freshness: Freshness,
) -> Result<Option<Hydrated>> {
    let Joined { settled, durability, .. } = *joined.joined;
    let Some(rows) = joined.take().filter(|_| region.settled() == settled) else { return Ok(None) };
    let target = rows.target;
    let (rows, spelled) = rows.answer(wanted);
    let hydrated = attach(region, target, rows, (freshness, Sight::Shown), durability);
    for (spelling, key) in spelled {
        if let Some(at) = region.arena(target).find(&key) {
            region.note_spelling(CellId { entity: target, at }, &spelling)?;
        }
    }
    Ok(Some(hydrated))
}

fn attach(
    region: &Region,
    entity: EntityId,
    rows: Box<dyn ErasedRows>,
    (freshness, sight): (Freshness, Sight),
    durability: Durability,
) -> Hydrated {
    let (attached, linked) = rows.attach(region.arena(entity), freshness, durability);
    if let Some(records) = attached.records {
        region.record_cells(entity, records);
    }
    let mut links = region.links();
    if !attached.moved.is_empty() {
        links.move_references(region, entity, &attached.moved);
    }
    let mut joined = Vec::new();
    if (!attached.fresh.is_empty() || !attached.moved.is_empty()) && links.watches(region, entity) {
        for at in attached.fresh.iter().copied().chain(attached.moved.iter().map(|moved| moved.at)) {
            joined.extend(links.add_incoming(region, entity, at, sight).map(|sibling| (at, sibling)));
        }
    }
    drop(links);
    Hydrated { cells: attached.cells, linked, moved: attached.moved, joined, related: None }
}

fn prefix(region: &Region, selection: &Selection) -> Vec<ColumnType> {
    let link = match selection {
        Selection::Linked(link) => link,
        Selection::Beside(terms) => return terms.iter().map(|(_, column_type)| *column_type).collect(),
        Selection::Columns
        | Selection::Joined(_)
        | Selection::Terms(_)
        | Selection::Tally(_)
        | Selection::Pairs(_)
        | Selection::ItemTerms(..) => return Vec::new(),
    };
    let relation = region.metadata().relation(link.relation);
    let entity = match link.from {
        Side::Owner => region.entity(link.relation.entity),
        Side::Target => region.entity(relation.target),
    };
    entity.key_columns().map(|column| entity.columns[column].column_type).collect()
}
