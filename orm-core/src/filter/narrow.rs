//! Puts filters into conditions: of the entity that is asked for, of every relation that a condition goes through, and of
//! the required references that a query promises to populate. Pure.

use super::choice::{FilterChoices, next_revision};
use super::{FilterContext, RegisteredFilter};
use crate::condition::{Expression, Quantifier, Term};
use crate::entity::{Region, Shape};
use crate::error::Result;
use crate::metadata::EntityId;
use crate::query::resolve;

impl Region {
    /// The filters of `entity` that are on.
    pub(super) fn active(
        &self,
        entity: EntityId,
        query: Option<&FilterChoices>,
    ) -> impl Iterator<Item = &RegisteredFilter> {
        let filters = self.orm().filters.of(entity).iter();
        filters.filter(move |filter| self.request().filters.is_on(filter, query))
    }

    /// Whether any filter of `entity` is on.
    pub(crate) fn is_filtered(&self, entity: EntityId, query: Option<&FilterChoices>) -> bool {
        self.active(entity, query).next().is_some()
    }

    /// What the filters of `entity` that are on ask of a row, ready for a driver.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with, and what [`resolve`] refuses.
    pub(crate) fn filter_of(&self, entity: EntityId, query: Option<&FilterChoices>) -> Result<Expression> {
        self.conditions_of(entity, query, |_| true)
    }

    /// As [`filter_of`](Self::filter_of), of those filters that `wanted` picks.
    pub(super) fn conditions_of(
        &self,
        entity: EntityId,
        query: Option<&FilterChoices>,
        wanted: fn(&RegisteredFilter) -> bool,
    ) -> Result<Expression> {
        let mut all = Expression::always();
        for filter in self.active(entity, query).filter(|filter| wanted(filter)) {
            let context = FilterContext {
                filter: filter.name,
                entity: self.entity(entity).name,
                values: &self.request().values,
            };
            let parameters = self.request().filters.parameters(filter, query);
            if let Some(condition) = filter.condition(&parameters, &context)? {
                all = all.and(resolve(self, entity, condition)?);
            }
        }
        Ok(all)
    }

    /// What rows of `entity` must lead to, so that `shape` can be populated below them: a required reference must not
    /// lead to what a filter hides.
    ///
    /// # Errors
    ///
    /// As [`filter_of`](Self::filter_of).
    pub(crate) fn promised_by(
        &self,
        entity: EntityId,
        shape: &Shape,
        query: Option<&FilterChoices>,
    ) -> Result<Expression> {
        let mut all = Expression::always();
        if self.orm().filters.is_empty() {
            return Ok(all);
        }
        for (index, below) in shape.relations() {
            let relation = &self.entity(entity).relations[index];
            if !relation.is_promised() {
                continue;
            }
            let own = self.filter_of(relation.target, query)?;
            let inner = own.and(self.promised_by(relation.target, below, query)?);
            if !inner.is_always() {
                all = all.and(Expression::Related {
                    relation: index,
                    quantifier: Quantifier::Is,
                    inner: Box::new(inner),
                });
            }
        }
        Ok(all)
    }

    /// A condition of the program's on `entity`, met only by what filters show, through relations too.
    ///
    /// # Errors
    ///
    /// As [`filter_of`](Self::filter_of).
    pub(crate) fn narrowed(
        &self,
        entity: EntityId,
        condition: Expression,
        query: Option<&FilterChoices>,
    ) -> Result<Expression> {
        let condition = resolve(self, entity, condition)?;
        if self.orm().filters.is_empty() {
            return Ok(condition);
        }
        let condition = self.narrow_relations(entity, condition, query)?;
        Ok(condition.and(self.filter_of(entity, query)?))
    }

    pub(crate) fn narrow_relations(
        &self,
        entity: EntityId,
        condition: Expression,
        query: Option<&FilterChoices>,
    ) -> Result<Expression> {
        let narrow = |one| self.narrow_relations(entity, one, query);
        Ok(match condition {
            Expression::And(all) => Expression::And(all.into_iter().map(narrow).collect::<Result<Vec<_>>>()?),
            Expression::Or(any) => Expression::Or(any.into_iter().map(narrow).collect::<Result<Vec<_>>>()?),
            Expression::Not(inner) => Expression::Not(Box::new(narrow(*inner)?)),
            Expression::Related { relation, quantifier, inner } => {
                let target = self.entity(entity).relations[relation].target;
                let filter = self.filter_of(target, query)?;
                let inner = self.narrow_relations(target, *inner, query)?;
                let inner = match quantifier {
                    _ if filter.is_always() => inner,
                    Quantifier::Is | Quantifier::Some | Quantifier::None => inner.and(filter),
                    // Each that is shown: what is hidden counts as meeting it.
                    Quantifier::Every => inner.or(not_true(filter)),
                };
                Expression::Related { relation, quantifier, inner: Box::new(inner) }
            }
            mut leaf @ (Expression::CompareTerms { .. }
            | Expression::TermIn { .. }
            | Expression::TermIsNull { .. }
            | Expression::TermText { .. }
            | Expression::Fragment(_)) => {
                self.shown_terms(entity, terms_of(&mut leaf), &Shape::default(), query)?;
                leaf
            }
            leaf @ (Expression::Compare { .. }
            | Expression::In { .. }
            | Expression::IsNull { .. }
            | Expression::Between { .. }
            | Expression::Text { .. }
            | Expression::List { .. }
            | Expression::KeyIn { .. }
            | Expression::References { .. }
            | Expression::Invalid { .. }) => leaf,
        })
    }

    /// Under which filters a to-many list of `target` is loaded; `None` for all of it. Lists that were loaded under
    /// others are loaded again.
    pub(crate) fn narrowing(
        &self,
        target: EntityId,
        query: Option<&FilterChoices>,
        promised: &Expression,
    ) -> Option<u64> {
        if !promised.is_always() {
            return Some(next_revision());
        }
        if !self.is_filtered(target, query) {
            return None;
        }
        Some(if query.is_some() { next_revision() } else { self.request().filters.revision() })
    }
}

/// The computed values that a leaf compares.
fn terms_of(leaf: &mut Expression) -> Vec<&mut Term> {
    match leaf {
        Expression::CompareTerms { left, right, .. } => vec![left, right],
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => vec![term],
        Expression::Fragment(fragment) => fragment.terms_mut().collect(),
        _ => Vec::new(),
    }
}

/// False or unknown, as a condition that is never unknown.
fn not_true(condition: Expression) -> Expression {
    match condition {
        Expression::And(all) => Expression::Or(all.into_iter().map(not_true).collect()),
        Expression::Or(any) => Expression::And(any.into_iter().map(not_true).collect()),
        Expression::Not(inner) => not_false(*inner),
        Expression::Related { relation, quantifier: Quantifier::Is, inner } => {
            let none = Expression::Not(Box::new(is(relation, Expression::always())));
            none.or(is(relation, not_true(*inner)))
        }
        leaf => {
            let null = null(&leaf);
            let not = Expression::Not(Box::new(leaf));
            match null {
                Some(null) => not.or(null),
                None => not,
            }
        }
    }
}

/// True or unknown, as a condition that is never unknown.
fn not_false(condition: Expression) -> Expression {
    match condition {
        Expression::And(all) => Expression::And(all.into_iter().map(not_false).collect()),
        Expression::Or(any) => Expression::Or(any.into_iter().map(not_false).collect()),
        Expression::Not(inner) => not_true(*inner),
        Expression::Related { relation, quantifier: Quantifier::Is, inner } => {
            is(relation, not_false(*inner))
        }
        leaf => match null(&leaf) {
            Some(null) => leaf.or(null),
            None => leaf,
        },
    }
}

fn is(relation: usize, inner: Expression) -> Expression {
    Expression::Related { relation, quantifier: Quantifier::Is, inner: Box::new(inner) }
}

/// When a leaf is unknown; `None` for never.
fn null(leaf: &Expression) -> Option<Expression> {
    match leaf {
        Expression::Compare { property, .. }
        | Expression::In { property, .. }
        | Expression::Between { property, .. }
        | Expression::Text { property, .. }
        | Expression::List { property, .. }
        | Expression::KeyIn { property: Some(property), .. } => {
            Some(Expression::IsNull { property: *property })
        }
        Expression::CompareTerms { left, right, .. } => {
            let is_null = |term: &Term| Expression::TermIsNull { term: term.clone() };
            Some(is_null(left).or(is_null(right)))
        }
        Expression::TermIn { term, .. } | Expression::TermText { term, .. } => {
            Some(Expression::TermIsNull { term: term.clone() })
        }
        Expression::Fragment(fragment) => {
            Some(Expression::TermIsNull { term: Term::Fragment(fragment.clone()) })
        }
        Expression::IsNull { .. }
        | Expression::TermIsNull { .. }
        | Expression::KeyIn { property: None, .. }
        | Expression::Related { .. }
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Not(_)
        | Expression::References { .. }
        | Expression::Invalid { .. } => None,
    }
}
