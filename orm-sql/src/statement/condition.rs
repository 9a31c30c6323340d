//! Conditions as expressions over joined tables and subqueries.
//!
//! - A to-one relation is a LEFT JOIN, shared by equal paths of one SELECT, order included. It is false, not
//!   unknown, where there is no related row, so that its opposite is true there.
//! - `some`, `none` and `every` are EXISTS subqueries. An item for which the inner condition is unknown does not
//!   meet it, so that `every` is false for it.
//!
//! Everything else about NULL is SQL's.

use orm_core::condition::{Comparison, Expression, Quantifier};
use orm_core::driver::DriverError;
use orm_core::metadata::{EntityMetadata, Metadata, Relation, RelationKind};
use orm_core::value::{KeyValues, Value};
use sea_query::{Expr, ExprTrait, Keyword, SelectStatement};

use super::bound::Bound;
use super::leaf::{Form, Leaf};
use super::pivot::{pivot_columns, pivot_of_relation};
use super::shape::{flattened, is_always};
use super::text::{Scope, Table, TextWriter, all, any, names, never, strs, tuple};
use super::{leaf, unsupported};
use crate::dialect::SetForm;

impl TextWriter<'_> {
    /// `expression`, on `entity` as `table` of `scope`.
    pub(super) fn condition(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        expression: &Expression,
    ) -> Result<Expr, DriverError> {
        match expression {
            Expression::And(_) => self.parts(scope, entity, table, expression).map(all),
            Expression::Or(_) => self.parts(scope, entity, table, expression).map(any),
            Expression::Not(inner) => Ok(self.condition(scope, entity, table, inner)?.not()),
            Expression::Related { relation, quantifier, inner } => {
                self.related(scope, entity, table, *relation, *quantifier, inner)
            }
            Expression::CompareTerms { left, comparison, right } => {
                let left = self.comparable_term(scope, entity, table, left)?;
                let right = self.term(scope, entity, table, right)?;
                Ok(self.compared(left, &Form::Compare(*comparison), vec![right]))
            }
            Expression::TermIn { values, .. } if values.iter().all(Value::is_null) => Ok(never()),
            Expression::TermIn { term, values } => {
                let term = self.comparable_term(scope, entity, table, term)?;
                let keys: Vec<KeyValues> =
                    values.iter().map(|value| KeyValues::from_iter([value.clone()])).collect();
                let mut values = Vec::new();
                let form = leaf::set(self.dialect, &keys, 1, &mut values)?;
                Ok(self.in_set(vec![term], &form, values))
            }
            Expression::TermIsNull { term } => Ok(self.term(scope, entity, table, term)?.is_null()),
            Expression::TermText { term, matching, text } => {
                let term = self.term(scope, entity, table, term)?;
                let mut values = Vec::new();
                let form = self.dialect.text_form(*matching, text, &mut values);
                let binds = values.into_iter().map(|value| self.bind(value)).collect();
                Ok(self.compared(term, &Form::Text(form), binds))
            }
            Expression::Fragment(fragment) => self.fragment(scope, entity, table, fragment),
            Expression::Compare { .. }
            | Expression::In { .. }
            | Expression::IsNull { .. }
            | Expression::Between { .. }
            | Expression::Text { .. }
            | Expression::List { .. }
            | Expression::KeyIn { .. }
            | Expression::References { .. }
            | Expression::Invalid { .. } => {
                let mut values = Vec::new();
                let leaf = leaf::leaf(self.dialect, entity, expression, &mut values)?;
                Ok(self.leaf(entity, table, leaf, values))
            }
        }
    }

    fn parts(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        expression: &Expression,
    ) -> Result<Vec<Expr>, DriverError> {
        flattened(expression).into_iter().map(|part| self.condition(scope, entity, table, part)).collect()
    }

    fn leaf(&mut self, entity: &EntityMetadata, table: Table, leaf: Leaf, values: Vec<Bound>) -> Expr {
        let columns: Vec<Expr> = leaf
            .columns
            .of(entity)
            .into_iter()
            .map(|column| self.comparable(entity, table, column))
            .collect();
        match leaf.form {
            Form::IsNull => all(columns.into_iter().map(ExprTrait::is_null).collect()),
            Form::Set(form) => self.in_set(columns, &form, values),
            Form::Compare(_) | Form::Between | Form::Text(_) | Form::List(..) => {
                let binds: Vec<Expr> = values.into_iter().map(|value| self.bind_compared(value)).collect();
                // A leaf of these forms is on one column.
                columns
                    .into_iter()
                    .next()
                    .map_or_else(never, |column| self.compared(column, &leaf.form, binds))
            }
        }
    }

    fn compared(&self, column: Expr, form: &Form, binds: Vec<Expr>) -> Expr {
        let mut bound = binds.into_iter();
        let mut next = || bound.next().unwrap_or(Expr::Keyword(Keyword::Null));
        match form {
            Form::Compare(Comparison::Equal) => column.eq(next()),
            Form::Compare(Comparison::NotEqual) => column.ne(next()),
            Form::Compare(Comparison::Less) => column.lt(next()),
            Form::Compare(Comparison::LessOrEqual) => column.lte(next()),
            Form::Compare(Comparison::Greater) => column.gt(next()),
            Form::Compare(Comparison::GreaterOrEqual) => column.gte(next()),
            Form::Between => {
                let (low, high) = (next(), next());
                column.between(low, high)
            }
            Form::Text(form) => self.dialect.text_match(*form, column, bound.collect()),
            Form::List(matching, element) => self.dialect.list_match(*matching, *element, column, next()),
            Form::IsNull => column.is_null(),
            Form::Set(_) => never(),
        }
    }

    /// Whether the columns hold one of the keys.
    pub(super) fn in_set(&mut self, columns: Vec<Expr>, form: &SetForm, values: Vec<Bound>) -> Expr {
        let binds: Vec<Expr> = values.into_iter().map(|value| self.bind_compared(value)).collect();
        match form {
            SetForm::Empty => never(),
            SetForm::One => {
                all(columns.into_iter().zip(binds).map(|(column, bind)| column.eq(bind)).collect())
            }
            SetForm::List(_) if columns.len() == 1 => tuple(columns).is_in(binds),
            SetForm::List(_) => {
                let keys = binds.chunks(columns.len()).map(|key| Expr::tuple(key.to_vec()));
                let keys: Vec<Expr> = keys.collect();
                tuple(columns).is_in(keys)
            }
            SetForm::Document(elements) => self.dialect.in_document(columns, elements, binds),
        }
    }

    fn related(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        index: usize,
        quantifier: Quantifier,
        inner: &Expression,
    ) -> Result<Expr, DriverError> {
        let relation = leaf::relation(entity, index)?;
        let target = self.metadata.entity(relation.target);
        match quantifier {
            Quantifier::Is if !relation.is_to_many() => {
                let joined = self.join_one(scope, entity, table, index)?;
                let key = target.key_columns().next().map(|key| joined.column(&target.columns[key].name));
                let exists = key.map_or_else(never, ExprTrait::is_not_null);
                if is_always(inner) {
                    return Ok(exists);
                }
                let inner = self.condition(scope, target, joined, inner)?;
                Ok(exists.and(inner))
            }
            Quantifier::Is | Quantifier::Some => {
                let items = self.items(entity, table, relation, quantifier, inner)?;
                Ok(self.dialect.exists(items))
            }
            Quantifier::None | Quantifier::Every => {
                let items = self.items(entity, table, relation, quantifier, inner)?;
                Ok(Expr::exists(items).not())
            }
        }
    }

    /// The target of a to-one relation, joined to `scope` at its first use.
    pub(super) fn join_one(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        index: usize,
    ) -> Result<Table, DriverError> {
        if let Some(joined) = scope.joined(table, index) {
            return Ok(joined);
        }
        let relation = leaf::relation(entity, index)?;
        if relation.is_to_many() {
            let place = format!("{}.{}", entity.name, relation.name);
            return Err(unsupported(format!("{place} has several targets and can't be joined as one")));
        }
        let target = self.metadata.entity(relation.target);
        let to = self.table();
        let on = link(self.metadata, entity, table, relation, to)?;
        scope.join(table, index, to, target, on);
        Ok(to)
    }

    /// As [`join_one`](Self::join_one), only targets that meet `condition`: a join of its own, unless all do.
    pub(super) fn join_shown(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        index: usize,
        condition: &Expression,
    ) -> Result<Table, DriverError> {
        if is_always(condition) {
            return self.join_one(scope, entity, table, index);
        }
        let relation = leaf::relation(entity, index)?;
        let target = self.metadata.entity(relation.target);
        let to = self.table();
        let on = link(self.metadata, entity, table, relation, to)?;
        let on = on.and(self.guard(target, to, condition)?);
        scope.select.left_join(to.named(target.schema.as_deref(), &target.table), on);
        Ok(to)
    }

    /// `SELECT 1` of the items of a relation that meet `inner`, or for [`Quantifier::Every`] of those that do not.
    fn items(
        &mut self,
        entity: &EntityMetadata,
        table: Table,
        relation: &Relation,
        quantifier: Quantifier,
        inner: &Expression,
    ) -> Result<SelectStatement, DriverError> {
        let target = self.metadata.entity(relation.target);
        let items = self.table();
        let mut scope = Scope::from(items, target);
        scope.select.expr(Expr::Constant(1_i32.into()));
        let of_owner = match pivot_of_relation(self.metadata, relation)? {
            Some((pivot, side)) => {
                let links = self.table();
                let (near, far) = pivot_columns(pivot, side);
                let named = links.named(pivot.schema.as_deref(), &pivot.table);
                let to_item = links.pairs(strs(far), items, names(target, target.key_columns()));
                scope.select.inner_join(named, to_item);
                links.pairs(strs(near), table, names(entity, entity.key_columns()))
            }
            None => link(self.metadata, entity, table, relation, items)?,
        };
        let is_meant = match quantifier {
            Quantifier::Every => {
                let inner = self.condition(&mut scope, target, items, inner)?;
                Some(inner.is_not(Expr::Keyword(Keyword::Custom("TRUE".into()))))
            }
            Quantifier::Is | Quantifier::Some | Quantifier::None if is_always(inner) => None,
            Quantifier::Is | Quantifier::Some | Quantifier::None => {
                Some(self.condition(&mut scope, target, items, inner)?)
            }
        };
        let mut select = scope.select;
        select.and_where(all([of_owner].into_iter().chain(is_meant).collect()));
        Ok(select)
    }
}

/// The foreign key between `entity` as `table` and a relation's target as `to`, whichever side has it.
fn link(
    metadata: &Metadata,
    entity: &EntityMetadata,
    table: Table,
    relation: &Relation,
    to: Table,
) -> Result<Expr, DriverError> {
    let target = metadata.entity(relation.target);
    match &relation.kind {
        RelationKind::ManyToOne { property } => {
            let own = leaf::columns(entity, *property)?;
            Ok(to.pairs(names(target, target.key_columns()), table, names(entity, own)))
        }
        RelationKind::OneToMany | RelationKind::OneToOneInverse => {
            let RelationKind::ManyToOne { property } = owning_side(metadata, relation)?.kind else {
                return Err(unsupported(format!("{}.{} has no foreign key", entity.name, relation.name)));
            };
            let theirs = leaf::columns(target, property)?;
            Ok(to.pairs(names(target, theirs), table, names(entity, entity.key_columns())))
        }
        RelationKind::ManyToMany { .. } | RelationKind::ManyToManyInverse => {
            Err(unsupported(format!("{}.{} can't be joined as one entity", entity.name, relation.name)))
        }
    }
}

/// The owning relation of an inverse one.
pub(super) fn owning_side<'m>(
    metadata: &'m Metadata,
    relation: &Relation,
) -> Result<&'m Relation, DriverError> {
    let target = metadata.entity(relation.target);
    let owning = relation.other_side.and_then(|owning| target.relations.get(owning));
    owning.ok_or_else(|| unsupported(format!("the relation `{}` has no owning side", relation.name)))
}
