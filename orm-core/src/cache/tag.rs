//! What entries depend on: tables and names. Each has a generation in the store.

use std::sync::Arc;

use crate::driver::{Select, Selection};
use crate::metadata::{EntityMetadata, Metadata, Pivot, RelationId, RelationKind};
use crate::query::{Mention, mention_entity, mention_relation, mentions_of, mentions_of_term};

/// What an entry depends on. Tables are known by their names, so that two entities on one table depend on the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Tag {
    /// Every entry has it.
    Everything,
    /// Every table of the ORM: of entries with raw text in them, or with rows of a view, which may be of any.
    AnyTable,
    /// A table.
    Table(String),
    /// What the program called it.
    Name(Arc<str>),
}

impl Tag {
    pub(super) fn of_entity(entity: &EntityMetadata) -> Self {
        Self::of_table(entity.schema.as_deref(), &entity.table)
    }

    /// The table of a many-to-many relation's links; `None` of other relations.
    pub(super) fn of_links(metadata: &Metadata, owning: RelationId) -> Option<Self> {
        match &metadata.relation(owning).kind {
            RelationKind::ManyToMany { pivot } => Some(Self::of_pivot(pivot)),
            RelationKind::ManyToOne { .. }
            | RelationKind::OneToOneInverse
            | RelationKind::OneToMany
            | RelationKind::ManyToManyInverse => None,
        }
    }

    pub(super) fn of_pivot(pivot: &Pivot) -> Self {
        Self::of_table(pivot.schema.as_deref(), &pivot.table)
    }

    /// Databases differ in whether case matters; what is voided too often does no harm.
    fn of_table(schema: Option<&str>, table: &str) -> Self {
        let table = table.to_lowercase();
        Self::Table(
            schema.map_or_else(|| table.clone(), |schema| format!("{}.{table}", schema.to_lowercase())),
        )
    }

    /// Everything that the answer to `select` depends on, in a fixed order.
    pub(super) fn of_select(select: &Select, name: Option<&Arc<str>>) -> Vec<Self> {
        let metadata = &*select.metadata;
        let mut tags = vec![Self::Everything];
        tags.extend(name.cloned().map(Self::Name));
        let mut note = |mention| match mention {
            Mention::Entity(entity) => tags.push(Self::of_entity(metadata.entity(entity))),
            Mention::Links(relation) => tags.extend(Self::of_links(metadata, relation)),
            Mention::Anything => tags.push(Self::AnyTable),
        };
        mention_entity(metadata, select.root, &mut note);
        mentions_of(metadata, select.root, &select.condition, &mut note);
        mentions_of(metadata, select.root, &select.having, &mut note);
        let order = select.order.iter().map(|order| &order.term);
        for term in select.group_by.iter().chain(order) {
            mentions_of_term(metadata, select.root, term, &mut note);
        }
        match &select.selection {
            Selection::Columns => {}
            Selection::Joined(joins) => {
                let mut targets = Vec::new();
                for join in joins {
                    let owner = join.parent.and_then(|parent| targets.get(parent)).unwrap_or(&select.root);
                    let target = metadata.entity(*owner).relations[join.relation].target;
                    mention_entity(metadata, target, &mut note);
                    mentions_of(metadata, target, &join.condition, &mut note);
                    targets.push(target);
                }
            }
            Selection::Linked(link) => mention_relation(metadata, link.relation, &mut note),
            Selection::Terms(terms) => {
                terms.iter().for_each(|term| mentions_of_term(metadata, select.root, term, &mut note));
            }
            Selection::Tally(items) | Selection::Pairs(items) => {
                mention_relation(metadata, items.relation, &mut note);
            }
            Selection::ItemTerms(items, terms) => {
                mention_relation(metadata, items.relation, &mut note);
                terms.iter().for_each(|term| mentions_of_term(metadata, select.root, term, &mut note));
            }
            Selection::Beside(terms) => {
                terms.iter().for_each(|(term, _)| mentions_of_term(metadata, select.root, term, &mut note));
            }
        }
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// Where the store of the ORM with this name keeps its generation.
    pub(super) fn key(&self, orm: &str) -> String {
        match self {
            Self::Everything => format!("orm:{orm}:generation:everything"),
            Self::AnyTable => format!("orm:{orm}:generation:any-table"),
            Self::Table(table) => format!("orm:{orm}:generation:table:{table}"),
            Self::Name(name) => format!("orm:{orm}:generation:name:{name}"),
        }
    }
}
