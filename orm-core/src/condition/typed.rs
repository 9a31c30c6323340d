//! Computed values as users write them: typed by entity and by what they are.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Rem, Sub};

use super::contents::Measured;
use super::expression::{Comparison, Expression, TextMatch};
use super::field::{Condition, Field, TextField};
use super::order::OrderBy;
use super::relation::ToOne;
use super::term::{Aggregation, Arithmetic, Function, Term};
use crate::entity::{Entity, RelationField};
use crate::sql::{Sql, SqlValues, fragment};
use crate::value::{FieldValue, IntoOperand, Nullable, Operand, OperandOn, Value};

/// A value of type `V` that is computed for each row of `T`: `Book::STOCK - Book::RESERVED`, `Author::NAME.lower()`.
///
/// It can be compared, ordered by, selected, and written by `update_many`.
#[must_use = "it is computed by the query that takes it"]
pub struct Expr<T, V> {
    pub(crate) term: Term,
    marker: PhantomData<fn() -> (T, V)>,
}

impl<T, V> Expr<T, V> {
    pub(crate) fn new(term: Term) -> Self {
        Self { term, marker: PhantomData }
    }
}

impl<T, V> Clone for Expr<T, V> {
    fn clone(&self) -> Self {
        Self::new(self.term.clone())
    }
}

/// Shows the values in it, too; do not log it where they are secret.
impl<T, V> fmt::Debug for Expr<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expr").field(&self.term).finish()
    }
}

/// A field or a computed value of `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not computed from the rows of `{T}`",
    label = "neither a field of `{T}` nor an expression on it"
)]
pub trait IntoExpr<T>: Sized {
    /// What it is.
    type Value: FieldValue;

    /// As an expression.
    fn into_expr(self) -> Expr<T, Self::Value>;
}

impl<T: Entity, V: FieldValue> IntoExpr<T> for Field<T, V> {
    type Value = V;

    fn into_expr(self) -> Expr<T, V> {
        Expr::new(Term::property(self.property()))
    }
}

impl<T: Entity, V: FieldValue> IntoExpr<T> for Expr<T, V> {
    type Value = V;

    fn into_expr(self) -> Self {
        self
    }
}

/// A column type that can be calculated with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that a database calculates with",
    label = "not a number"
)]
pub trait Number: Nullable {
    /// What all of them together are: a wider number, and nothing where there are none.
    type Sum: FieldValue;
}

macro_rules! numbers {
    ($sum:ty: $($number:ty),+) => { $(
        impl Number for $number {
            type Sum = Option<$sum>;
        }
    )+ };
}

numbers!(i64: i8, i16, i32, i64, u8, u16, u32);
numbers!(f64: f32, f64);

#[cfg(feature = "rust_decimal")]
numbers!(rust_decimal::Decimal: rust_decimal::Decimal);

impl<V: Number> Number for Option<V> {
    type Sum = V::Sum;
}

/// The part that stays of an optional value for which there is another one where it is missing.
pub trait Optional {
    /// What it holds.
    type Inner;
}

impl<V> Optional for Option<V> {
    type Inner = V;
}

fn call<T, V>(function: Function, arguments: Vec<Term>) -> Expr<T, V> {
    Expr::new(Term::Call { function, arguments })
}

/// What fields and computed values have in common.
macro_rules! computes {
    ($type:ident) => {
        impl<T: Entity, V: FieldValue> $type<T, V> {
            /// In lower case, as far as the database knows the letters.
            pub fn lower(self) -> Expr<T, V>
            where
                V: TextField,
            {
                call(Function::Lower, vec![self.into_expr().term])
            }

            /// In upper case, as far as the database knows the letters.
            pub fn upper(self) -> Expr<T, V>
            where
                V: TextField,
            {
                call(Function::Upper, vec![self.into_expr().term])
            }

            /// Without spaces at its ends.
            pub fn trim(self) -> Expr<T, V>
            where
                V: TextField,
            {
                call(Function::Trim, vec![self.into_expr().term])
            }

            /// The number of its characters, or of the elements of a list.
            pub fn length(self) -> Expr<T, Option<i64>>
            where
                V: Measured,
            {
                call(V::__LENGTH, vec![self.into_expr().term])
            }

            /// This text and `other` behind it; NULL if one of them is.
            pub fn concat<O: IntoOperand<V>>(self, other: O) -> Expr<T, V>
            where
                V: TextField,
                O::On: OperandOn<T>,
            {
                call(Function::Concat, vec![self.into_expr().term, other.into_operand().into_term()])
            }

            /// Without its sign.
            pub fn abs(self) -> Expr<T, V>
            where
                V: Number,
            {
                call(Function::Abs, vec![self.into_expr().term])
            }

            /// `other` where it is NULL.
            pub fn coalesce<O>(self, other: O) -> Expr<T, V::Inner>
            where
                V: Optional,
                O: IntoOperand<V::Inner>,
                O::On: OperandOn<T>,
            {
                call(Function::Coalesce, vec![self.into_expr().term, other.into_operand().into_term()])
            }

            /// How many rows of a group have a value here.
            pub fn count(self) -> Aggregate<T, i64> {
                Aggregate::of(Aggregation::Count, self.into_expr().term)
            }

            /// How many different values the rows of a group have here.
            pub fn count_distinct(self) -> Aggregate<T, i64> {
                Aggregate::of(Aggregation::CountDistinct, self.into_expr().term)
            }

            /// The sum over a group; `None` of no values.
            pub fn sum(self) -> Aggregate<T, V::Sum>
            where
                V: Number,
            {
                Aggregate::of(Aggregation::Sum, self.into_expr().term)
            }

            /// The mean over a group; `None` of no values.
            pub fn avg(self) -> Aggregate<T, Option<f64>>
            where
                V: Number,
            {
                Aggregate::of(Aggregation::Average, self.into_expr().term)
            }

            /// The least value of a group; `None` of no values.
            pub fn min(self) -> Aggregate<T, <V as Nullable>::Optional>
            where
                V: Nullable,
            {
                Aggregate::of(Aggregation::Min, self.into_expr().term)
            }

            /// The greatest value of a group; `None` of no values.
            pub fn max(self) -> Aggregate<T, <V as Nullable>::Optional>
            where
                V: Nullable,
            {
                Aggregate::of(Aggregation::Max, self.into_expr().term)
            }
        }
    };
}

computes!(Field);
computes!(Expr);

impl<T: Entity, V: FieldValue> Expr<T, V> {
    /// What a fragment of SQL that the program trusts computes: to select, to compare, and to order by. The type is the
    /// program's word for what the database gives.
    ///
    /// A place `{}` takes a value, which is bound, or a field or computed value of `T`, which is named as the query names
    /// it. A driver that speaks no SQL refuses it.
    ///
    /// ```
    /// use orm_core::Entity;
    /// use orm_core::condition::Expr;
    ///
    /// #[derive(Entity, Clone, Debug, Default)]
    /// struct Book {
    ///     #[entity(id, auto)]
    ///     id: i64,
    ///     title: String,
    /// }
    ///
    /// let by_length = Expr::<Book, i64>::sql("length({}) + {}", (Book::TITLE, 1)).desc();
    /// # let _ = by_length;
    /// ```
    pub fn sql(text: impl Into<Sql>, values: impl SqlValues<T>) -> Self {
        Self::new(Term::Fragment(fragment(text.into(), values.__parts())))
    }

    /// Equal. `None` means [`is_null`](Self::is_null).
    pub fn eq<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::Equal, other.into_operand()))
    }

    /// Not equal. As in SQL, NULL is not unequal to anything; `None` means "is not NULL".
    pub fn ne<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::NotEqual, other.into_operand()))
    }

    /// Greater.
    pub fn gt<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::Greater, other.into_operand()))
    }

    /// Greater or equal.
    pub fn gte<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::GreaterOrEqual, other.into_operand()))
    }

    /// Less.
    pub fn lt<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::Less, other.into_operand()))
    }

    /// Less or equal.
    pub fn lte<O: IntoOperand<V>>(self, other: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        Condition::new(compare(self.term, Comparison::LessOrEqual, other.into_operand()))
    }

    /// Between `low` and `high`, both included.
    pub fn between<L: IntoOperand<V>, H: IntoOperand<V>>(self, low: L, high: H) -> Condition<T>
    where
        L::On: OperandOn<T>,
        H::On: OperandOn<T>,
    {
        self.clone().gte(low).and(self.lte(high))
    }

    /// One of `values`; of none, nothing. `None` among them matches NULL.
    pub fn in_<I>(self, values: I) -> Condition<T>
    where
        I: IntoIterator,
        I::Item: IntoOperand<V>,
        <I::Item as IntoOperand<V>>::On: OperandOn<T>,
    {
        let mut listed = Vec::new();
        let mut others = Expression::never();
        for value in values {
            match value.into_operand() {
                Operand::Value(value) if !value.is_null() => listed.push(value),
                other => others = others.or(compare(self.term.clone(), Comparison::Equal, other)),
            }
        }
        let listed = Expression::TermIn { term: self.term, values: listed };
        let is_alone = matches!(&others, Expression::Or(none) if none.is_empty());
        Condition::new(if is_alone { listed } else { listed.or(others) })
    }

    /// NULL.
    pub fn is_null(self) -> Condition<T> {
        Condition::new(Expression::TermIsNull { term: self.term })
    }

    /// Not NULL.
    pub fn is_not_null(self) -> Condition<T> {
        self.is_null().not()
    }

    /// Smallest first.
    #[must_use]
    pub fn asc(self) -> OrderBy<T> {
        OrderBy::new::<V>(self.term, false)
    }

    /// Largest first.
    #[must_use]
    pub fn desc(self) -> OrderBy<T> {
        OrderBy::new::<V>(self.term, true)
    }

    /// Matches a pattern, with the database's wildcards.
    pub fn like(self, pattern: impl Into<String>) -> Condition<T>
    where
        V: TextField,
    {
        self.text(TextMatch::Like, pattern)
    }

    /// Matches a pattern, whatever the case of its letters, as far as the database knows them.
    pub fn ilike(self, pattern: impl Into<String>) -> Condition<T>
    where
        V: TextField,
    {
        self.text(TextMatch::LikeIgnoringCase, pattern)
    }

    /// Contains `text`, literally.
    pub fn contains(self, text: impl Into<String>) -> Condition<T>
    where
        V: TextField,
    {
        self.text(TextMatch::Contains, text)
    }

    /// Starts with `text`, literally.
    pub fn starts_with(self, text: impl Into<String>) -> Condition<T>
    where
        V: TextField,
    {
        self.text(TextMatch::StartsWith, text)
    }

    /// Ends with `text`, literally.
    pub fn ends_with(self, text: impl Into<String>) -> Condition<T>
    where
        V: TextField,
    {
        self.text(TextMatch::EndsWith, text)
    }

    fn text(self, matching: TextMatch, text: impl Into<String>) -> Condition<T> {
        Condition::new(Expression::TermText { term: self.term, matching, text: text.into() })
    }
}

/// A computed value against an operand.
pub(super) fn compare(left: Term, comparison: Comparison, right: Operand) -> Expression {
    match (right.into_term(), comparison) {
        (Term::Value(Value::Null), Comparison::Equal) => Expression::TermIsNull { term: left },
        (Term::Value(Value::Null), Comparison::NotEqual) => {
            Expression::Not(Box::new(Expression::TermIsNull { term: left }))
        }
        // Nothing is greater or less than NULL.
        (Term::Value(Value::Null), _) => Expression::never(),
        (right, comparison) => Expression::CompareTerms { left, comparison, right },
    }
}

/// Operators. Dividing by zero gives NULL, or an error, as the database has it.
macro_rules! calculates {
    ($($trait:ident $method:ident $operator:ident -> $output:ty;)+) => { $(
        calculates!(@ Field $trait $method $operator $output);
        calculates!(@ Expr $trait $method $operator $output);
    )+ };
    (@ $type:ident $trait:ident $method:ident $operator:ident $output:ty) => {
        impl<T: Entity, V: Number, O: IntoOperand<V>> $trait<O> for $type<T, V>
        where
            O::On: OperandOn<T>,
        {
            type Output = Expr<T, $output>;

            fn $method(self, other: O) -> Expr<T, $output> {
                Expr::new(Term::Arithmetic {
                    operator: Arithmetic::$operator,
                    left: Box::new(self.into_expr().term),
                    right: Box::new(other.into_operand().into_term()),
                })
            }
        }
    };
}

calculates! {
    Add add Add -> V;
    Sub sub Subtract -> V;
    Mul mul Multiply -> V;
    Div div Divide -> V::Optional;
    Rem rem Remainder -> V::Optional;
}

impl<R: RelationField> ToOne<R> {
    /// A field of the related entity, or what is computed of its fields; `None` where there is no related entity.
    pub fn field<E>(&self, of: E) -> Expr<R::Owner, <E::Value as Nullable>::Optional>
    where
        E: IntoExpr<R::Target>,
        E::Value: Nullable,
    {
        let mut term = of.into_expr().term;
        term.lead_through(R::INDEX);
        Expr::new(term)
    }
}

/// One value of type `V` for a group of rows of `T`: `Book::PAGES.sum()`.
///
/// It can be selected, ordered by and, in [`having`](crate::query::Projection::having), compared. In a condition of
/// single rows it has no place.
#[must_use = "it is computed by the query that takes it"]
pub struct Aggregate<T, V> {
    pub(crate) term: Term,
    marker: PhantomData<fn() -> (T, V)>,
}

/// How many rows a group has.
pub fn count_rows<T: Entity>() -> Aggregate<T, i64> {
    Aggregate::new(Term::Aggregate { aggregate: Aggregation::Count, of: None })
}

impl<T, V> Aggregate<T, V> {
    fn new(term: Term) -> Self {
        Self { term, marker: PhantomData }
    }

    fn of(aggregate: Aggregation, term: Term) -> Self {
        Self::new(Term::Aggregate { aggregate, of: Some(Box::new(term)) })
    }
}

impl<T: Entity, V: FieldValue> Aggregate<T, V> {
    /// Equal.
    pub fn eq<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::Equal, other.into_operand())))
    }

    /// Not equal.
    pub fn ne<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::NotEqual, other.into_operand())))
    }

    /// Greater.
    pub fn gt<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::Greater, other.into_operand())))
    }

    /// Greater or equal.
    pub fn gte<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::GreaterOrEqual, other.into_operand())))
    }

    /// Less.
    pub fn lt<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::Less, other.into_operand())))
    }

    /// Less or equal.
    pub fn lte<O: IntoOperand<V>>(self, other: O) -> Having<T>
    where
        O::On: OperandOn<T>,
    {
        Having(Condition::new(compare(self.term, Comparison::LessOrEqual, other.into_operand())))
    }

    /// Groups with the smallest first.
    #[must_use]
    pub fn asc(self) -> OrderBy<T> {
        OrderBy::new::<V>(self.term, false)
    }

    /// Groups with the largest first.
    #[must_use]
    pub fn desc(self) -> OrderBy<T> {
        OrderBy::new::<V>(self.term, true)
    }
}

impl<T, V> Clone for Aggregate<T, V> {
    fn clone(&self) -> Self {
        Self::new(self.term.clone())
    }
}

impl<T, V> fmt::Debug for Aggregate<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Aggregate").field(&self.term).finish()
    }
}

/// A condition on groups of rows, made by comparing an [`Aggregate`].
#[must_use = "a condition does nothing until a query takes it"]
pub struct Having<T>(pub(crate) Condition<T>);

impl<T> Having<T> {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0))
    }

    /// Either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    /// The opposite.
    #[expect(clippy::should_implement_trait, reason = "as of a condition")]
    pub fn not(self) -> Self {
        Self(self.0.not())
    }
}

/// A condition on what the rows are grouped by.
impl<T> From<Condition<T>> for Having<T> {
    fn from(condition: Condition<T>) -> Self {
        Self(condition)
    }
}

impl<T> Clone for Having<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Having<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Having").field(&self.0.expression).finish()
    }
}
