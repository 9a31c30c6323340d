//! What must hold after every step: each handle shows what the model says, and everything that is reached from it.

use std::collections::BTreeSet;

use orm_core::{BoundRef, Result};

use super::entities::{Handle, Person, Subject, with_handle};
use super::operation::Relation;
use super::reference::{Cell, Context, FORGOTTEN, Field, Kind, Mark, Row, State, ToOne};
use super::system::{System, marks};

/// A list that is loaded: its owner, and what it shows.
type List = (Mark, Relation, Vec<Mark>);

impl System {
    /// Compares all contexts with the model.
    ///
    /// # Errors
    ///
    /// Whatever a handle refuses.
    pub fn check(&mut self) -> Result<()> {
        for context in 0..self.live.len() {
            let lists = self.walk(context)?;
            self.check_cells(context);
            for (owner, relation, shown) in &lists {
                self.check_list(context, *owner, *relation, shown);
            }
            if !self.contexts[context].is_stale {
                check_both_sides(&self.contexts[context], &lists);
            }
            self.check_plan(context);
        }
        Ok(())
    }

    /// Goes to everything that is loaded and reached from known handles. New finds are taken in.
    fn walk(&mut self, context: usize) -> Result<Vec<List>> {
        let mut queue: Vec<Handle> = self.live[context].handles.values().cloned().collect();
        let mut lists = Vec::new();
        while let Some(handle) = queue.pop() {
            let owner = handle.mark();
            let mut reached = Vec::new();
            for (_, bound) in references(&handle) {
                if bound.is_loaded() {
                    reached.push(Handle::Person(bound.get()?));
                }
            }
            match &handle {
                Handle::Person(person) => {
                    if person.reports_ref().is_loaded() {
                        let items = person.reports_ref().items()?;
                        lists.push((owner, Relation::Inverse(ToOne::Boss), marks(&items)));
                        reached.extend(items.into_iter().map(Handle::Person));
                    }
                    if person.items_ref().is_loaded() {
                        let items = person.items_ref().items()?;
                        lists.push((owner, Relation::Inverse(ToOne::Owner), marks(&items)));
                        reached.extend(items.into_iter().map(Handle::Item));
                    }
                    if person.made_ref().is_loaded() {
                        let items = person.made_ref().items()?;
                        lists.push((owner, Relation::Inverse(ToOne::Maker), marks(&items)));
                        reached.extend(items.into_iter().map(Handle::Item));
                    }
                    if person.badge_ref().is_loaded() {
                        let badge = person.badge_ref().get()?;
                        let shown = badge.iter().map(|badge| badge.get().mark).collect();
                        lists.push((owner, Relation::Inverse(ToOne::Holder), shown));
                        reached.extend(badge.map(Handle::Badge));
                    }
                }
                Handle::Item(item) if item.tags_ref().is_loaded() => {
                    let tags = item.tags_ref().items()?;
                    lists.push((owner, Relation::Tags, marks(&tags)));
                    reached.extend(tags.into_iter().map(Handle::Tag));
                }
                Handle::Tag(tag) if tag.items_ref().is_loaded() => {
                    let items = tag.items_ref().items()?;
                    lists.push((owner, Relation::TagItems, marks(&items)));
                    reached.extend(items.into_iter().map(Handle::Item));
                }
                Handle::Item(_) | Handle::Tag(_) | Handle::Badge(_) => {}
            }
            for handle in reached {
                self.reach(context, handle, &mut queue);
            }
        }
        Ok(lists)
    }

    /// One instance a mark; one that was not known came with a query for another.
    fn reach(&mut self, context: usize, handle: Handle, queue: &mut Vec<Handle>) {
        let mark = handle.mark();
        if let Some(known) = self.live[context].handles.get(&mark) {
            assert_eq!(*known, handle, "one instance of {mark} in context {context}");
            return;
        }
        assert!(
            !self.live[context].gone.contains_key(&mark),
            "{mark} is gone from context {context}, and reached"
        );
        let row = self.shown(&handle);
        let memory = &mut self.contexts[context];
        if memory.is_stale {
            let was_stored = |field: Field| {
                self.history
                    .iter()
                    .any(|store| store.rows.get(&mark).is_some_and(|old| old.get(field) == row.get(field)))
            };
            assert!(
                Field::ALL.into_iter().all(was_stored),
                "{mark} came in as {row:?}, which was never stored"
            );
        } else {
            assert_eq!(Some(&row), self.store.rows.get(&mark), "{mark} came into context {context}");
        }
        memory.cells.insert(mark, Cell::loaded(row));
        self.live[context].handles.insert(mark, handle.clone());
        queue.push(handle);
    }

    /// What a handle shows.
    fn shown(&self, handle: &Handle) -> Row {
        let mut row = Row::new(handle.kind());
        with_handle!(handle, handle => {
            let value = handle.get();
            for field in [Field::Value, Field::Code, Field::Version] {
                row.set(field, value.scalar(field));
            }
        });
        for (relation, bound) in references(handle) {
            row.set(relation.field(), self.target(&bound));
        }
        row
    }

    fn target(&self, bound: &BoundRef<Person>) -> Option<Mark> {
        if !bound.is_set() {
            return None;
        }
        if let Some(key) = bound.key() {
            return Some(self.marks[&(Kind::Person, key)]);
        }
        Some(bound.get().map_or(FORGOTTEN, |person| person.get().mark))
    }

    fn check_cells(&mut self, context: usize) {
        let live = &self.live[context];
        assert_eq!(
            live.handles.keys().collect::<Vec<_>>(),
            self.contexts[context].cells.keys().collect::<Vec<_>>(),
            "the entities of context {context}"
        );
        let mut learned = Vec::new();
        for (mark, handle) in &live.handles {
            let memory = &self.contexts[context];
            let cell = &memory.cells[mark];
            let is_in = with_handle!(handle, handle => live.em.contains(handle));
            assert_eq!(is_in, cell.state != State::Removed, "whether context {context} contains {mark}");
            let key = if cell.state == State::New { None } else { self.keys.get(mark).copied() };
            assert_eq!(handle.key(), key, "the key of {mark} in context {context}");
            let shown = self.shown(handle);
            for field in shown.differs(&cell.current) {
                let (is, should) = (shown.get(field), cell.current.get(field));
                if is == Some(FORGOTTEN) && should.is_some_and(|target| memory.forgotten.contains(&target)) {
                    continue;
                }
                let is_clean = cell.original.as_ref().is_some_and(|original| original.get(field) == should);
                let was_stored = self
                    .history
                    .iter()
                    .any(|store| store.rows.get(mark).is_some_and(|row| row.get(field) == is));
                assert!(
                    memory.is_stale && is_clean && was_stored,
                    "{field:?} of {mark} in context {context} is {is:?}, and should be {should:?}"
                );
                learned.push((*mark, field, is));
            }
        }
        for (mark, handle) in &live.gone {
            let is_in = with_handle!(handle, handle => live.em.contains(handle));
            assert!(!is_in, "context {context} still contains {mark}");
        }
        for (mark, field, value) in learned {
            if let Some(cell) = self.contexts[context].cells.get_mut(&mark) {
                cell.current.set(field, value);
                cell.original.iter_mut().for_each(|original| original.set(field, value));
            }
        }
    }

    fn check_list(&self, context: usize, owner: Mark, relation: Relation, shown: &[Mark]) {
        let memory = &self.contexts[context];
        let is: BTreeSet<Mark> = shown.iter().copied().collect();
        let what = || format!("{relation:?} of {owner} in context {context}: {shown:?}");
        assert_eq!(is.len(), shown.len(), "an item is twice in {}", what());
        let (should, may_lack): (BTreeSet<Mark>, BTreeSet<Mark>) = match relation {
            Relation::Inverse(to_one) => {
                let all = memory.pointing_to(to_one, owner);
                let is_old = |mark: Mark, cell: &Cell| {
                    memory.is_stale
                        && !cell.changed().contains(&to_one.field())
                        && cell.state != State::New
                        && self.has_moved(mark, to_one)
                };
                let (old, sure): (Vec<_>, Vec<_>) = all.partition(|(mark, cell)| is_old(*mark, cell));
                let marks = |cells: Vec<(Mark, &Cell)>| cells.into_iter().map(|(mark, _)| mark).collect();
                (marks(sure), marks(old))
            }
            Relation::Tags | Relation::TagItems => {
                let side = |(item, tag): (Mark, Mark)| {
                    let (own, other) = if relation == Relation::Tags { (item, tag) } else { (tag, item) };
                    (own == owner).then_some(other)
                };
                let should = memory.linked(&self.store, side);
                if memory.is_stale {
                    // Somebody else may have linked or unlinked what is not this context's own business.
                    let ours: BTreeSet<Mark> =
                        memory.added.iter().chain(&memory.removed).copied().filter_map(side).collect();
                    let differs: Vec<Mark> = is
                        .symmetric_difference(&should)
                        .copied()
                        .filter(|mark| {
                            ours.contains(mark)
                                && memory.cells.get(mark).is_some_and(|cell| cell.state != State::Removed)
                        })
                        .collect();
                    assert!(differs.is_empty(), "{differs:?} in {}", what());
                    return;
                }
                (should, BTreeSet::new())
            }
            Relation::ToOne(_) => return,
        };
        let wrong: Vec<Mark> =
            is.difference(&should).copied().filter(|mark| !may_lack.contains(mark)).collect();
        let lacking: Vec<Mark> = should.difference(&is).copied().collect();
        // One badge is shown, even where an old row or a removal taken back makes it two.
        let is_enough = relation == Relation::Inverse(ToOne::Holder) && !is.is_empty();
        assert!(wrong.is_empty(), "{wrong:?} do not belong into {}", what());
        assert!(lacking.is_empty() || is_enough, "{lacking:?} are missing in {}", what());
    }

    /// Whether the row of an item has ever pointed elsewhere, or is gone.
    fn has_moved(&self, mark: Mark, relation: ToOne) -> bool {
        let mut stored =
            self.history.iter().map(|store| store.rows.get(&mark).map(|row| row.get(relation.field())));
        let first = stored.find(Option::is_some);
        stored.any(|target| Some(target) != first)
    }

    fn check_plan(&self, context: usize) {
        let memory = &self.contexts[context];
        let expected = memory.flush(&self.store);
        match self.live[context].em.flush_plan() {
            Err(error) => assert!(expected.refusal.invalid, "no plan of context {context}: {error:?}"),
            Ok(plan) => {
                assert!(!expected.refusal.invalid, "context {context} can't be flushed, and plans:\n{plan}");
                if memory.is_stale {
                    return;
                }
                assert!(
                    !plan.is_empty() || !memory.must_write(&self.store),
                    "context {context} plans nothing"
                );
                assert!(plan.is_empty() || memory.may_write(&self.store), "context {context} plans:\n{plan}");
            }
        }
    }
}

/// Both sides of a link say the same, unless one of them is to go, which the other does not show.
fn check_both_sides(memory: &Context, lists: &[List]) {
    let stays = |mark: Mark| memory.cells.get(&mark).is_some_and(|cell| cell.state != State::Removed);
    for (item, _, tags) in lists.iter().filter(|list| list.1 == Relation::Tags && stays(list.0)) {
        for (tag, _, items) in lists.iter().filter(|list| list.1 == Relation::TagItems && stays(list.0)) {
            assert_eq!(
                tags.contains(tag),
                items.contains(item),
                "item {item} and tag {tag}: {tags:?}, {items:?}"
            );
        }
    }
}

fn references(handle: &Handle) -> Vec<(ToOne, BoundRef<Person>)> {
    match handle {
        Handle::Person(person) => vec![(ToOne::Boss, person.boss_ref())],
        Handle::Item(item) => vec![(ToOne::Owner, item.owner_ref()), (ToOne::Maker, item.maker_ref())],
        Handle::Tag(_) => Vec::new(),
        Handle::Badge(badge) => vec![(ToOne::Holder, badge.holder_ref())],
    }
}
