//! What a transaction, or a statement by itself, has written, until it is committed.

use std::sync::Arc;

use super::tag::Tag;
use crate::driver::{OnConflict, Write};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, Metadata, RelationId, RelationKind};

/// Something that was written, or that the program said to be void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// Rows of an entity were inserted or changed.
    Rows(EntityId),
    /// Rows of an entity went, or got other keys: the database may have changed what refers to them.
    Keys(EntityId),
    /// Links of a many-to-many relation, named by its owning side.
    Links(RelationId),
    /// What has this name.
    Named(Arc<str>),
    /// Nobody knows what.
    Everything,
}

impl Touched {
    fn by(write: &Write) -> Self {
        match write {
            Write::Insert(insert) => Self::Rows(insert.entity),
            Write::Upsert(upsert) => match &upsert.action {
                OnConflict::Ignore => Self::Rows(upsert.entity),
                OnConflict::Update { columns, .. } => {
                    Self::changed(&upsert.metadata, upsert.entity, columns.iter().copied())
                }
            },
            Write::Update(update) => {
                Self::changed(&update.metadata, update.entity, update.columns.iter().copied())
            }
            Write::UpdateWhere(update) => {
                Self::changed(&update.metadata, update.entity, update.set.iter().map(|(column, _)| *column))
            }
            Write::Delete(delete) => Self::Keys(delete.entity),
            Write::DeleteWhere(delete) => Self::Keys(delete.entity),
            Write::Link(pivot) | Write::Unlink(pivot) => Self::Links(pivot.relation),
        }
    }

    fn changed(metadata: &Metadata, entity: EntityId, mut columns: impl Iterator<Item = usize>) -> Self {
        let meta = metadata.entity(entity);
        let is_key = |column| meta.key_columns().any(|key| key == column);
        if columns.any(is_key) { Self::Keys(entity) } else { Self::Rows(entity) }
    }

    /// The tags whose entries are void for it.
    fn tags(&self, metadata: &Metadata, tags: &mut Vec<Tag>) {
        match self {
            Self::Rows(entity) => tags.push(Tag::of_entity(metadata.entity(*entity))),
            Self::Keys(entity) => referring_tables(metadata, *entity, tags),
            Self::Links(relation) => tags.extend(Tag::of_links(metadata, *relation)),
            Self::Named(name) => return tags.push(Tag::Name(Arc::clone(name))),
            Self::Everything => return tags.push(Tag::Everything),
        }
        tags.push(Tag::AnyTable);
    }
}

/// The table of `entity`, those that the database changes with its keys, by what relations declare, and all its links.
fn referring_tables(metadata: &Metadata, entity: EntityId, tags: &mut Vec<Tag>) {
    let mut gone = vec![entity];
    let mut next = 0;
    while let Some(target) = gone.get(next).copied() {
        next += 1;
        tags.push(Tag::of_entity(metadata.entity(target)));
        for owner in metadata.entities() {
            for relation in &owner.relations {
                let is_of_target = relation.target == target || owner.id == target;
                if let (RelationKind::ManyToMany { pivot }, true) = (&relation.kind, is_of_target) {
                    tags.push(Tag::of_pivot(pivot));
                }
                if !matches!(relation.kind, RelationKind::ManyToOne { .. }) || relation.target != target {
                    continue;
                }
                let actions = [relation.on_delete, relation.on_update];
                if actions.contains(&Some(ReferentialAction::Cascade)) {
                    if !gone.contains(&owner.id) {
                        gone.push(owner.id);
                    }
                } else if actions.contains(&Some(ReferentialAction::SetNull)) {
                    tags.push(Tag::of_entity(owner));
                }
            }
        }
    }
}

/// What was written since the last commit.
#[derive(Debug, Default)]
pub(crate) struct Written {
    touched: Vec<Touched>,
}

impl Written {
    pub(crate) fn note(&mut self, touched: Touched) {
        if !self.touched.contains(&touched) {
            self.touched.push(touched);
        }
    }

    pub(super) fn note_write(&mut self, write: &Write) {
        self.note(Touched::by(write));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    pub(super) fn forget(&mut self) {
        self.touched.clear();
    }

    /// The tags whose entries are void once this is committed.
    pub(super) fn tags(&self, metadata: &Metadata) -> Vec<Tag> {
        let mut tags = Vec::new();
        self.touched.iter().for_each(|touched| touched.tags(metadata, &mut tags));
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}
