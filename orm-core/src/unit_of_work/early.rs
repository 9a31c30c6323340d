//! Which rows of a flush are written before its inserts, since they have what another row takes.
//!
//! A row that goes, or changes, gives up its unique values; a row of the same flush may take them. Databases look at
//! unique values row by row, so whoever gives up is written first: as a delete, with the deletes of what refers to it,
//! or as an update. Where rows wait for each other in a circle, or in a long line, their values are emptied first: by
//! NULL, or by a value that stands in for it until the row gets its own. A soft delete that takes a row out of an index
//! with a condition waits for nobody.
//!
//! Looks at rows that conflict, and at what refers to those among them that go. Without a conflict it does nothing.

use hashbrown::{HashMap, HashSet};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::going::{Going, waits};
use super::stand_in::StandIns;
use super::unique_values::{Conflict, Conflicts, Rows, Unique, is_partial};
use crate::entity::{CellId, ErasedSnapshot, PropertySet, Region};
use crate::error::{Error, Result};
use crate::metadata::{PropertyKind, RelationKind};
use crate::value::Value;

type Hasher = foldhash::fast::RandomState;

/// Longer lines of rows that wait for each other are emptied at once instead.
const MOST_ROUNDS: usize = 4;

/// What is written before the inserts, in this order.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// Rows that leave an index, and wait for nobody.
    pub(super) soft_deletes: HashSet<CellId, Hasher>,
    /// Fields that are emptied for the time of the flush.
    pub(super) emptied: Vec<Emptied>,
    /// Rows that don't wait for each other, one round after the other.
    pub(super) rounds: Vec<Vec<CellId>>,
}

/// A field of a row that holds something else until its own step of the flush.
#[derive(Debug)]
pub(super) struct Emptied {
    pub(super) cell: CellId,
    pub(super) property: usize,
    pub(super) values: Vec<Value>,
}

/// Arranges what has to come first.
///
/// # Errors
///
/// [`Error::UniqueExchange`].
pub(super) fn arrange(region: &Region, rows: Rows<'_>) -> Result<Early> {
    let Conflicts { all, values, soft_deletes, carriers } = Conflicts::of(region, rows);
    if all.is_empty() {
        return Ok(Early { soft_deletes, ..Early::default() });
    }
    let updated = rows.updated.iter().map(|(cell, snapshot, changed)| (*cell, (snapshot, changed)));
    let mut arrangement = Arrangement {
        region,
        updated: updated.collect(),
        going: Going::of(region, rows, carriers),
        conflicts: all,
        stand_ins: StandIns::beside(values),
        rows: Vec::new(),
        places: HashMap::default(),
        references: Vec::new(),
        emptied: Vec::new(),
        is_emptied: HashSet::default(),
        freed: HashSet::default(),
    };
    arrangement.choose()?;
    arrangement.open_circles()?;
    arrangement.shorten();
    let rounds = arrangement.rounds();
    Ok(Early { soft_deletes, emptied: arrangement.emptied, rounds })
}

/// Why one row is written before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reason {
    /// It has a value that the other one takes.
    Unique(Unique),
    /// It refers to the other one, which goes, or may refer to it.
    Reference(usize),
}

/// A row that is written before another one, both by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Edge {
    before: usize,
    after: usize,
    /// Whose value or reference it is.
    cell: CellId,
    reason: Reason,
}

/// What a field may be emptied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Null,
    Anything,
}

struct Arrangement<'a> {
    region: &'a Region,
    updated: HashMap<CellId, (&'a ErasedSnapshot, &'a PropertySet), Hasher>,
    going: Going,
    conflicts: Vec<Conflict>,
    stand_ins: StandIns,
    /// Rows to write early.
    rows: Vec<CellId>,
    places: HashMap<CellId, usize, Hasher>,
    /// References of early rows to rows that go early: from, to, relation.
    references: Vec<(CellId, CellId, usize)>,
    emptied: Vec<Emptied>,
    is_emptied: HashSet<(CellId, usize), Hasher>,
    /// Unique values that are free because a field of them is emptied.
    freed: HashSet<(CellId, Unique), Hasher>,
}

impl Arrangement<'_> {
    /// Decides for each row that gives up a value whether it is written early or emptied.
    fn choose(&mut self) -> Result<()> {
        let mut waiting = HashSet::<CellId, Hasher>::default();
        for Conflict { holder, unique, .. } in self.conflicts.clone() {
            let row = self.going.row_of(holder);
            if self.places.contains_key(&row) || self.freed.contains(&(holder, unique)) {
                continue;
            }
            let is_updated = self.updated.contains_key(&holder);
            if is_updated && !self.waits(holder) {
                self.add(holder);
                continue;
            }
            if !is_updated && !waiting.contains(&row) && self.can_go(row) {
                self.go(row);
                continue;
            }
            waiting.insert(row);
            if !self.free(holder, unique, Means::Anything) && self.is_sure(holder, unique) {
                if is_updated {
                    return Err(self.stuck(holder, unique));
                }
                self.go(row);
            }
        }
        Ok(())
    }

    /// Whether the row is known to have the value. Where it is not, the database has the last word.
    fn is_sure(&self, holder: CellId, unique: Unique) -> bool {
        let is_known = unique == Unique::Key || !self.going.is_bare(holder);
        is_known && !is_partial(self.region, holder.entity, unique)
    }

    fn add(&mut self, cell: CellId) -> bool {
        let place = self.rows.len();
        if self.places.contains_key(&cell) {
            return false;
        }
        self.places.insert(cell, place);
        self.rows.push(cell);
        true
    }

    /// Whether an update has to wait for a row that is not inserted yet.
    fn waits(&self, cell: CellId) -> bool {
        let written = self.updated.get(&cell);
        written.is_some_and(|(snapshot, changed)| waits(self.region, cell, snapshot, changed))
    }

    /// Whether everything that refers to a row that goes can be written before the inserts, too.
    fn can_go(&self, cell: CellId) -> bool {
        let mut seen = HashSet::<CellId, Hasher>::default();
        let mut queue = vec![cell];
        while let Some(cell) = queue.pop() {
            for (referrer, relation) in self.going.referrers(cell) {
                let is_nullable = self.region.entity(referrer.entity).relations[relation].nullable;
                if self.waits(referrer) && !is_nullable {
                    return false;
                }
                if !self.updated.contains_key(&referrer) && seen.insert(referrer) {
                    queue.push(referrer);
                }
            }
        }
        true
    }

    /// Lets a row go early, after everything that refers to it.
    fn go(&mut self, cell: CellId) {
        let mut queue = vec![cell];
        self.add(cell);
        while let Some(cell) = queue.pop() {
            for (referrer, relation) in self.going.referrers(cell) {
                if self.waits(referrer) {
                    // Its own update comes after the inserts.
                    self.empty_reference(referrer, relation);
                    continue;
                }
                self.references.push((referrer, cell, relation));
                if self.add(referrer) && !self.updated.contains_key(&referrer) {
                    queue.push(referrer);
                }
            }
        }
    }

    /// Empties a field of a unique index, so that its present values are free. Returns whether there is one to empty.
    fn free(&mut self, cell: CellId, unique: Unique, means: Means) -> bool {
        let Unique::Index(index) = unique else { return false };
        if self.freed.contains(&(cell, unique)) {
            return true;
        }
        if self.going.is_bare(cell) {
            // Its row may be gone already, and then there is nothing to empty.
            return false;
        }
        let meta = self.region.entity(cell.entity);
        let changed = self.updated.get(&cell).map(|(_, changed)| *changed);
        // The row's own step writes what it changes, and nothing else.
        let fields = meta.indexes[index].properties.iter().copied().filter(|property| {
            let is_fixed = meta.primary_key.contains(property)
                || meta.version == Some(*property)
                || meta.computed.contains(property);
            !is_fixed && changed.is_none_or(|changed| changed.contains(*property))
        });
        let fields: Vec<usize> = fields.collect();
        let columns = |property: usize| &meta.columns[meta.properties[property].columns.clone()];
        let nullable =
            fields.iter().find(|property| columns(**property).iter().all(|column| column.nullable));
        let found = match nullable {
            Some(property) => Some((*property, vec![Value::Null; columns(*property).len()])),
            None if means == Means::Null => None,
            None => fields.iter().find_map(|property| {
                let is_scalar = meta.properties[*property].kind == PropertyKind::Scalar;
                let column = columns(*property).first().filter(|_| is_scalar)?;
                Some((*property, vec![self.stand_ins.draw(column)?]))
            }),
        };
        let Some((property, values)) = found else { return false };
        self.empty(cell, property, values);
        self.freed.insert((cell, unique));
        true
    }

    fn empty_reference(&mut self, cell: CellId, relation: usize) -> bool {
        let meta = self.region.entity(cell.entity);
        let RelationKind::ManyToOne { property } = meta.relations[relation].kind else { return false };
        if !meta.relations[relation].nullable || self.going.is_bare(cell) {
            return false;
        }
        self.empty(cell, property, vec![Value::Null; meta.properties[property].columns.len()]);
        true
    }

    fn empty(&mut self, cell: CellId, property: usize, values: Vec<Value>) {
        if self.is_emptied.insert((cell, property)) {
            self.emptied.push(Emptied { cell, property, values });
        }
    }

    /// Which early rows wait for which.
    fn edges(&self) -> Vec<Edge> {
        let place = |cell: CellId| self.places.get(&cell).copied();
        let unique = self.conflicts.iter().filter_map(|conflict| {
            let Conflict { holder, taker, unique } = *conflict;
            let is_free = self.freed.contains(&(holder, unique));
            let before = place(self.going.row_of(holder)).filter(|_| !is_free)?;
            Some(Edge { before, after: place(taker)?, cell: holder, reason: Reason::Unique(unique) })
        });
        let references = self.references.iter().filter_map(|(from, to, relation)| {
            let (before, after) = (place(*from)?, place(*to)?);
            Some(Edge { before, after, cell: *from, reason: Reason::Reference(*relation) })
        });
        unique.chain(references).collect()
    }

    /// Empties a field in each circle of rows that wait for each other.
    fn open_circles(&mut self) -> Result<()> {
        for attempt in 0.. {
            let edges = self.edges();
            let mut graph = DiGraph::<(), ()>::with_capacity(self.rows.len(), edges.len());
            let nodes: Vec<_> = self.rows.iter().map(|_| graph.add_node(())).collect();
            for edge in &edges {
                graph.update_edge(nodes[edge.before], nodes[edge.after], ());
            }
            let mut circle_of = vec![usize::MAX; self.rows.len()];
            let mut circles = 0;
            for circle in kosaraju_scc(&graph).into_iter().filter(|circle| circle.len() > 1) {
                circle.iter().for_each(|node| circle_of[node.index()] = circles);
                circles += 1;
            }
            if circles == 0 {
                return Ok(());
            }
            let mut inside: Vec<Vec<Edge>> = vec![Vec::new(); circles];
            for edge in edges {
                let circle = circle_of[edge.before];
                if circle != usize::MAX && circle == circle_of[edge.after] {
                    inside[circle].push(edge);
                }
            }
            for edges in inside {
                self.open_circle(&edges, attempt >= MOST_ROUNDS)?;
            }
        }
        Ok(())
    }

    fn open_circle(&mut self, edges: &[Edge], everywhere: bool) -> Result<()> {
        let mut is_open = false;
        for means in [Means::Null, Means::Anything] {
            for edge in edges {
                if !is_open || everywhere {
                    is_open |= self.remove(*edge, means);
                }
            }
        }
        if is_open || self.forget_unsure(edges) {
            return Ok(());
        }
        let stuck = edges.iter().find_map(|edge| match edge.reason {
            Reason::Unique(unique) => Some(self.stuck(edge.cell, unique)),
            Reason::Reference(_) => None,
        });
        let entities = edges.iter().map(|edge| self.region.entity(self.rows[edge.before].entity).name);
        Err(stuck.unwrap_or_else(|| Error::CommitOrderCycle { entities: entities.collect() }))
    }

    /// Waits no more for what only may be so. Returns whether there was any of it.
    fn forget_unsure(&mut self, edges: &[Edge]) -> bool {
        let is_unsure = |edge: &&Edge| match edge.reason {
            Reason::Unique(unique) => !self.is_sure(edge.cell, unique),
            Reason::Reference(_) => self.going.is_bare(edge.cell),
        };
        let unsure: HashSet<(CellId, Reason, usize), Hasher> =
            edges.iter().filter(is_unsure).map(|edge| (edge.cell, edge.reason, edge.after)).collect();
        let places = &self.places;
        let is_kept = |cell: CellId, reason: Reason, after: CellId| {
            places.get(&after).is_none_or(|after| !unsure.contains(&(cell, reason, *after)))
        };
        self.conflicts.retain(|one| is_kept(one.holder, Reason::Unique(one.unique), one.taker));
        self.references.retain(|(from, to, relation)| is_kept(*from, Reason::Reference(*relation), *to));
        !unsure.is_empty()
    }

    fn remove(&mut self, edge: Edge, means: Means) -> bool {
        let cell = edge.cell;
        match edge.reason {
            Reason::Unique(unique) => self.free(cell, unique, means),
            Reason::Reference(relation) => {
                let is_emptied = self.empty_reference(cell, relation);
                if is_emptied {
                    self.references.retain(|(from, _, index)| (*from, *index) != (cell, relation));
                }
                is_emptied
            }
        }
    }

    /// Empties the fields of rows that wait for each other in a long line: two writes instead of one a row.
    fn shorten(&mut self) {
        if self.rounds().len() <= MOST_ROUNDS {
            return;
        }
        for Conflict { holder, unique, .. } in self.conflicts.clone() {
            if self.updated.contains_key(&holder) {
                self.free(holder, unique, Means::Anything);
            }
        }
    }

    /// The early rows, each after those that it waits for. Updates that nobody waits for any more are left out.
    fn rounds(&self) -> Vec<Vec<CellId>> {
        let mut needed: HashSet<CellId, Hasher> =
            self.rows.iter().copied().filter(|cell| !self.updated.contains_key(cell)).collect();
        needed.extend(self.references.iter().map(|(from, _, _)| *from));
        let held = self.conflicts.iter().filter(|one| !self.freed.contains(&(one.holder, one.unique)));
        needed.extend(held.map(|conflict| self.going.row_of(conflict.holder)));
        let is_needed = |place: usize| needed.contains(&self.rows[place]);
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.rows.len()];
        let mut waiting = vec![0_usize; self.rows.len()];
        for edge in self.edges().into_iter().filter(|edge| is_needed(edge.before) && is_needed(edge.after)) {
            after[edge.before].push(edge.after);
            waiting[edge.after] += 1;
        }
        let mut rounds = Vec::new();
        let mut round: Vec<usize> =
            (0..self.rows.len()).filter(|place| is_needed(*place) && waiting[*place] == 0).collect();
        while !round.is_empty() {
            let mut next = Vec::new();
            for place in &round {
                for later in &after[*place] {
                    waiting[*later] -= 1;
                    if waiting[*later] == 0 {
                        next.push(*later);
                    }
                }
            }
            rounds.push(round.iter().flat_map(|place| self.going.all_of(self.rows[*place])).collect());
            round = next;
        }
        rounds
    }

    fn stuck(&self, cell: CellId, unique: Unique) -> Error {
        let meta = self.region.entity(cell.entity);
        let property = match unique {
            Unique::Key => meta.primary_key.first(),
            Unique::Index(index) => meta.indexes[index].properties.first(),
        };
        let field = property.map_or("", |property| meta.properties[*property].name);
        Error::UniqueExchange { key: self.region.name(cell), field }
    }
}
