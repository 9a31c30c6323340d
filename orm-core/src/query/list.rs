//! Lists in views: the items of to-many relations, by one statement for all owners of a level.
//!
//! Rows are read first, and say whose lists they have; then each list is read for all of them, with the lists in its own
//! items, and put into the rows in the order in which the rows named their owners.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::vec;

use hashbrown::HashMap;

use super::keyset::Keyset;
use super::loaded_view::{at_end, view_of};
use super::mentions::{rows_of, terms_of};
use super::plan::{check, describe_term};
use super::selected::{Terms, Unread};
use super::view::{View, ViewRow, terms_of_view};
use crate::cache::{self, CacheUse};
use crate::condition::Term;
use crate::driver::{BoxFuture, Items, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{CellId, Region, Shape, read_value};
use crate::error::{Error, Result};
use crate::filter::FilterChoices;
use crate::metadata::{EntityId, Metadata, RelationId};
use crate::populate::order;
use crate::value::{ColumnType, KeyValues, Value};

/// A list that a view has of each row.
#[derive(Clone, Copy)]
struct ListOf {
    load: for<'a> fn(&'a Loader<'a>, &'a Level<'a>) -> BoxFuture<'a, Result<AnyList>>,
    touch: fn(&Metadata, EntityId, &mut Touched),
    collect: fn(&Arc<Region>, Vec<CellId>) -> Result<AnyList>,
}

/// A list in a view: of which relation, and how its items are read.
#[derive(Clone)]
pub(super) struct NestedList {
    /// The to-one relations that lead from the row to the owner.
    pub(super) path: Vec<usize>,
    relation: usize,
    of: ListOf,
}

impl NestedList {
    /// Of relation `relation` of the row itself.
    pub(super) fn of<N: View>(relation: usize) -> Self {
        Self {
            path: Vec::new(),
            relation,
            of: ListOf { load: load::<N>, touch: touch::<N>, collect: collect::<N> },
        }
    }

    fn relation(&self, metadata: &Metadata, root: EntityId) -> RelationId {
        let entity =
            self.path.iter().fold(root, |entity, index| metadata.entity(entity).relations[*index].target);
        RelationId { entity, index: self.relation }
    }

    /// The error that says why this list can't be read.
    pub(super) fn refuse(&self, metadata: &Metadata, root: EntityId, problem: &'static str) -> Result<()> {
        Err(refused(metadata, self.relation(metadata, root), problem))
    }
}

fn refused(metadata: &Metadata, relation: RelationId, problem: &'static str) -> Error {
    let entity = metadata.entity(relation.entity).name;
    Error::ViewItems { entity, relation: metadata.relation(relation).name, problem }
}

impl fmt::Debug for NestedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedList").field("path", &self.path).field("relation", &self.relation).finish()
    }
}

/// How rows are read: their columns, and behind these what the keys of their lists' owners need beside them.
pub(super) struct RowPlan {
    pub(super) columns: Vec<Term>,
    pub(super) lists: Vec<PlannedList>,
    /// Columns whose values are wanted beside what is read of the row.
    pub(super) kept: Vec<(usize, ColumnType)>,
}

/// A list, and the columns that hold its owner's key.
pub(super) struct PlannedList {
    path: Vec<usize>,
    relation: RelationId,
    key: Vec<(usize, ColumnType)>,
    of: ListOf,
}

impl RowPlan {
    pub(super) fn of(metadata: &Metadata, root: EntityId, terms: Terms) -> Result<Self> {
        let Terms { mut columns, lists } = terms;
        columns.iter().try_for_each(|term| check(metadata.entity(root), term))?;
        let mut planned = Vec::with_capacity(lists.len());
        for list in lists {
            let relation = list.relation(metadata, root);
            let owner = metadata.entity(relation.entity);
            let mut key = Vec::new();
            for property in &owner.primary_key {
                let [column] = owner.properties[*property].columns.clone().collect::<Vec<_>>()[..] else {
                    let problem =
                        "a part of the owner's key has several columns; populate the relation instead";
                    return Err(refused(metadata, relation, problem));
                };
                let term = Term::Property { path: list.path.clone(), property: *property };
                key.push((place_of(&mut columns, term), owner.columns[column].column_type));
            }
            planned.push(PlannedList { path: list.path, relation, key, of: list.of });
        }
        Ok(Self { columns, lists: planned, kept: Vec::new() })
    }

    /// Keeps the values of `order` of each row.
    pub(super) fn keep(&mut self, order: &Keyset) {
        for term in &order.terms {
            let place = place_of(&mut self.columns, term.order.term.clone());
            self.kept.push((place, term.value_type));
        }
    }

    /// The lists of a loaded entity, as far as it has owners for them.
    pub(super) fn collect(&self, region: &Arc<Region>, cell: CellId, owners: &Owners) -> Result<ViewLists> {
        let lists = self.lists.iter().zip(&owners.lists).map(|(list, owners)| {
            let owner = match owners.found.is_empty() {
                true => None,
                false => at_end(region, cell, &list.path)?,
            };
            let items = owner.map(|owner| region.loaded_cells(owner, list.relation)).transpose()?;
            (list.of.collect)(region, items.unwrap_or_default())
        });
        Ok(ViewLists { lists: lists.collect::<Result<_>>()?, at: 0 })
    }

    /// What could not be read, by its name.
    pub(super) fn unread(&self, select: &Select, unread: Unread) -> Error {
        let term = self.columns.get(unread.column);
        let term = term.map(|term| describe_term(&select.metadata, select.root, term));
        let entity = select.entity().name;
        Error::Unread { entity, term: term.unwrap_or_default(), source: unread.source }
    }
}

/// Where a column is, which is added where it is not read yet.
fn place_of(columns: &mut Vec<Term>, term: Term) -> usize {
    columns.iter().position(|known| *known == term).unwrap_or_else(|| {
        columns.push(term);
        columns.len() - 1
    })
}

/// Whose lists the rows have, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Owners {
    lists: Vec<ListOwners>,
    /// The place of the rows' own owner among those of the list that they are in.
    within: usize,
}

#[derive(Debug)]
struct ListOwners {
    key: Vec<(usize, ColumnType)>,
    found: Vec<Owner>,
}

#[derive(Debug)]
struct Owner {
    key: KeyValues,
    within: usize,
}

impl Owners {
    pub(super) fn of(plan: &RowPlan) -> Self {
        let lists = plan.lists.iter().map(|list| ListOwners { key: list.key.clone(), found: Vec::new() });
        Self { lists: lists.collect(), within: 0 }
    }

    /// Notes the owner of list `list` of a row, whose columns begin at `first`.
    pub(super) fn read(&mut self, list: usize, row: &dyn RowReader, first: usize) -> Result<(), Unread> {
        let Some(owners) = self.lists.get_mut(list) else { return Ok(()) };
        let key = owners.key.iter().map(|(column, column_type)| {
            read_value(row, first + column, *column_type).map_err(|source| Unread { column: *column, source })
        });
        owners.found.push(Owner { key: key.collect::<Result<_, _>>()?, within: self.within });
        Ok(())
    }
}

/// The owners of one list, and those of the list that they are in themselves.
pub(super) struct Level<'a> {
    relation: RelationId,
    owners: &'a [Owner],
    above: Option<&'a Level<'a>>,
}

impl Level<'_> {
    /// Whether an owner is in its own list, or in one below it: a view that is nested in itself would never end.
    fn is_circle(&self) -> bool {
        let is_repeated = self.levels_above().any(|level| level.relation == self.relation);
        is_repeated && self.owners.iter().any(|owner| self.is_within_itself(owner))
    }

    fn levels_above(&self) -> impl Iterator<Item = &Level<'_>> {
        std::iter::successors(self.above, |level| level.above)
    }

    fn is_within_itself(&self, owner: &Owner) -> bool {
        let mut within = owner.within;
        self.levels_above().any(|level| {
            let Some(above) = level.owners.get(within) else { return false };
            within = above.within;
            level.relation == self.relation && above.key == owner.key
        })
    }
}

/// What reads lists.
pub(super) struct Loader<'a> {
    pub(super) region: &'a Arc<Region>,
    pub(super) filters: Option<&'a FilterChoices>,
    pub(super) cache: Option<&'a CacheUse>,
    /// What the program called.
    pub(super) method: &'static str,
}

impl Loader<'_> {
    /// The lists of rows that were read by `plan`.
    pub(super) async fn lists(
        &self,
        plan: &RowPlan,
        owners: &Owners,
        above: Option<&Level<'_>>,
    ) -> Result<ViewLists> {
        let mut lists = Vec::with_capacity(plan.lists.len());
        for (list, owners) in plan.lists.iter().zip(&owners.lists) {
            let level = Level { relation: list.relation, owners: &owners.found, above };
            lists.push((list.of.load)(self, &level).await?);
        }
        Ok(ViewLists { lists, at: 0 })
    }

    /// What reads the items of all owners of a level.
    fn select(&self, level: &Level<'_>, keys: Vec<KeyValues>, plan: &RowPlan) -> Result<Select> {
        let region = self.region;
        let target = region.metadata().relation(level.relation).target;
        let promised = Shape::read_by(&plan.columns);
        let mut columns = plan.columns.clone();
        region.shown_terms(target, &mut columns, &promised, self.filters)?;
        let shown = region.filter_of(target, self.filters)?;
        Ok(Select {
            selection: Selection::ItemTerms(Items { relation: level.relation, keys }, columns),
            condition: shown.and(region.promised_by(target, &promised, self.filters)?),
            order: order(region, level.relation),
            ..Select::new(Arc::clone(region.metadata()), target)
        })
    }
}

fn load<'a, N: View>(loader: &'a Loader<'a>, level: &'a Level<'a>) -> BoxFuture<'a, Result<AnyList>> {
    Box::pin(items_of::<N>(loader, level))
}

/// One list, of these entities.
fn collect<N: View>(region: &Arc<Region>, items: Vec<CellId>) -> Result<AnyList> {
    let items = items.into_iter().map(|cell| view_of::<N>(region, cell));
    Ok(Box::new(vec![items.collect::<Result<Vec<N>>>()?].into_iter()))
}

/// One list for each owner of a level.
async fn items_of<N: View>(loader: &Loader<'_>, level: &Level<'_>) -> Result<AnyList> {
    let metadata = loader.region.metadata();
    if level.is_circle() {
        let problem = "an item is among its own items, so that they have no end; leave the relation out of one of \
                       the views";
        return Err(refused(metadata, level.relation, problem));
    }
    let mut places: HashMap<KeyValues, Vec<usize>, foldhash::fast::RandomState> = HashMap::default();
    let mut keys = Vec::new();
    for (place, owner) in level.owners.iter().enumerate() {
        let known = places.entry_ref(&owner.key).or_insert_with(|| {
            keys.push(owner.key.clone());
            Vec::new()
        });
        known.push(place);
    }
    let mut lists: Vec<Vec<N>> = level.owners.iter().map(|_| Vec::new()).collect();
    if places.is_empty() {
        return Ok(Box::new(lists.into_iter()));
    }
    let plan = RowPlan::of(metadata, metadata.relation(level.relation).target, terms_of_view::<N>())?;
    let select = loader.select(level, keys, &plan)?;
    let owner = metadata.entity(level.relation.entity);
    let key: Vec<ColumnType> = owner.key_columns().map(|column| owner.columns[column].column_type).collect();
    let rows = || ItemRows::<N> {
        select: &select,
        plan: &plan,
        key: &key,
        places: &places,
        owners: Owners::of(&plan),
        rows: Vec::new(),
    };
    let read = cache::select(loader.region, &select, loader.method, loader.cache, rows, |rows| rows).await?;
    let ItemRows { mut rows, owners, .. } = read;
    if !plan.lists.is_empty() {
        let mut below = loader.lists(&plan, &owners, Some(level)).await?;
        rows.iter_mut().for_each(|(_, item)| below.fill(|lists| item.__fill(lists)));
    }
    for (place, item) in rows {
        lists[place].push(item);
    }
    Ok(Box::new(lists.into_iter()))
}

/// Items as they come, each once for every place where its owner is.
struct ItemRows<'a, N> {
    select: &'a Select,
    plan: &'a RowPlan,
    key: &'a [ColumnType],
    places: &'a HashMap<KeyValues, Vec<usize>, foldhash::fast::RandomState>,
    owners: Owners,
    rows: Vec<(usize, N)>,
}

/// The places of the owner that a row refers to, also where it spells the key in other letters or with more or fewer spaces
/// at the end, and the database holds that equal: the row is of one of the owners.
fn places_of<'a>(
    places: &'a HashMap<KeyValues, Vec<usize>, foldhash::fast::RandomState>,
    key: &KeyValues,
) -> &'a [usize] {
    if let Some(known) = places.get(key) {
        return known;
    }
    let mut alike = places.iter().filter(|(known, _)| places.len() == 1 || folded(known) == folded(key));
    match (alike.next(), alike.next()) {
        (Some((_, known)), None) => known,
        _ => &[],
    }
}

/// A key without what collations may not look at.
fn folded(key: &KeyValues) -> Vec<Value> {
    let folded = |value: &Value| match value {
        Value::Text(text) => Value::Text(text.trim_end_matches(' ').to_lowercase()),
        other => other.clone(),
    };
    key.iter().map(folded).collect()
}

impl<N: View> RowSink for ItemRows<'_, N> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let key = self.key.iter().enumerate().map(|(at, column)| read_value(row, at, *column));
        let key: KeyValues = key.collect::<Result<_, _>>()?;
        for place in places_of(self.places, &key) {
            self.owners.within = *place;
            let item = N::__read(&mut ViewRow::new(row, self.key.len(), &mut self.owners));
            self.rows.push((*place, item.map_err(|unread| self.plan.unread(self.select, unread))?));
        }
        Ok(())
    }
}

/// The lists of rows, to be taken in the order in which the rows were read.
#[doc(hidden)]
pub struct ViewLists {
    lists: Vec<AnyList>,
    at: usize,
}

impl ViewLists {
    /// Gives a row its lists.
    pub(super) fn fill(&mut self, row: impl FnOnce(&mut Self)) {
        self.at = 0;
        row(self);
    }

    /// The next list of the row.
    pub fn take<N: View>(&mut self) -> Vec<N> {
        let at = self.at;
        self.at += 1;
        let list = self.lists.get_mut(at).and_then(|list| list.any().downcast_mut::<vec::IntoIter<Vec<N>>>());
        list.and_then(Iterator::next).unwrap_or_default()
    }

    /// Leaves out the lists of a view that is not there.
    pub fn skip<N: View>(&mut self) {
        self.at += N::__LISTS;
    }
}

impl fmt::Debug for ViewLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewLists").field("at", &self.at).finish_non_exhaustive()
    }
}

/// [`Filled`], whatever its items are.
type AnyList = Box<dyn Filled>;

/// One list for each owner, of items that only the view knows.
trait Filled: Send {
    fn any(&mut self) -> &mut dyn Any;
}

impl<N: View> Filled for vec::IntoIter<Vec<N>> {
    fn any(&mut self) -> &mut dyn Any {
        self
    }
}

/// Entities that a query leads to, whose pending changes it may miss.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) entities: Vec<EntityId>,
    views: Vec<TypeId>,
}

impl Touched {
    pub(super) fn add(&mut self, metadata: &Metadata, entity: EntityId, terms: &Terms) {
        terms.columns.iter().for_each(|term| self.add_term(metadata, entity, term));
        for list in &terms.lists {
            let target = metadata.relation(list.relation(metadata, entity)).target;
            rows_of(metadata, target, &mut self.entities);
            (list.of.touch)(metadata, target, self);
        }
    }

    pub(super) fn add_term(&mut self, metadata: &Metadata, entity: EntityId, term: &Term) {
        terms_of(metadata, entity, term, &mut self.entities);
    }
}

fn touch<N: View>(metadata: &Metadata, entity: EntityId, touched: &mut Touched) {
    let view = TypeId::of::<N>();
    // A view may be nested in itself.
    if !touched.views.contains(&view) {
        touched.views.push(view);
        touched.add(metadata, entity, &terms_of_view::<N>());
    }
}
