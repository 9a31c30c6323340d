//! Conditions as users write them: typed by entity and field.

use std::fmt;
use std::marker::PhantomData;

use super::contents::{Contains, Measured};
use super::expression::{Comparison, Expression, TextMatch};
use super::order::OrderBy;
use super::term::Term;
use super::typed;
use crate::entity::Entity;
use crate::sql::{Sql, SqlValues, fragment};
use crate::value::{FieldValue, IntoOperand, Operand, OperandOn, Value};

/// A field with a column: the type of constants such as `Author::NAME`.
pub struct Field<T, V> {
    property: usize,
    name: &'static str,
    marker: PhantomData<fn() -> (T, V)>,
}

impl<T, V> Field<T, V> {
    /// Called by the derive.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(property: usize, name: &'static str) -> Self {
        Self { property, name, marker: PhantomData }
    }

    pub(crate) const fn property(&self) -> usize {
        self.property
    }

    /// The field's name in the struct.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T, V> Clone for Field<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V> Copy for Field<T, V> {}

impl<T, V> fmt::Debug for Field<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}

impl<T: Entity, V: FieldValue> Field<T, V> {
    /// Equal to `value`. `None` for an optional field means [`is_null`](Self::is_null).
    pub fn eq<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::Equal, value)
    }

    /// Not equal to `value`. As in SQL, NULL is not unequal to anything; `None` means "is not NULL".
    pub fn ne<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::NotEqual, value)
    }

    /// Greater than `value`.
    pub fn gt<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::Greater, value)
    }

    /// Greater than or equal to `value`.
    pub fn gte<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// Less than `value`.
    pub fn lt<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::Less, value)
    }

    /// Less than or equal to `value`.
    pub fn lte<O: IntoOperand<V>>(self, value: O) -> Condition<T>
    where
        O::On: OperandOn<T>,
    {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// One of `values`, as many as there are; of none, nothing. `None` among them matches NULL.
    pub fn in_<I>(self, values: I) -> Condition<T>
    where
        I: IntoIterator,
        I::Item: IntoOperand<V>,
        <I::Item as IntoOperand<V>>::On: OperandOn<T>,
    {
        let mut list = Vec::new();
        let mut others = Vec::new();
        for value in values {
            match value.into_operand() {
                Operand::Value(Value::Null) => {
                    others.push(Expression::IsNull { property: self.property });
                }
                Operand::Value(value) => list.push(value),
                Operand::Term(term) => {
                    let operand = Operand::Term(term);
                    others.push(typed::compare(Term::property(self.property), Comparison::Equal, operand));
                }
                Operand::Invalid(error) => {
                    return Condition::new(Expression::Invalid { property: self.property, error });
                }
            }
        }
        let listed = Expression::In { property: self.property, values: list };
        Condition::new(others.into_iter().fold(listed, Expression::or))
    }

    /// None of `values`; of none, everything. NULL is only met if `values` are none.
    pub fn not_in<I>(self, values: I) -> Condition<T>
    where
        I: IntoIterator,
        I::Item: IntoOperand<V>,
        <I::Item as IntoOperand<V>>::On: OperandOn<T>,
    {
        self.in_(values).not()
    }

    /// Between `low` and `high`, both included.
    pub fn between<L: IntoOperand<V>, H: IntoOperand<V>>(self, low: L, high: H) -> Condition<T>
    where
        L::On: OperandOn<T>,
        H::On: OperandOn<T>,
    {
        let property = self.property;
        Condition::new(match (low.into_operand(), high.into_operand()) {
            (Operand::Invalid(error), _) | (_, Operand::Invalid(error)) => {
                Expression::Invalid { property, error }
            }
            (Operand::Value(Value::Null), _) | (_, Operand::Value(Value::Null)) => Expression::never(),
            (Operand::Value(low), Operand::Value(high)) => Expression::Between { property, low, high },
            (low, high) => {
                let low = typed::compare(Term::property(property), Comparison::GreaterOrEqual, low);
                low.and(typed::compare(Term::property(property), Comparison::LessOrEqual, high))
            }
        })
    }

    /// NULL.
    pub fn is_null(self) -> Condition<T> {
        Condition::new(Expression::IsNull { property: self.property })
    }

    /// Not NULL.
    pub fn is_not_null(self) -> Condition<T> {
        self.is_null().not()
    }

    /// Smallest first.
    #[must_use]
    pub fn asc(self) -> OrderBy<T> {
        OrderBy::new::<V>(Term::property(self.property), false)
    }

    /// Largest first.
    #[must_use]
    pub fn desc(self) -> OrderBy<T> {
        OrderBy::new::<V>(Term::property(self.property), true)
    }

    fn compare(self, comparison: Comparison, value: impl IntoOperand<V>) -> Condition<T> {
        let property = self.property;
        Condition::new(match (value.into_operand(), comparison) {
            (Operand::Value(Value::Null), Comparison::Equal) => Expression::IsNull { property },
            (Operand::Value(Value::Null), Comparison::NotEqual) => {
                Expression::Not(Box::new(Expression::IsNull { property }))
            }
            // Nothing is greater or less than NULL.
            (Operand::Value(Value::Null), _) => Expression::never(),
            (Operand::Value(value), comparison) => Expression::Compare { property, comparison, value },
            (Operand::Invalid(error), _) => Expression::Invalid { property, error },
            (term @ Operand::Term(_), comparison) => {
                typed::compare(Term::property(property), comparison, term)
            }
        })
    }
}

/// A field that holds text, for the conditions that only text can meet.
#[diagnostic::on_unimplemented(
    message = "`like`, `starts_with`, `ends_with` and what else is of text need a text field, and this one is `{Self}`",
    label = "not text"
)]
pub trait TextField: FieldValue + Measured + for<'a> Contains<&'a str> {}

impl TextField for String {}
impl<V: TextField> TextField for Option<V> {}

/// The bound is on each method, so that a field that is no text gets a message of ours.
impl<T: Entity, V: FieldValue> Field<T, V> {
    /// Matches a pattern, with the database's wildcards: `%` for any text, `_` for any character.
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
        Condition::new(Expression::Text { property: self.property, matching, text: text.into() })
    }
}

/// A condition on entities `T`.
///
/// `Author::AGE.gt(18).and(Author::NAME.like("J%"))`; through relations with
/// [`is`](super::ToOne::is), [`some`](super::ToMany::some), [`none`](super::ToMany::none) and
/// [`every`](super::ToMany::every).
#[must_use = "a condition does nothing until a query takes it"]
pub struct Condition<T> {
    pub(crate) expression: Expression,
    marker: PhantomData<fn() -> T>,
}

impl<T: Entity> Condition<T> {
    /// A condition in SQL that the program trusts, for what fields and expressions can't say.
    ///
    /// A place `{}` takes a value, which is bound, or a field or computed value of `T`, which is named as the query names
    /// it. Tables that the text names are not seen by filters, and a driver that speaks no SQL refuses it.
    ///
    /// ```
    /// use orm_core::{Condition, Entity};
    ///
    /// #[derive(Entity, Clone, Debug, Default)]
    /// struct Book {
    ///     #[entity(id, auto)]
    ///     id: i64,
    ///     title: String,
    /// }
    ///
    /// let long = Condition::<Book>::sql("length({}) > {} or {} like 'The %'", (Book::TITLE, 20, Book::TITLE));
    /// # let _ = long;
    /// ```
    pub fn sql(text: impl Into<Sql>, values: impl SqlValues<T>) -> Self {
        Self::new(Expression::Fragment(fragment(text.into(), values.__parts())))
    }
}

impl<T> Condition<T> {
    pub(crate) fn new(expression: Expression) -> Self {
        Self { expression, marker: PhantomData }
    }

    /// Met by everything.
    pub fn always() -> Self {
        Self::new(Expression::always())
    }

    /// Met by nothing.
    pub fn never() -> Self {
        Self::new(Expression::never())
    }

    /// All of `conditions`; of none, everything.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Expression::And(conditions.into_iter().map(|condition| condition.expression).collect()))
    }

    /// Any of `conditions`; of none, nothing.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Expression::Or(conditions.into_iter().map(|condition| condition.expression).collect()))
    }

    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self::new(self.expression.and(other.expression))
    }

    /// Both, if there is another.
    pub fn and_if(self, other: Option<Self>) -> Self {
        match other {
            Some(other) => self.and(other),
            None => self,
        }
    }

    /// Either.
    pub fn or(self, other: Self) -> Self {
        Self::new(self.expression.or(other.expression))
    }

    /// The opposite. As in SQL, the opposite of a comparison with NULL is not met either.
    #[expect(clippy::should_implement_trait, reason = "`a.not()` reads in a chain; `!a` works too")]
    pub fn not(self) -> Self {
        Self::new(Expression::Not(Box::new(self.expression)))
    }
}

impl<T> std::ops::Not for Condition<T> {
    type Output = Self;

    fn not(self) -> Self {
        Self::not(self)
    }
}

impl<T> Default for Condition<T> {
    fn default() -> Self {
        Self::always()
    }
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Self::new(self.expression.clone())
    }
}

/// Shows the values of the condition, too; do not log it where they are secret.
impl<T> fmt::Debug for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.expression).finish()
    }
}
