//! The naive model: plain maps of rows as they are stored, and of what each context's handles must show.
//!
//! It knows no statement, no batch and no list. A flush is a function from the stored rows and one context to the rows
//! after it, or to why there are none.

use std::collections::{BTreeMap, BTreeSet};

/// The test's own name for an entity.
pub type Mark = i64;

/// An item and its tag.
pub type Link = (Mark, Mark);

/// Where a reference leads whose target was forgotten before it was ever stored.
pub const FORGOTTEN: Mark = -1;

/// An entity type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Persons.
    Person,
    /// Items.
    Item,
    /// Tags.
    Tag,
    /// Badges.
    Badge,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Person, Self::Item, Self::Tag, Self::Badge];
}

/// A field, of whatever entity has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A number.
    Value,
    /// A unique number, or none.
    Code,
    /// The version of a badge.
    Version,
    /// `Person.boss`.
    Boss,
    /// `Item.owner`.
    Owner,
    /// `Item.maker`.
    Maker,
    /// `Badge.holder`.
    Holder,
}

impl Field {
    /// All of them, in the order of [`Row::fields`].
    pub const ALL: [Self; 7] =
        [Self::Value, Self::Code, Self::Version, Self::Boss, Self::Owner, Self::Maker, Self::Holder];
}

/// A to-one relation, all of which lead to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToOne {
    /// `Person.boss`, optional.
    Boss,
    /// `Item.owner`, optional, emptied by the database when the owner goes.
    Owner,
    /// `Item.maker`, required.
    Maker,
    /// `Badge.holder`, optional, one-to-one.
    Holder,
}

impl ToOne {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Boss, Self::Owner, Self::Maker, Self::Holder];

    /// The entity that has it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Boss => Kind::Person,
            Self::Owner | Self::Maker => Kind::Item,
            Self::Holder => Kind::Badge,
        }
    }

    /// Its field.
    #[must_use]
    pub fn field(self) -> Field {
        match self {
            Self::Boss => Field::Boss,
            Self::Owner => Field::Owner,
            Self::Maker => Field::Maker,
            Self::Holder => Field::Holder,
        }
    }

    /// The relations of a kind.
    pub fn of(kind: Kind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |relation| relation.kind() == kind)
    }
}

/// A row, as it is stored or as a handle shows it: references are marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of which table.
    pub kind: Kind,
    /// By field, in the order of [`Field::ALL`].
    pub fields: [Option<i64>; 7],
}

impl Row {
    /// A row of nothing.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let mut row = Self { kind, fields: [None; 7] };
        row.set(Field::Value, Some(0));
        row.set(Field::Version, Some(0));
        row
    }

    /// A field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<i64> {
        self.fields[field as usize]
    }

    /// Changes a field.
    pub fn set(&mut self, field: Field, value: Option<i64>) {
        self.fields[field as usize] = value;
    }

    /// The fields in which it differs.
    pub fn differs(&self, other: &Self) -> impl Iterator<Item = Field> {
        let differs: Vec<Field> =
            Field::ALL.into_iter().filter(|field| self.get(*field) != other.get(*field)).collect();
        differs.into_iter()
    }
}

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// The rows of all tables.
    pub rows: BTreeMap<Mark, Row>,
    /// The pivot table.
    pub links: BTreeSet<Link>,
}

/// Where an entity stands in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Persisted, not stored.
    New,
    /// Stored.
    Managed,
    /// To be deleted.
    Removed,
}

/// One entity of one context.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Where it stands.
    pub state: State,
    /// What its handle shows.
    pub current: Row,
    /// What was stored when it was last read or written; nothing for a new one.
    pub original: Option<Row>,
}

impl Cell {
    /// One that was read.
    #[must_use]
    pub fn loaded(row: Row) -> Self {
        Self { state: State::Managed, current: row.clone(), original: Some(row) }
    }

    /// The fields that wait to be written.
    #[must_use]
    pub fn changed(&self) -> Vec<Field> {
        self.original.as_ref().map(|original| self.current.differs(original).collect()).unwrap_or_default()
    }
}

/// The memory of one context.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What it knows.
    pub cells: BTreeMap<Mark, Cell>,
    /// What it forgot: new ones that were removed, and ones whose row it deleted.
    pub gone: BTreeSet<Mark>,
    /// Of these, the ones that were never stored.
    pub forgotten: BTreeSet<Mark>,
    /// Links that are to be there after a flush.
    pub added: BTreeSet<Link>,
    /// Links that are not to be there after a flush.
    pub removed: BTreeSet<Link>,
    /// Whether somebody else has written since its memory was empty, so that it may show what is no longer stored.
    pub is_stale: bool,
}

/// Why a flush can't be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Found before anything is sent.
    pub invalid: bool,
    /// A row is not as it was read.
    pub stale: bool,
    /// A constraint is violated in the end.
    pub constraint: bool,
    /// Whether a violation depends on the order of the writes, and so may be or not.
    pub depends_on_order: bool,
}

impl Refusal {
    /// Whether it can't be.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.invalid || self.stale || self.constraint
    }
}

/// What a flush makes of it.
#[derive(Clone, Debug)]
pub struct Flushed {
    /// The rows after it, if nothing refuses them.
    pub store: Store,
    /// The context after it.
    pub context: Context,
    /// What refuses them.
    pub refusal: Refusal,
}

impl Context {
    /// The entities that a loaded list over `relation` of `owner` shows.
    pub fn pointing_to(&self, relation: ToOne, owner: Mark) -> impl Iterator<Item = (Mark, &Cell)> {
        let field = relation.field();
        let cells = self.cells.iter().map(|(mark, cell)| (*mark, cell));
        cells.filter(move |(_, cell)| {
            cell.current.kind == relation.kind()
                && cell.state != State::Removed
                && cell.current.get(field) == Some(owner)
        })
    }

    /// Takes in a row: it wins in fields without an unsaved edit.
    pub fn merge(&mut self, mark: Mark, row: &Row) {
        let Some(cell) = self.cells.get_mut(&mark) else {
            self.cells.insert(mark, Cell::loaded(row.clone()));
            return;
        };
        let Some(original) = &cell.original else { return };
        let mut next = row.clone();
        for field in cell.current.differs(original) {
            next.set(field, cell.current.get(field));
        }
        cell.current = next;
        cell.original = Some(row.clone());
    }

    /// Points a reference somewhere. `displaces`: whether it is known who is there already and has to go.
    pub fn relate(&mut self, mark: Mark, relation: ToOne, target: Option<Mark>, displaces: bool) {
        if let (ToOne::Holder, Some(holder), true) = (relation, target, displaces) {
            let others: Vec<Mark> = self
                .pointing_to(relation, holder)
                .map(|(other, _)| other)
                .filter(|other| *other != mark)
                .collect();
            for other in others {
                self.set(other, Field::Holder, None);
            }
        }
        self.set(mark, relation.field(), target);
    }

    /// Changes a field.
    pub fn set(&mut self, mark: Mark, field: Field, value: Option<i64>) {
        if let Some(cell) = self.cells.get_mut(&mark) {
            cell.current.set(field, value);
        }
    }

    /// Schedules a removal; forgets what is new.
    pub fn remove(&mut self, mark: Mark) {
        match self.cells.get_mut(&mark) {
            Some(Cell { state: State::New, .. }) => {
                self.forget(mark);
                self.forgotten.insert(mark);
            }
            Some(cell) => cell.state = State::Removed,
            None => {}
        }
    }

    /// Takes a removal back.
    pub fn restore(&mut self, mark: Mark) {
        if let Some(cell) = self.cells.get_mut(&mark)
            && cell.state == State::Removed
        {
            cell.state = State::Managed;
        }
    }

    /// It is not in the context any more.
    pub fn forget(&mut self, mark: Mark) {
        self.cells.remove(&mark);
        self.gone.insert(mark);
        self.added.retain(|(item, tag)| *item != mark && *tag != mark);
        self.removed.retain(|(item, tag)| *item != mark && *tag != mark);
    }

    /// Links an item and a tag.
    pub fn link(&mut self, link: Link) {
        self.removed.remove(&link);
        self.added.insert(link);
    }

    /// Takes a link away.
    pub fn unlink(&mut self, link: Link) {
        self.added.remove(&link);
        self.removed.insert(link);
    }

    /// Whether the row of an entity is to go.
    fn goes(&self, mark: Mark) -> bool {
        self.gone.contains(&mark) || self.cells.get(&mark).is_some_and(|cell| cell.state == State::Removed)
    }

    /// What `owner` is linked with, as far as this context knows what is stored; without what is to go.
    #[must_use]
    pub fn linked(&self, store: &Store, other_end: impl Fn(Link) -> Option<Mark>) -> BTreeSet<Mark> {
        let links = store.links.difference(&self.removed).chain(&self.added).copied();
        links.filter_map(other_end).filter(|other| !self.goes(*other)).collect()
    }

    /// Whether a flush must write something.
    #[must_use]
    pub fn must_write(&self, store: &Store) -> bool {
        let cells =
            self.cells.values().any(|cell| cell.state != State::Managed || !cell.changed().is_empty());
        let is_live = |(item, tag): &&Link| !self.goes(*item) && !self.goes(*tag);
        let added = self.added.iter().filter(is_live).any(|link| !store.links.contains(link));
        let removed = self.removed.iter().filter(is_live).any(|link| store.links.contains(link));
        cells || added || removed
    }

    /// Whether a flush may write something.
    #[must_use]
    pub fn may_write(&self, store: &Store) -> bool {
        self.must_write(store) || !self.added.is_empty() || !self.removed.is_empty()
    }

    /// What a flush does.
    #[must_use]
    pub fn flush(&self, store: &Store) -> Flushed {
        let mut flushed =
            Flushed { store: store.clone(), context: self.clone(), refusal: Refusal::default() };
        flushed.refusal.invalid = self.is_invalid();
        flushed.write_rows(self);
        flushed.write_links(self);
        flushed.delete_rows(self);
        flushed.check(store);
        flushed
    }

    /// Whether something is wrong that needs no database to see.
    fn is_invalid(&self) -> bool {
        self.cells.values().any(|cell| {
            let is_new = cell.state == State::New;
            let changed = cell.changed();
            ToOne::of(cell.current.kind).any(|relation| {
                let is_written =
                    is_new || cell.state == State::Managed && changed.contains(&relation.field());
                let target = cell.current.get(relation.field());
                let is_missing = relation == ToOne::Maker && target.is_none();
                // What the database does not empty by itself can't point to a row that goes.
                let is_leaving = |target: &Mark| {
                    relation != ToOne::Owner
                        && self.cells.get(target).is_some_and(|cell| cell.state == State::Removed)
                };
                let leads_nowhere = |target: Mark| self.forgotten.contains(&target) || is_leaving(&target);
                is_written && (is_missing || target.is_some_and(leads_nowhere))
            })
        })
    }
}

impl Flushed {
    fn write_rows(&mut self, before: &Context) {
        for (mark, cell) in &before.cells {
            let changed = cell.changed();
            let Some(after) = self.context.cells.get_mut(mark) else { continue };
            match cell.state {
                State::New => {
                    if cell.current.kind == Kind::Badge {
                        after.current.set(Field::Version, Some(1));
                    }
                    after.state = State::Managed;
                    self.store.rows.insert(*mark, after.current.clone());
                }
                State::Managed if changed.is_empty() => continue,
                State::Managed => {
                    let Some(row) = self.store.rows.get_mut(mark) else {
                        self.refusal.stale = true;
                        continue;
                    };
                    if cell.current.kind == Kind::Badge {
                        let version = cell.original.as_ref().and_then(|row| row.get(Field::Version));
                        self.refusal.stale |= row.get(Field::Version) != version;
                        let next = version.map(|version| version + 1);
                        after.current.set(Field::Version, next);
                        row.set(Field::Version, next);
                    }
                    for field in changed {
                        row.set(field, cell.current.get(field));
                    }
                }
                State::Removed => continue,
            }
            after.original = Some(after.current.clone());
        }
    }

    fn write_links(&mut self, before: &Context) {
        for link in &before.removed {
            self.store.links.remove(link);
        }
        for link in &before.added {
            if !before.goes(link.0) && !before.goes(link.1) {
                self.store.links.insert(*link);
            }
        }
        self.context.added.clear();
        self.context.removed.clear();
    }

    fn delete_rows(&mut self, before: &Context) {
        let removed = before.cells.iter().filter(|(_, cell)| cell.state == State::Removed);
        let gone: BTreeSet<Mark> = removed.map(|(mark, _)| *mark).collect();
        for mark in &gone {
            self.refusal.stale |= self.is_stale_removal(before, *mark);
            self.store.rows.remove(mark);
            self.context.forget(*mark);
        }
        self.store.links.retain(|(item, tag)| !gone.contains(item) && !gone.contains(tag));
        let points_there = |row: &Row| row.get(Field::Owner).is_some_and(|owner| gone.contains(&owner));
        for (mark, row) in &mut self.store.rows {
            if !points_there(row) {
                continue;
            }
            row.set(Field::Owner, None);
            // Written and emptied in one transaction: which goes first is the plan's affair.
            let is_written = before
                .cells
                .get(mark)
                .is_some_and(|cell| cell.state == State::New || cell.changed().contains(&Field::Owner));
            self.refusal.depends_on_order |= is_written;
        }
        for cell in self.context.cells.values_mut() {
            let follows = cell.original.as_ref().is_some_and(points_there);
            if follows && let Some(original) = &mut cell.original {
                if cell.current.get(Field::Owner) == original.get(Field::Owner) {
                    cell.current.set(Field::Owner, None);
                }
                original.set(Field::Owner, None);
            }
        }
    }

    /// Whether an entity that is to go has another version than its row.
    fn is_stale_removal(&self, before: &Context, mark: Mark) -> bool {
        let Some(loaded) = before.cells.get(&mark).and_then(|cell| cell.original.as_ref()) else {
            return false;
        };
        let version = |row: &Row| row.get(Field::Version);
        loaded.kind == Kind::Badge && self.store.rows.get(&mark).map(version) != Some(version(loaded))
    }

    /// Looks at what is stored in the end.
    fn check(&mut self, before: &Store) {
        let rows = &self.store.rows;
        let dangles = rows.values().any(|row| {
            ToOne::of(row.kind)
                .filter_map(|relation| row.get(relation.field()))
                .any(|to| !rows.contains_key(&to))
        });
        let broken =
            self.store.links.iter().any(|(item, tag)| !rows.contains_key(item) || !rows.contains_key(tag));
        let mut taken = BTreeMap::new();
        let mut twice = false;
        for (mark, row) in rows {
            for field in [Field::Code, Field::Holder] {
                if let Some(value) = row.get(field) {
                    twice |= taken.insert((row.kind, field, value), *mark).is_some();
                }
            }
        }
        self.refusal.constraint |= dangles || broken || twice;
        for (mark, row) in &before.rows {
            for field in [Field::Code, Field::Holder] {
                let next = row.get(field).and_then(|value| taken.get(&(row.kind, field, value)));
                self.refusal.depends_on_order |= next.is_some_and(|next| next != mark);
            }
        }
    }
}
