//! What a query names beside its own entity: pending changes of it are what the query may miss, and writes to it are what
//! changes the answer. Pure.

use crate::condition::{Expression, Term};
use crate::entity::Shape;
use crate::metadata::{EntityId, Metadata, RelationId};

/// Something that a condition or a computed value names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    /// Rows of an entity.
    Entity(EntityId),
    /// Links of a many-to-many relation, named by its owning side.
    Links(RelationId),
    /// Whatever raw text may name, that of a view included.
    Anything,
}

/// Every entity that a condition and a shape touch.
pub(crate) fn entities_of(
    metadata: &Metadata,
    root: EntityId,
    expression: &Expression,
    shape: &Shape,
) -> Vec<EntityId> {
    let mut entities = Vec::new();
    rows_of(metadata, root, &mut entities);
    mentions_of(metadata, root, expression, &mut |mention| add(metadata, mention, &mut entities));
    shapes_of(metadata, root, shape, &mut entities);
    entities.sort_unstable();
    entities.dedup();
    entities
}

/// The entities that the rows of one are made of.
pub(crate) fn rows_of(metadata: &Metadata, entity: EntityId, entities: &mut Vec<EntityId>) {
    mention_entity(metadata, entity, &mut |mention| add(metadata, mention, entities));
}

/// The entities that a term leads to.
pub(crate) fn terms_of(metadata: &Metadata, entity: EntityId, term: &Term, entities: &mut Vec<EntityId>) {
    mentions_of_term(metadata, entity, term, &mut |mention| add(metadata, mention, entities));
}

fn add(metadata: &Metadata, mention: Mention, entities: &mut Vec<EntityId>) {
    match mention {
        Mention::Entity(entity) => entities.push(entity),
        Mention::Links(_) => {}
        Mention::Anything => entities.extend(metadata.entities().map(|entity| entity.id)),
    }
}

fn shapes_of(metadata: &Metadata, entity: EntityId, shape: &Shape, entities: &mut Vec<EntityId>) {
    for (relation, below) in shape.relations() {
        let target = metadata.entity(entity).relations[relation].target;
        rows_of(metadata, target, entities);
        shapes_of(metadata, target, below, entities);
    }
}

/// Tells `note` of everything that a condition on `entity` names.
pub(crate) fn mentions_of(
    metadata: &Metadata,
    entity: EntityId,
    expression: &Expression,
    note: &mut impl FnMut(Mention),
) {
    match expression {
        Expression::And(list) | Expression::Or(list) => {
            list.iter().for_each(|one| mentions_of(metadata, entity, one, note));
        }
        Expression::Not(inner) => mentions_of(metadata, entity, inner, note),
        Expression::Related { relation, inner, .. } => {
            let relation = RelationId { entity, index: *relation };
            mention_relation(metadata, relation, note);
            mentions_of(metadata, metadata.relation(relation).target, inner, note);
        }
        Expression::CompareTerms { left, right, .. } => {
            mentions_of_term(metadata, entity, left, note);
            mentions_of_term(metadata, entity, right, note);
        }
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => mentions_of_term(metadata, entity, term, note),
        Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::IsNull { .. }
        | Expression::Between { .. }
        | Expression::Text { .. }
        | Expression::List { .. }
        | Expression::KeyIn { .. }
        | Expression::References { .. }
        | Expression::Invalid { .. } => {}
        Expression::Fragment(_) => note(Mention::Anything),
    }
}

/// Tells `note` of everything that a term computed for `entity` names.
pub(crate) fn mentions_of_term(
    metadata: &Metadata,
    entity: EntityId,
    term: &Term,
    note: &mut impl FnMut(Mention),
) {
    match term {
        Term::Property { path, .. } => {
            let mut entity = entity;
            for index in path {
                let relation = RelationId { entity, index: *index };
                mention_relation(metadata, relation, note);
                entity = metadata.relation(relation).target;
            }
        }
        Term::When { condition, .. } => mentions_of(metadata, entity, condition, note),
        Term::Fragment(_) => note(Mention::Anything),
        Term::Value(_)
        | Term::Arithmetic { .. }
        | Term::Call { .. }
        | Term::Aggregate { .. }
        | Term::Invalid(_) => {}
    }
    term.parts().for_each(|part| mentions_of_term(metadata, entity, part, note));
}

/// Tells `note` of an entity, and of what its rows may be made of: a view reads other tables, and what somebody else made
/// may be one.
pub(crate) fn mention_entity(metadata: &Metadata, entity: EntityId, note: &mut impl FnMut(Mention)) {
    note(Mention::Entity(entity));
    if !metadata.entity(entity).source.is_writable() {
        note(Mention::Anything);
    }
}

/// Tells `note` of what a relation leads to, and of the links that it goes by.
pub(crate) fn mention_relation(metadata: &Metadata, relation: RelationId, note: &mut impl FnMut(Mention)) {
    let meta = metadata.relation(relation);
    mention_entity(metadata, meta.target, note);
    if meta.kind.is_many_to_many() {
        note(Mention::Links(metadata.owning_side(relation)));
    }
}
