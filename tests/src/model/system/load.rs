//! Queries.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::pin::pin;

use orm_core::{Error, Result};

use super::System;
use crate::model::entities::{Badge, Handle, Item, Person, Subject, Tag, with_handle, with_kind};
use crate::model::operation::{How, Relation};
use crate::model::polls::poll_times;
use crate::model::reference::{Field, Kind, Mark, State, ToOne};

/// Loads a relation through its bound accessor, or through the manager.
macro_rules! load {
    ($em:expr, $handle:expr, $bound:expr, $path:expr, $how:expr) => {
        match $how {
            How::Alone => $bound.load_only().await.map(drop),
            How::WithSiblings => $bound.load().await.map(drop),
            How::Populate => $em.populate($handle, $path).await.map(drop),
        }
    };
}

impl System {
    pub(super) async fn find_all(
        &mut self,
        context: usize,
        kind: Kind,
        populate: Option<Relation>,
        meanwhile: Option<(Mark, i64)>,
    ) -> Result<()> {
        let em = self.live[context].em.clone();
        macro_rules! found {
            ($find:expr) => {{
                let mut find = pin!($find.into_future());
                let mut found = None;
                if let Some((mark, value)) = meanwhile {
                    self.db.recorder.give_way();
                    found = poll_times(&mut find, 2).await;
                    self.set_scalar(context, mark, Field::Value, Some(value));
                }
                let found = match found {
                    Some(found) => found,
                    None => find.await,
                };
                self.db.recorder.go_on();
                found.map(|found| found.iter().map(|one| Subject::handle(one.without_hints())).collect())
            }};
        }
        let found: Result<Vec<Handle>> = match populate {
            None => with_kind!(kind, T => found!(em.find_all::<T>())),
            Some(Relation::ToOne(ToOne::Boss)) => found!(em.find_all::<Person>().populate(Person::BOSS)),
            Some(Relation::ToOne(ToOne::Owner)) => found!(em.find_all::<Item>().populate(Item::OWNER)),
            Some(Relation::ToOne(ToOne::Maker)) => found!(em.find_all::<Item>().populate(Item::MAKER)),
            Some(Relation::ToOne(ToOne::Holder)) => found!(em.find_all::<Badge>().populate(Badge::HOLDER)),
            Some(Relation::Inverse(ToOne::Boss)) => found!(em.find_all::<Person>().populate(Person::REPORTS)),
            Some(Relation::Inverse(ToOne::Owner)) => found!(em.find_all::<Person>().populate(Person::ITEMS)),
            Some(Relation::Inverse(ToOne::Maker)) => found!(em.find_all::<Person>().populate(Person::MADE)),
            Some(Relation::Inverse(ToOne::Holder)) => found!(em.find_all::<Person>().populate(Person::BADGE)),
            Some(Relation::Tags) => found!(em.find_all::<Item>().populate(Item::TAGS)),
            Some(Relation::TagItems) => found!(em.find_all::<Tag>().populate(Tag::ITEMS)),
        };
        let found = match found {
            Ok(found) => found,
            // A reference set to what is not stored can't be populated.
            Err(Error::DanglingReference { .. })
                if populate.is_some_and(|relation| self.dangles(context, relation, None)) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let memory = &mut self.contexts[context];
        let stored = self.store.rows.iter().filter(|(_, row)| row.kind == kind);
        let mut expected = BTreeSet::new();
        for (mark, row) in stored {
            memory.merge(*mark, row);
            if memory.cells[mark].state != State::Removed {
                expected.insert(*mark);
            }
        }
        let marks: Vec<Mark> = found.iter().map(Handle::mark).collect();
        assert_eq!(marks.iter().copied().collect::<BTreeSet<_>>(), expected, "what find_all found");
        assert_eq!(marks.len(), expected.len(), "find_all found {marks:?}");
        for handle in found {
            self.take_up(context, &handle);
        }
        Ok(())
    }

    pub(super) async fn find_one(&mut self, context: usize, mark: Mark) -> Result<()> {
        let Some(kind) = self.kinds.get(&mark) else { return Ok(()) };
        let em = &self.live[context].em;
        let found = with_kind!(*kind, T => em.find_one(T::MARK.eq(mark)).await?.map(T::handle));
        self.found(context, mark, found);
        Ok(())
    }

    pub(super) async fn find_by_id(&mut self, context: usize, mark: Mark) -> Result<()> {
        let (Some(kind), Some(key)) = (self.kinds.get(&mark), self.keys.get(&mark)) else { return Ok(()) };
        let em = &self.live[context].em;
        self.db.recorder.reset();
        let found = with_kind!(*kind, T => em.find_by_id::<T>(*key).await?.map(T::handle));
        if let Some(cell) = self.contexts[context].cells.get(&mark) {
            assert_eq!(self.db.statements(), 0, "{mark} is loaded");
            assert_eq!(found.is_some(), cell.state != State::Removed, "{mark} by its key");
            found.into_iter().for_each(|found| self.take_up(context, &found));
        } else {
            self.found(context, mark, found);
        }
        Ok(())
    }

    /// A query for `mark` alone has found this.
    fn found(&mut self, context: usize, mark: Mark, found: Option<Handle>) {
        let memory = &mut self.contexts[context];
        if let Some(row) = self.store.rows.get(&mark) {
            memory.merge(mark, row);
        }
        let is_stored = self.store.rows.contains_key(&mark);
        let is_removed = memory.cells.get(&mark).is_some_and(|cell| cell.state == State::Removed);
        assert_eq!(found.is_some(), is_stored && !is_removed, "whether {mark} is found");
        found.into_iter().for_each(|found| self.take_up(context, &found));
    }

    pub(super) async fn refresh(&mut self, context: usize, mark: Mark) -> Result<()> {
        let live = &mut self.live[context];
        let Some(handle) = live.handles.get(&mark) else { return Ok(()) };
        let result = with_handle!(handle, handle => live.em.refresh(handle).await);
        let memory = &mut self.contexts[context];
        let Some(cell) = memory.cells.get_mut(&mark) else { unreachable!("every handle has a cell") };
        match self.store.rows.get(&mark) {
            _ if cell.state == State::New => {
                assert!(matches!(result, Err(Error::MissingKey { .. })), "{mark} is new: {result:?}");
            }
            Some(row) => {
                result?;
                cell.current = row.clone();
                cell.original = Some(row.clone());
            }
            None => {
                assert!(matches!(result, Err(Error::NotFound { .. })), "{mark} is gone: {result:?}");
                memory.forget(mark);
                live.gone.extend(live.handles.remove_entry(&mark));
            }
        }
        Ok(())
    }

    pub(super) async fn load(
        &mut self,
        context: usize,
        mark: Mark,
        relation: Relation,
        how: How,
    ) -> Result<()> {
        let live = &self.live[context];
        let em = &live.em;
        let Some(handle) = live.handles.get(&mark) else { return Ok(()) };
        let result = match (handle, relation) {
            (Handle::Person(person), Relation::ToOne(_)) => {
                load!(em, person, person.boss_ref(), Person::BOSS, how)
            }
            (Handle::Item(item), Relation::ToOne(ToOne::Owner)) => {
                load!(em, item, item.owner_ref(), Item::OWNER, how)
            }
            (Handle::Item(item), Relation::ToOne(_)) => {
                load!(em, item, item.maker_ref(), Item::MAKER, how)
            }
            (Handle::Badge(badge), Relation::ToOne(_)) => {
                load!(em, badge, badge.holder_ref(), Badge::HOLDER, how)
            }
            (Handle::Person(person), Relation::Inverse(relation)) => {
                let (is_loaded, result) = match relation {
                    ToOne::Boss => {
                        let result = load!(em, person, person.reports_ref(), Person::REPORTS, how);
                        (person.reports_ref().is_loaded(), result)
                    }
                    ToOne::Owner => {
                        let result = load!(em, person, person.items_ref(), Person::ITEMS, how);
                        (person.items_ref().is_loaded(), result)
                    }
                    ToOne::Maker => {
                        let result = load!(em, person, person.made_ref(), Person::MADE, how);
                        (person.made_ref().is_loaded(), result)
                    }
                    ToOne::Holder => {
                        let result = load!(em, person, person.badge_ref(), Person::BADGE, how);
                        (person.badge_ref().is_loaded(), result)
                    }
                };
                assert!(is_loaded, "{relation:?} of {mark} is not loaded after {how:?}: {result:?}");
                result
            }
            (Handle::Item(item), _) => load!(em, item, item.tags_ref(), Item::TAGS, how),
            (Handle::Tag(tag), _) => load!(em, tag, tag.items_ref(), Tag::ITEMS, how),
            (Handle::Person(_) | Handle::Badge(_), _) => return Ok(()),
        };
        let Relation::ToOne(to_one) = relation else { return result };
        let is_set = self.contexts[context].cells[&mark].current.get(to_one.field()).is_some();
        match result {
            Err(Error::RequiredRelation { .. }) if !is_set && how != How::Populate => Ok(()),
            Err(Error::NotFound { .. } | Error::NotLoaded { .. } | Error::DanglingReference { .. })
                if self.dangles(context, relation, Some(mark)) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// Whether a reference of the context (of one entity, if given) leads to what is neither stored nor known.
    fn dangles(&self, context: usize, relation: Relation, of: Option<Mark>) -> bool {
        let Relation::ToOne(relation) = relation else { return false };
        let memory = &self.contexts[context];
        let cells = memory.cells.iter().filter(|(mark, _)| of.is_none_or(|of| of == **mark));
        let mut targets = cells.filter_map(|(_, cell)| cell.current.get(relation.field()));
        targets.any(|to| !self.store.rows.contains_key(&to) && !memory.cells.contains_key(&to))
    }

    /// A query returned this.
    fn take_up(&mut self, context: usize, handle: &Handle) {
        let mark = handle.mark();
        let known = self.live[context].handles.entry(mark).or_insert_with(|| handle.clone());
        assert_eq!(known, handle, "one instance of {mark} in context {context}");
    }
}
