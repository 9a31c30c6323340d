//! Puts filters into computed values: what is of a related row that a filter hides is NULL, as if there were no row.
//! Pure.

use super::FilterChoices;
use crate::condition::{Expression, OrderTerm, Quantifier, Term};
use crate::entity::{Region, Shape};
use crate::error::Result;
use crate::metadata::EntityId;

impl Region {
    /// `terms` of `entity`, NULL where they are of what filters hide. What `promised` populates is there anyway, as
    /// [`promised_by`](Self::promised_by) has it.
    ///
    /// # Errors
    ///
    /// As [`filter_of`](Self::filter_of).
    pub(crate) fn shown_terms<'a>(
        &self,
        entity: EntityId,
        terms: impl IntoIterator<Item = &'a mut Term>,
        promised: &Shape,
        query: Option<&FilterChoices>,
    ) -> Result<()> {
        if self.orm().filters.is_empty() {
            return Ok(());
        }
        terms.into_iter().try_for_each(|term| self.show(entity, term, promised, query))
    }

    /// As [`shown_terms`](Self::shown_terms), of an order.
    ///
    /// # Errors
    ///
    /// As [`filter_of`](Self::filter_of).
    pub(crate) fn shown_order(
        &self,
        entity: EntityId,
        mut order: Vec<OrderTerm>,
        promised: &Shape,
        query: Option<&FilterChoices>,
    ) -> Result<Vec<OrderTerm>> {
        self.shown_terms(entity, order.iter_mut().map(|term| &mut term.term), promised, query)?;
        Ok(order)
    }

    fn show(
        &self,
        entity: EntityId,
        term: &mut Term,
        promised: &Shape,
        query: Option<&FilterChoices>,
    ) -> Result<()> {
        if let Term::Property { path, .. } = term {
            let condition = self.shown_along(entity, path, promised, query)?;
            if !condition.is_always() {
                let then = Box::new(std::mem::replace(term, Term::property(0)));
                *term = Term::When { condition: Box::new(condition), then };
            }
            return Ok(());
        }
        term.parts_mut().into_iter().try_for_each(|part| self.show(entity, part, promised, query))
    }

    /// When every row that to-one relations lead to is shown.
    fn shown_along(
        &self,
        entity: EntityId,
        path: &[usize],
        promised: &Shape,
        query: Option<&FilterChoices>,
    ) -> Result<Expression> {
        let Some((index, rest)) = path.split_first() else { return Ok(Expression::always()) };
        let relation = &self.entity(entity).relations[*index];
        let nothing = Shape::default();
        let below = promised.below(*index);
        let own = match below {
            Some(_) if relation.is_promised() => Expression::always(),
            below => self.filter_of(relation.target, query)?.and(self.promised_by(
                relation.target,
                below.unwrap_or(&nothing),
                query,
            )?),
        };
        let rest = self.shown_along(relation.target, rest, below.unwrap_or(&nothing), query)?;
        let inner = own.and(rest);
        Ok(match inner.is_always() {
            true => inner,
            false => {
                Expression::Related { relation: *index, quantifier: Quantifier::Is, inner: Box::new(inner) }
            }
        })
    }
}

impl Shape {
    /// The to-one relations that `terms` are read through.
    pub(crate) fn read_by<'a>(terms: impl IntoIterator<Item = &'a Term>) -> Self {
        let mut shape = Self::default();
        terms.into_iter().for_each(|term| shape.add_paths(term));
        shape
    }

    fn add_paths(&mut self, term: &Term) {
        if let Term::Property { path, .. } = term {
            path.iter().fold(self, |shape, relation| shape.entry(*relation));
        } else {
            term.parts().for_each(|part| self.add_paths(part));
        }
    }
}
