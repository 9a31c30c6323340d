//! Counts what to-many relations lead to, and tells whether something is among it, without loading it: one statement for
//! all owners.
//!
//! The database's answer is kept; what the context has not saved yet is added each time. So the answer is what the list
//! would show if it were loaded.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::{learn_owners, own_spelling, select};
use crate::cache::{self, CacheUse};
use crate::condition::Expression;
use crate::driver::{Items, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{CellId, Region, State, read_value};
use crate::error::{EntityKey, Error, Result};
use crate::filter::{FilterChoices, Verdict};
use crate::metadata::{EntityId, RelationId};
use crate::relation::Target;
use crate::value::{ColumnType, KeyValues};

/// Questions about one relation, under the same filters.
pub(crate) struct Tallying<'a> {
    region: &'a Arc<Region>,
    relation: RelationId,
    shown: Expression,
    narrowing: Option<u64>,
    cache: Option<&'a CacheUse>,
}

impl<'a> Tallying<'a> {
    /// Under the filters that a query chose; `None`: those of the context.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with.
    pub(crate) fn new(
        region: &'a Arc<Region>,
        relation: RelationId,
        filters: Option<&FilterChoices>,
    ) -> Result<Self> {
        let target = region.metadata().relation(relation).target;
        let shown = region.filter_of(target, filters)?;
        let narrowing = region.narrowing(target, filters, &Expression::always());
        Ok(Self { region, relation, shown, narrowing, cache: None })
    }

    /// With answers that may be cached.
    pub(crate) fn cached(self, cache: Option<&'a CacheUse>) -> Self {
        Self { cache, ..self }
    }

    /// How many items `owner` has; asked for all that came from the same query.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`], [`Error::MissingKey`] and [`Error::Driver`].
    pub(crate) async fn count_lazily(&self, owner: u32) -> Result<u64> {
        self.check(owner)?;
        let gate = self.region.links().gate(self.relation);
        let _turn = gate.lock().await;
        if self.known_count(owner).is_none() {
            self.ask_counts(&self.siblings(owner)).await?;
        }
        self.ask_unsaved(owner, || self.siblings(owner)).await?;
        Ok(self.count(owner))
    }

    /// How many items each owner has.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`].
    pub(crate) async fn count_all(&self, owners: &[u32]) -> Result<Vec<u64>> {
        self.ask_counts(&self.askable(owners.iter().copied())).await?;
        for owner in owners {
            self.ask_unsaved(*owner, || self.askable(owners.iter().copied())).await?;
        }
        Ok(owners.iter().map(|owner| self.count(*owner)).collect())
    }

    /// Whether `item` is among the items of `owner`; asked for all that came from the same query.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`], [`Error::MissingKey`] and [`Error::Driver`].
    pub(crate) async fn has_lazily(&self, owner: u32, item: u32) -> Result<bool> {
        if let Some(has) = self.known_member(owner, item) {
            return Ok(has);
        }
        self.check(owner)?;
        let gate = self.region.links().gate(self.relation);
        let _turn = gate.lock().await;
        if self.stored_member(owner, item).is_none() {
            self.ask_members(&self.siblings(owner), &[item]).await?;
        }
        Ok(self.stored_member(owner, item) == Some(true))
    }

    /// Whether `item` is among the items of each owner.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`].
    pub(crate) async fn has_all(&self, owners: &[u32], item: u32) -> Result<Vec<bool>> {
        let unknown = owners.iter().copied().filter(|owner| self.known_member(*owner, item).is_none());
        self.ask_members(&self.askable(unknown), &[item]).await?;
        let has = |owner: &u32| {
            self.known_member(*owner, item).unwrap_or_else(|| self.stored_member(*owner, item) == Some(true))
        };
        Ok(owners.iter().map(has).collect())
    }

    fn check(&self, owner: u32) -> Result<()> {
        let cell = CellId { entity: self.relation.entity, at: owner };
        if self.region.is_detached() {
            return Err(Error::Detached { key: self.region.name(cell) });
        }
        if self.region.key(cell).is_none() {
            return Err(Error::MissingKey {
                entity: self.region.entity(cell.entity).name,
                hint: "flush it before counting",
            });
        }
        Ok(())
    }

    /// Those that came from the same query and whose list is not loaded, and the owner itself.
    fn siblings(&self, owner: u32) -> Vec<u32> {
        let batch = self.region.arena(self.relation.entity).siblings(owner);
        let siblings = batch.as_deref().and_then(|batch| batch.get()).map(|batch| batch.to_vec());
        let mut owners = self.askable(siblings.unwrap_or_default().into_iter());
        if !owners.contains(&owner) {
            owners.push(owner);
        }
        owners
    }

    /// Those of which the database knows and the context does not.
    fn askable(&self, owners: impl Iterator<Item = u32>) -> Vec<u32> {
        let arena = self.region.arena(self.relation.entity);
        let mut owners: Vec<u32> = owners
            .filter(|owner| matches!(arena.state(*owner), State::Managed | State::Removed))
            .filter(|owner| !self.is_listed(*owner))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    fn is_listed(&self, owner: u32) -> bool {
        self.region.links().is_loaded_under(self.region, self.relation, owner, self.narrowing)
    }

    fn listed(&self, owner: u32) -> Option<Vec<u32>> {
        let links = self.region.links();
        let is_listed = links.is_loaded_under(self.region, self.relation, owner, self.narrowing);
        is_listed.then(|| links.items(self.region, self.relation, owner)).flatten()
    }

    fn target(&self) -> EntityId {
        self.region.metadata().relation(self.relation).target
    }

    /// The index of the foreign key at the items; `None` for many-to-many.
    fn reference(&self) -> Option<usize> {
        let meta = self.region.metadata().relation(self.relation);
        meta.other_side.filter(|_| !meta.kind.is_many_to_many())
    }

    fn known_count(&self, owner: u32) -> Option<u64> {
        let settled = self.region.settled();
        self.region.tallies().since(settled).count(self.relation, owner, self.narrowing)
    }

    /// What the database said.
    fn stored_member(&self, owner: u32, item: u32) -> Option<bool> {
        let settled = self.region.settled();
        self.region.tallies().since(settled).has(self.relation, (owner, item), self.narrowing)
    }

    /// What the context can tell by itself.
    fn known_member(&self, owner: u32, item: u32) -> Option<bool> {
        if let Some(items) = self.listed(owner) {
            return Some(items.contains(&item));
        }
        let arena = self.region.arena(self.target());
        if arena.state(item) == State::Removed {
            return Some(false);
        }
        match self.reference() {
            Some(reference) => {
                arena.current(item)?;
                let target = arena.target(item, reference);
                let is_own = self.region.resolve(self.relation.entity, &target) == Some(owner);
                if is_own { self.is_shown(item) } else { Some(false) }
            }
            None => {
                let waiting = self.region.links().waiting_links(self.region, self.relation, owner);
                match waiting.get(&item) {
                    Some(is_added) => Some(*is_added),
                    None => (arena.state(item) == State::New).then_some(false),
                }
            }
        }
    }

    /// Whether the item, as it is now, meets the filters; `None` where only the database can tell.
    fn is_shown(&self, item: u32) -> Option<bool> {
        if self.shown.is_always() {
            return Some(true);
        }
        let cell = CellId { entity: self.target(), at: item };
        let current = self.region.arena(cell.entity).current(item)?;
        match self.region.verdict(cell, &current, &self.shown) {
            Verdict::True => Some(true),
            Verdict::False | Verdict::Null => Some(false),
            Verdict::Unsure => None,
        }
    }

    /// The list's length, or what the database said with what it does not know yet. Zero of what nobody asked about.
    fn count(&self, owner: u32) -> u64 {
        if let Some(items) = self.listed(owner) {
            return items.len() as u64;
        }
        let stored = self.known_count(owner).unwrap_or_default();
        match self.reference() {
            Some(reference) => self.with_unsaved_keys(owner, reference, stored),
            None => self.with_unsaved_links(owner, stored),
        }
    }

    /// Items whose foreign key, or existence, is not saved yet.
    fn with_unsaved_keys(&self, owner: u32, reference: usize, stored: u64) -> u64 {
        let (region, target) = (self.region, self.target());
        let arena = region.arena(target);
        let waiting: BTreeSet<u32> = {
            let pending = region.pending();
            let cells = pending.new.iter().chain(&pending.touched).chain(&pending.removed);
            cells.filter(|cell| cell.entity == target).map(|cell| cell.at).collect()
        };
        let is_owner = |key: &Target| region.resolve(self.relation.entity, key) == Some(owner);
        let (mut gone, mut come) = (0, 0);
        for at in waiting {
            let cell = CellId { entity: target, at };
            let state = arena.state(at);
            let was = matches!(state, State::Managed | State::Removed)
                && is_owner(&arena.original_target(at, reference))
                && region.meets(cell, &self.shown) != Some(false);
            let is = matches!(state, State::New | State::Managed)
                && is_owner(&arena.target(at, reference))
                && self.is_shown(at) != Some(false);
            gone += u64::from(was && !is);
            come += u64::from(is && !was);
        }
        (stored + come).saturating_sub(gone)
    }

    /// Links that are not saved yet, and items that go.
    fn with_unsaved_links(&self, owner: u32, stored: u64) -> u64 {
        let arena = self.region.arena(self.target());
        let waiting = self.region.links().waiting_links(self.region, self.relation, owner);
        let (mut gone, mut come) = (0, 0);
        for at in self.unsaved_items(owner) {
            let was = self.stored_member(owner, at) == Some(true);
            let is = arena.state(at) != State::Removed
                && self.is_shown(at) != Some(false)
                && waiting.get(&at).copied().unwrap_or(was);
            gone += u64::from(was && !is);
            come += u64::from(is && !was);
        }
        (stored + come).saturating_sub(gone)
    }

    /// The items of a many-to-many relation of which the database may say something else than the context.
    fn unsaved_items(&self, owner: u32) -> BTreeSet<u32> {
        let (region, target) = (self.region, self.target());
        let mut items: BTreeSet<u32> =
            region.links().waiting_links(region, self.relation, owner).into_keys().collect();
        let pending = region.pending();
        let going = pending.removed.iter().filter(|cell| cell.entity == target);
        items.extend(going.map(|cell| cell.at));
        items
    }

    /// Asks the database about links that wait to be written: it may have them already.
    async fn ask_unsaved(&self, owner: u32, owners: impl FnOnce() -> Vec<u32>) -> Result<()> {
        if self.reference().is_some() || self.is_listed(owner) {
            return Ok(());
        }
        let arena = self.region.arena(self.target());
        let unknown: Vec<u32> = self
            .unsaved_items(owner)
            .into_iter()
            .filter(|at| arena.state(*at) != State::New && self.stored_member(owner, *at).is_none())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.ask_members(&owners(), &unknown).await
    }

    async fn ask_counts(&self, owners: &[u32]) -> Result<()> {
        let (by_key, keys) = self.keys(self.relation.entity, owners);
        if keys.is_empty() {
            return Ok(());
        }
        let items = Items { relation: self.relation, keys };
        let (settled, rows) = self.ask(Selection::Tally(items), self.shown.clone()).await?;
        self.learn(owners, &rows).await?;
        let mut counts: HashMap<u32, u64, foldhash::fast::RandomState> =
            by_key.values().map(|owner| (*owner, 0)).collect();
        for row in rows {
            if let Some(owner) = by_key.get(&own_spelling(self.region, self.relation, row.owner)) {
                // Keys that are spelled otherwise may be groups of their own.
                *counts.entry(*owner).or_default() += row.count;
            }
        }
        let mut tallies = self.region.tallies();
        let tallies = tallies.since(settled);
        for (owner, count) in counts {
            tallies.set_count(self.relation, owner, self.narrowing, count);
        }
        Ok(())
    }

    async fn ask_members(&self, owners: &[u32], items: &[u32]) -> Result<()> {
        let (by_key, keys) = self.keys(self.relation.entity, owners);
        let (items, item_keys) = self.keys(self.target(), items);
        if keys.is_empty() || item_keys.is_empty() {
            return Ok(());
        }
        let condition = Expression::KeyIn { property: None, keys: item_keys }.and(self.shown.clone());
        let selection = Selection::Pairs(Items { relation: self.relation, keys });
        let (settled, rows) = self.ask(selection, condition).await?;
        self.learn(owners, &rows).await?;
        let mut tallies = self.region.tallies();
        let tallies = tallies.since(settled);
        for owner in by_key.values() {
            for item in items.values() {
                tallies.set_member(self.relation, (*owner, *item), self.narrowing, false);
            }
        }
        for row in rows {
            let owner = by_key.get(&own_spelling(self.region, self.relation, row.owner));
            if let (Some(owner), Some(item)) = (owner, items.get(&row.item)) {
                tallies.set_member(self.relation, (*owner, *item), self.narrowing, true);
            }
        }
        Ok(())
    }

    async fn learn(&self, owners: &[u32], rows: &[Row]) -> Result<()> {
        let read = rows.iter().map(|row| row.owner.clone());
        learn_owners(self.region, self.relation.entity, owners, read).await
    }

    fn keys(&self, entity: EntityId, cells: &[u32]) -> (ByKey, Vec<KeyValues>) {
        let key = |at: &u32| Some((self.region.key(CellId { entity, at: *at })?, *at));
        let keyed: Vec<(KeyValues, u32)> = cells.iter().filter_map(key).collect();
        // In their order, so that the same question is the same statement.
        let keys = keyed.iter().map(|(key, _)| key.clone()).collect();
        (keyed.into_iter().collect(), keys)
    }

    /// Sends the question; also says after which flush the answer was given.
    async fn ask(&self, selection: Selection, condition: Expression) -> Result<(u64, Vec<Row>)> {
        let region = self.region;
        let is_tally = matches!(selection, Selection::Tally(_));
        let select = Select { selection, ..select(region, self.target(), condition, Vec::new()) };
        let rows = || Rows {
            owner: key_columns(region, self.relation.entity),
            item: if is_tally { Vec::new() } else { key_columns(region, self.target()) },
            rows: Vec::new(),
        };
        let settled = region.settled();
        let rows = cache::select(region, &select, "count", self.cache, rows, |rows| rows).await?;
        Ok((settled, rows.rows))
    }
}

type ByKey = HashMap<KeyValues, u32, foldhash::fast::RandomState>;

fn key_columns(region: &Region, entity: EntityId) -> Vec<ColumnType> {
    let entity = region.entity(entity);
    entity.key_columns().map(|column| entity.columns[column].column_type).collect()
}

/// What a row says: a count, or an item.
struct Row {
    owner: KeyValues,
    item: KeyValues,
    count: u64,
}

struct Rows {
    owner: Vec<ColumnType>,
    /// Empty where the row has a count.
    item: Vec<ColumnType>,
    rows: Vec<Row>,
}

impl RowSink for Rows {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let key = |from: usize, columns: &[ColumnType]| {
            let values = columns.iter().enumerate();
            values.map(|(at, column)| read_value(row, from + at, *column)).collect::<Result<KeyValues, _>>()
        };
        let width = self.owner.len();
        let owner = key(0, &self.owner)?;
        let item = key(width, &self.item)?;
        let count = match self.item.is_empty() {
            true => u64::try_from(row.int(width)?).unwrap_or_default(),
            false => 1,
        };
        self.rows.push(Row { owner, item, count });
        Ok(())
    }
}

/// The cell of something that may be an item of `relation`, named in messages by `key`; `None` for what is not persisted.
///
/// # Errors
///
/// [`Error::ForeignEntity`], and [`Error::Value`] for a key that no column can hold.
pub(crate) fn item_cell(
    region: &Region,
    relation: RelationId,
    item: Target,
    key: KeyValues,
) -> Result<Option<u32>> {
    let target = region.metadata().relation(relation).target;
    let entity = region.entity(target);
    match item {
        Target::Cell(cell) if cell.context == region.id() => Ok(Some(cell.id.at)),
        Target::Cell(cell) => Err(Error::ForeignEntity {
            key: EntityKey::new(entity.name, key),
            expected: region.id(),
            found: cell.context,
        }),
        Target::Key(key) => Ok(region.arena(target).find_or_reference(&key)),
        Target::Unset | Target::New => Ok(None),
        Target::Invalid(source) => {
            let property = entity.primary_key.first().map(|property| &entity.properties[*property]);
            Err(Error::Value {
                entity: entity.name,
                field: property.map_or("?", |property| property.name),
                column: property
                    .map_or_else(String::new, |property| entity.columns[property.columns.start].name.clone()),
                source,
            })
        }
    }
}
