//! Relations, from all sides.

use std::fmt::Debug;

use orm_core::{Error, Loaded, Ref, Result};

use super::System;
use crate::model::entities::{Handle, Item, Person, Subject, Tag};
use crate::model::operation::By;
use crate::model::reference::{Kind, Link, Mark, State, ToOne};

/// Does the same with the other side of a relation that many can point over.
macro_rules! with_inverse {
    ($relation:expr, $person:expr, $bound:ident => $body:expr) => {
        match $relation {
            ToOne::Boss => {
                let $bound = $person.reports_ref();
                $body
            }
            ToOne::Owner => {
                let $bound = $person.items_ref();
                $body
            }
            ToOne::Maker => {
                let $bound = $person.made_ref();
                $body
            }
            ToOne::Holder => unreachable!("one badge only"),
        }
    };
}

/// Does the same with a link's two handles, from the side of the item or of the tag.
macro_rules! from_side {
    ($from:expr, $item:expr, $tag:expr, $bound:ident, $other:ident => $body:expr) => {
        if $from == Kind::Item {
            let ($bound, $other) = ($item.tags_ref(), $tag);
            $body
        } else {
            let ($bound, $other) = ($tag.items_ref(), $item);
            $body
        }
    };
}

impl System {
    pub(super) fn relate(
        &mut self,
        context: usize,
        mark: Mark,
        relation: ToOne,
        target: Option<Mark>,
        by: By,
    ) {
        let reference: Option<Ref<Person>> = match (target, by) {
            (None, _) => None,
            (Some(target), By::Handle) => match self.person(context, target) {
                Some(handle) => Some(handle.to_ref()),
                None => return,
            },
            (Some(target), By::Key) => match self.keys.get(&target) {
                Some(key) => Some(Ref::key(*key)),
                None => return,
            },
        };
        let displaces = target.is_some_and(|target| self.knows_badge(context, target));
        match (self.live[context].handles.get(&mark), relation) {
            (Some(Handle::Person(person)), ToOne::Boss) => person.edit().boss = reference,
            (Some(Handle::Item(item)), ToOne::Owner) => item.edit().owner = reference,
            (Some(Handle::Item(item)), ToOne::Maker) => item.edit().maker = reference.unwrap_or_default(),
            (Some(Handle::Badge(badge)), ToOne::Holder) => badge.edit().holder = reference,
            _ => return,
        }
        self.change(context, |memory| memory.relate(mark, relation, target, displaces));
    }

    pub(super) fn add(&mut self, context: usize, owner: Mark, relation: ToOne, item: Mark) -> Result<()> {
        let Some(person) = self.person(context, owner) else { return Ok(()) };
        match self.live[context].handles.get(&item) {
            Some(Handle::Person(item)) if relation == ToOne::Boss => person.reports_ref().add(item)?,
            Some(Handle::Item(item)) if relation == ToOne::Owner => person.items_ref().add(item)?,
            Some(Handle::Item(item)) if relation == ToOne::Maker => person.made_ref().add(item)?,
            Some(Handle::Badge(_)) if relation == ToOne::Holder => {
                return self.set_badge(context, owner, Some(item));
            }
            _ => return Ok(()),
        }
        self.change(context, |memory| memory.relate(item, relation, Some(owner), false));
        Ok(())
    }

    pub(super) fn take(&mut self, context: usize, owner: Mark, relation: ToOne, item: Mark) -> Result<()> {
        if relation == ToOne::Holder {
            return self.set_badge(context, owner, None);
        }
        let Some(person) = self.person(context, owner) else { return Ok(()) };
        let result = match self.live[context].handles.get(&item) {
            Some(Handle::Person(item)) if relation == ToOne::Boss => person.reports_ref().remove(item),
            Some(Handle::Item(item)) if relation == ToOne::Owner => person.items_ref().remove(item),
            Some(Handle::Item(item)) if relation == ToOne::Maker => person.made_ref().remove(item),
            _ => return Ok(()),
        };
        let cell = &self.contexts[context].cells[&item];
        if cell.current.get(relation.field()) != Some(owner) {
            return result;
        }
        if relation == ToOne::Maker && cell.state != State::Removed {
            assert!(matches!(result, Err(Error::RequiredOwner { .. })), "{item} needs its maker: {result:?}");
            return Ok(());
        }
        self.change(context, |memory| memory.set(item, relation.field(), None));
        result
    }

    pub(super) fn set_items(
        &mut self,
        context: usize,
        owner: Mark,
        relation: ToOne,
        items: &[Mark],
    ) -> Result<()> {
        if relation == ToOne::Holder {
            return self.set_badge(context, owner, items.first().copied());
        }
        let live = &self.live[context];
        let items: Vec<Mark> = items.iter().copied().filter(|item| live.handles.contains_key(item)).collect();
        let Some(person) = self.person(context, owner) else { return Ok(()) };
        let (is_loaded, present): (bool, Vec<Mark>) = with_inverse!(relation, person, bound => {
            let present = if bound.is_loaded() { marks(&bound.items()?) } else { Vec::new() };
            (bound.is_loaded(), present)
        });
        let handles = items.iter().map(|item| &live.handles[item]);
        let result = if relation == ToOne::Boss {
            person.reports_ref().set(handles.filter_map(as_person))
        } else {
            let items: Vec<&Loaded<Item>> = handles.filter_map(as_item).collect();
            if relation == ToOne::Owner {
                person.items_ref().set(items)
            } else {
                person.made_ref().set(items)
            }
        };
        if !is_loaded {
            assert_not_loaded(&result);
            return Ok(());
        }
        let leaves: Vec<Mark> = present.iter().copied().filter(|item| !items.contains(item)).collect();
        if relation == ToOne::Maker && !leaves.is_empty() {
            assert!(
                matches!(result, Err(Error::RequiredOwner { .. })),
                "{leaves:?} need their maker: {result:?}"
            );
            return Ok(());
        }
        self.change(context, |memory| {
            leaves.iter().for_each(|item| memory.set(*item, relation.field(), None));
            items.iter().for_each(|item| memory.set(*item, relation.field(), Some(owner)));
        });
        result
    }

    fn set_badge(&mut self, context: usize, owner: Mark, badge: Option<Mark>) -> Result<()> {
        let Some(person) = self.person(context, owner) else { return Ok(()) };
        let bound = person.badge_ref();
        let handle = match badge.map(|badge| self.live[context].handles.get(&badge)) {
            Some(Some(Handle::Badge(badge))) => Some(badge),
            None => None,
            Some(_) => return Ok(()),
        };
        let is_loaded = bound.is_loaded();
        let present = if is_loaded { bound.get()?.map(|badge| badge.get().mark) } else { None };
        let result = bound.set(handle);
        if !is_loaded {
            assert_not_loaded(&result);
            return Ok(());
        }
        self.change(context, |memory| {
            if let Some(present) = present.filter(|present| Some(*present) != badge) {
                memory.relate(present, ToOne::Holder, None, true);
            }
            if let Some(badge) = badge {
                memory.relate(badge, ToOne::Holder, Some(owner), true);
            }
        });
        result
    }

    pub(super) fn link(&mut self, context: usize, link: Link, from: Kind) -> Result<()> {
        let Some((item, tag)) = self.both(context, link) else { return Ok(()) };
        from_side!(from, item, tag, bound, other => bound.add(other)?);
        self.change(context, |memory| memory.link(link));
        Ok(())
    }

    pub(super) fn unlink(&mut self, context: usize, link: Link, from: Kind) -> Result<()> {
        let Some((item, tag)) = self.both(context, link) else { return Ok(()) };
        from_side!(from, item, tag, bound, other => bound.remove(other)?);
        self.change(context, |memory| memory.unlink(link));
        Ok(())
    }

    pub(super) fn set_links(&mut self, context: usize, owner: Mark, others: &[Mark]) -> Result<()> {
        let live = &self.live[context];
        let others: Vec<Mark> =
            others.iter().copied().filter(|other| live.handles.contains_key(other)).collect();
        let handles = others.iter().map(|other| &live.handles[other]);
        let (is_loaded, present, result) = match live.handles.get(&owner) {
            Some(Handle::Item(item)) => {
                let bound = item.tags_ref();
                let is_loaded = bound.is_loaded();
                let present = if is_loaded { marks(&bound.items()?) } else { Vec::new() };
                (is_loaded, present, bound.set(handles.filter_map(as_tag)))
            }
            Some(Handle::Tag(tag)) => {
                let bound = tag.items_ref();
                let is_loaded = bound.is_loaded();
                let present = if is_loaded { marks(&bound.items()?) } else { Vec::new() };
                (is_loaded, present, bound.set(handles.filter_map(as_item)))
            }
            Some(Handle::Person(_) | Handle::Badge(_)) | None => return Ok(()),
        };
        if !is_loaded {
            assert_not_loaded(&result);
            return Ok(());
        }
        result?;
        let is_item = self.kinds[&owner] == Kind::Item;
        let link = |other: Mark| if is_item { (owner, other) } else { (other, owner) };
        self.change(context, |memory| {
            present.iter().filter(|one| !others.contains(one)).for_each(|other| memory.unlink(link(*other)));
            others.iter().filter(|one| !present.contains(one)).for_each(|other| memory.link(link(*other)));
        });
        Ok(())
    }

    fn both(&self, context: usize, (item, tag): Link) -> Option<(&Loaded<Item>, &Loaded<Tag>)> {
        let handles = &self.live[context].handles;
        Some((handles.get(&item).and_then(as_item)?, handles.get(&tag).and_then(as_tag)?))
    }
}

fn as_person(handle: &Handle) -> Option<&Loaded<Person>> {
    if let Handle::Person(handle) = handle { Some(handle) } else { None }
}

fn as_item(handle: &Handle) -> Option<&Loaded<Item>> {
    if let Handle::Item(handle) = handle { Some(handle) } else { None }
}

fn as_tag(handle: &Handle) -> Option<&Loaded<Tag>> {
    if let Handle::Tag(handle) = handle { Some(handle) } else { None }
}

pub(in crate::model) fn marks<T: Subject>(handles: &[Loaded<T>]) -> Vec<Mark> {
    handles.iter().map(|handle| handle.get().mark()).collect()
}

#[track_caller]
fn assert_not_loaded<T: Debug>(result: &Result<T>) {
    assert!(matches!(result, Err(Error::NotLoaded { .. })), "its content is not known: {result:?}");
}
