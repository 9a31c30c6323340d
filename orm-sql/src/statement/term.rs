//! Values that are computed for each row, or for a group of them.
//!
//! Both passes are here, side by side: they must bind the same values in the same order.

use std::ops::RangeInclusive;

use orm_core::condition::{Aggregation, Arithmetic, Fragment, FragmentPart, Function, Term};
use orm_core::driver::DriverError;
use orm_core::metadata::{EntityMetadata, Metadata};
use orm_core::value::{ColumnType, Value};
use sea_query::{CaseStatement, Expr, ExprTrait, Func};

use super::shape::Shape;
use super::text::{Scope, Table, TextWriter};
use super::{leaf, unsupported};
use crate::dialect::{Operands, TextPiece};

/// Terms may be nested so deeply.
const MAX_DEPTH: usize = 48;

/// What a term is, in a shape.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Property,
    Value,
    Arithmetic,
    Call,
    Aggregate,
    Fragment,
    When,
}

impl Shape<'_> {
    pub(super) fn terms(&mut self, entity: &EntityMetadata, terms: &[Term]) -> Result<(), DriverError> {
        self.number(terms.len());
        terms.iter().try_for_each(|term| self.term(entity, term))
    }

    pub(super) fn term(&mut self, entity: &EntityMetadata, term: &Term) -> Result<(), DriverError> {
        self.nested_term(entity, term, 0)
    }

    fn nested_term(&mut self, entity: &EntityMetadata, term: &Term, depth: usize) -> Result<(), DriverError> {
        if depth > MAX_DEPTH {
            return Err(unsupported(format!("an expression is nested more than {MAX_DEPTH} levels deep")));
        }
        match term {
            Term::Property { path, property } => {
                self.byte(Tag::Property as u8);
                self.numbers(path);
                self.number(*property);
                let entity = at_end(self.metadata, entity, path)?;
                leaf::scalar(entity, *property)
            }
            Term::Value(value) => {
                self.byte(Tag::Value as u8);
                self.dialect.check(value).map_err(|error| leaf::does_not_fit("an expression", error))?;
                self.bind_typed(value);
                Ok(())
            }
            Term::Arithmetic { operator, left, right } => {
                self.byte(Tag::Arithmetic as u8);
                self.number(*operator as usize);
                self.calculates(entity, term)?;
                self.nested_term(entity, left, depth + 1)?;
                self.nested_term(entity, right, depth + 1)
            }
            Term::Call { function, arguments } => {
                self.byte(Tag::Call as u8);
                self.number(*function as usize);
                self.number(arguments.len());
                if !takes(*function).contains(&arguments.len()) {
                    let given = arguments.len();
                    return Err(unsupported(format!(
                        "the function {function:?} does not take {given} argument(s)"
                    )));
                }
                if *function == Function::Abs {
                    self.calculates(entity, term)?;
                }
                arguments.iter().try_for_each(|argument| self.nested_term(entity, argument, depth + 1))
            }
            Term::Aggregate { aggregate, of } => {
                self.byte(Tag::Aggregate as u8);
                self.number(*aggregate as usize);
                self.flag(of.is_some());
                match of {
                    Some(of) if of.is_aggregate() => Err(unsupported("an aggregate of an aggregate")),
                    Some(of) => {
                        if matches!(aggregate, Aggregation::Sum | Aggregation::Average) {
                            self.calculates(entity, of)?;
                        }
                        self.nested_term(entity, of, depth + 1)
                    }
                    None if *aggregate == Aggregation::Count => Ok(()),
                    None => Err(unsupported("an aggregate of nothing")),
                }
            }
            Term::When { condition, then } => {
                self.byte(Tag::When as u8);
                self.expression(entity, condition)?;
                self.nested_term(entity, then, depth + 1)
            }
            Term::Fragment(fragment) => self.fragment(entity, fragment, depth),
            Term::Invalid(error) => Err(leaf::does_not_fit("an expression", error.clone())),
        }
    }

    pub(super) fn fragment(
        &mut self,
        entity: &EntityMetadata,
        fragment: &Fragment,
        depth: usize,
    ) -> Result<(), DriverError> {
        let pieces: Vec<TextPiece<'_>> = fragment.parts.iter().map(piece).collect();
        self.dialect.check_fragment(&pieces).map_err(unsupported)?;
        self.byte(Tag::Fragment as u8);
        self.number(fragment.parts.len());
        for part in &fragment.parts {
            match part {
                FragmentPart::Text(text) => {
                    if text.contains('\0') {
                        return Err(unsupported("a NUL in the text of a fragment"));
                    }
                    self.number(0);
                    self.number(text.len());
                    text.bytes().for_each(|byte| self.byte(byte));
                }
                FragmentPart::Value(value) => {
                    self.number(1);
                    self.dialect.check(value).map_err(|error| leaf::does_not_fit("a fragment", error))?;
                    self.bind_typed(value);
                }
                FragmentPart::Term(term) => {
                    self.number(2);
                    self.nested_term(entity, term, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses to calculate with numbers that this database would round.
    fn calculates(&self, entity: &EntityMetadata, term: &Term) -> Result<(), DriverError> {
        let refused = |column_type: ColumnType| !self.dialect.calculates(column_type);
        let exact = |name: &str| unsupported(format!("this database can't calculate exactly with {name}"));
        match term {
            Term::Property { path, property } => {
                let entity = at_end(self.metadata, entity, path)?;
                let column = leaf::columns(entity, *property)?.start;
                match refused(entity.columns[column].column_type) {
                    true => Err(exact(&leaf::column_place(entity, column))),
                    false => Ok(()),
                }
            }
            Term::Value(Value::Decimal(_)) if refused(ColumnType::Decimal) => Err(exact("a decimal")),
            // How many there are is an integer.
            Term::Aggregate { aggregate: Aggregation::Count | Aggregation::CountDistinct, .. }
            | Term::Call { function: Function::Length | Function::ListLength, .. } => Ok(()),
            _ => term.parts().try_for_each(|part| self.calculates(entity, part)),
        }
    }
}

impl TextWriter<'_> {
    /// The value as it is read.
    pub(super) fn term(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        term: &Term,
    ) -> Result<Expr, DriverError> {
        Ok(match term {
            Term::Property { path, property } => {
                let (entity, table) = self.joined(scope, entity, table, path)?;
                let column = leaf::columns(entity, *property)?.start;
                table.column(&entity.columns[column].name)
            }
            Term::Value(value) => self.bind_typed(value),
            Term::Arithmetic { operator, left, right } => {
                let are_integers =
                    [left, right].into_iter().all(|one| is_integer(self.metadata, entity, one));
                let operands = if are_integers { Operands::Integers } else { Operands::Others };
                let left = self.term(scope, entity, table, left)?;
                let right = self.term(scope, entity, table, right)?;
                match operator {
                    Arithmetic::Add => left.add(right),
                    Arithmetic::Subtract => left.sub(right),
                    Arithmetic::Multiply => left.mul(right),
                    Arithmetic::Divide => self.dialect.quotient(left, right, operands),
                    Arithmetic::Remainder => left.modulo(right),
                }
            }
            Term::Call { function, arguments } => {
                let arguments: Vec<Expr> = arguments
                    .iter()
                    .map(|argument| self.term(scope, entity, table, argument))
                    .collect::<Result<_, _>>()?;
                self.dialect.call(*function, arguments)
            }
            Term::Aggregate { aggregate, of: None } => match aggregate {
                Aggregation::Count => Func::count(Expr::cust("*")).into(),
                _ => return Err(unsupported("an aggregate of nothing")),
            },
            Term::Aggregate { aggregate, of: Some(of) } => {
                let of = self.comparable_term(scope, entity, table, of)?;
                match aggregate {
                    Aggregation::Count => Func::count(of).into(),
                    Aggregation::CountDistinct => Func::count_distinct(of).into(),
                    Aggregation::Sum => Func::sum(of).into(),
                    Aggregation::Average => self.dialect.average(of),
                    Aggregation::Min => Func::min(of).into(),
                    Aggregation::Max => Func::max(of).into(),
                }
            }
            Term::When { condition, then } => {
                let condition = self.condition(scope, entity, table, condition)?;
                let then = self.term(scope, entity, table, then)?;
                CaseStatement::new().case(condition, then).into()
            }
            Term::Fragment(fragment) => self.fragment(scope, entity, table, fragment)?,
            Term::Invalid(error) => return Err(leaf::does_not_fit("an expression", error.clone())),
        })
    }

    /// The value as it is compared and ordered.
    pub(super) fn comparable_term(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        term: &Term,
    ) -> Result<Expr, DriverError> {
        let value = self.term(scope, entity, table, term)?;
        Ok(match column_type(self.metadata, entity, term) {
            Some(column_type) => self.dialect.comparable(column_type, value),
            None => value,
        })
    }

    pub(super) fn fragment(
        &mut self,
        scope: &mut Scope,
        entity: &EntityMetadata,
        table: Table,
        fragment: &Fragment,
    ) -> Result<Expr, DriverError> {
        let parts = fragment.parts.iter().map(|part| match part {
            FragmentPart::Text(text) => Ok(Expr::cust(text.to_string())),
            FragmentPart::Value(value) => Ok(self.bind_typed(value)),
            FragmentPart::Term(term) => self.term(scope, entity, table, term),
        });
        let parts = parts.collect::<Result<Vec<Expr>, DriverError>>()?;
        // Text of the program is no pattern: a `?` in it is its own.
        Ok(Expr::cust_with_exprs(self.dialect.sequence(parts.len()), parts))
    }

    /// The entity and the table that to-one relations lead to, joined at their first use.
    pub(super) fn joined<'e>(
        &mut self,
        scope: &mut Scope,
        entity: &'e EntityMetadata,
        table: Table,
        path: &[usize],
    ) -> Result<(&'e EntityMetadata, Table), DriverError>
    where
        Self: 'e,
    {
        let (mut entity, mut table) = (entity, table);
        for index in path {
            let relation = leaf::relation(entity, *index)?;
            table = self.join_one(scope, entity, table, *index)?;
            entity = self.metadata.entity(relation.target);
        }
        Ok((entity, table))
    }
}

fn piece(part: &FragmentPart) -> TextPiece<'_> {
    match part {
        FragmentPart::Text(text) => TextPiece::Text(text),
        FragmentPart::Value(_) | FragmentPart::Term(_) => TextPiece::Place,
    }
}

/// The entity that to-one relations lead to.
fn at_end<'m>(
    metadata: &'m Metadata,
    entity: &'m EntityMetadata,
    path: &[usize],
) -> Result<&'m EntityMetadata, DriverError> {
    path.iter().try_fold(entity, |entity, index| Ok(metadata.entity(leaf::relation(entity, *index)?.target)))
}

/// What kind of column the value is of, where it is one of a column.
fn column_type(metadata: &Metadata, entity: &EntityMetadata, term: &Term) -> Option<ColumnType> {
    match term {
        Term::Property { path, property } => {
            let entity = at_end(metadata, entity, path).ok()?;
            let column = leaf::columns(entity, *property).ok()?.start;
            Some(entity.columns[column].column_type)
        }
        Term::Aggregate { aggregate: Aggregation::Min | Aggregation::Max, of: Some(of) } => {
            column_type(metadata, entity, of)
        }
        Term::Call { function: Function::Coalesce, arguments } => {
            arguments.iter().find_map(|argument| column_type(metadata, entity, argument))
        }
        Term::When { then, .. } => column_type(metadata, entity, then),
        Term::Value(Value::Decimal(_)) => Some(ColumnType::Decimal),
        _ => None,
    }
}

/// Whether the value is known to be an integer.
fn is_integer(metadata: &Metadata, entity: &EntityMetadata, term: &Term) -> bool {
    match term {
        Term::Value(value) => matches!(value, Value::Int(_)),
        Term::Arithmetic { left, right, .. } => {
            is_integer(metadata, entity, left) && is_integer(metadata, entity, right)
        }
        Term::Aggregate { aggregate: Aggregation::Count | Aggregation::CountDistinct, .. }
        | Term::Call { function: Function::Length | Function::ListLength, .. } => true,
        Term::Aggregate { aggregate: Aggregation::Sum, of: Some(of) } => is_integer(metadata, entity, of),
        Term::Call { function: Function::Abs, arguments } => {
            arguments.iter().all(|argument| is_integer(metadata, entity, argument))
        }
        other => column_type(metadata, entity, other).is_some_and(ColumnType::is_integer),
    }
}

/// How many arguments a function takes.
fn takes(function: Function) -> RangeInclusive<usize> {
    match function {
        Function::Coalesce | Function::Concat => 2..=usize::MAX,
        _ => 1..=1,
    }
}
