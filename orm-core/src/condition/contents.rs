//! What a value has in it: a text in a text, elements in a list, and how much of them.

use super::expression::{Expression, ListMatch, TextMatch};
use super::field::{Condition, Field};
use super::term::Function;
use crate::entity::Entity;
use crate::value::{AnyEntity, ArrayElement, FieldValue, IntoOperand, Operand, Value, ValueError, array_of};

/// A type in which `contains` looks for an `O`: text for a text, a list for one of its elements.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` does not contain a `{O}`",
    label = "not what `contains` takes here",
    note = "a text field contains text, a `Vec` what it is a list of; no other field contains anything"
)]
pub trait Contains<O>: FieldValue {
    #[doc(hidden)]
    fn __in(property: usize, operand: O) -> Expression;
}

impl<O: Into<String>> Contains<O> for String {
    fn __in(property: usize, operand: O) -> Expression {
        Expression::Text { property, matching: TextMatch::Contains, text: operand.into() }
    }
}

impl<V: ArrayElement, O: IntoOperand<V, On = AnyEntity>> Contains<O> for Vec<V> {
    fn __in(property: usize, operand: O) -> Expression {
        list::<V, _>(property, ListMatch::ContainsAll, [operand])
    }
}

impl<O, V: Contains<O>> Contains<O> for Option<V> {
    fn __in(property: usize, operand: O) -> Expression {
        V::__in(property, operand)
    }
}

/// A field that is a list, for the conditions that only a list can meet.
#[diagnostic::on_unimplemented(
    message = "`contains_all`, `overlaps` and `is_empty` need a list, and this field is `{Self}`",
    label = "not a `Vec`, or an `Option` of one"
)]
pub trait ListField: FieldValue {
    /// What it is a list of.
    type Element: ArrayElement;
}

impl<V: ArrayElement> ListField for Vec<V> {
    type Element = V;
}

impl<L: ListField> ListField for Option<L> {
    type Element = L::Element;
}

/// A type that has a length: of a text its characters, of a list its elements.
#[diagnostic::on_unimplemented(
    message = "`length` needs a text or a list, and this is `{Self}`",
    label = "neither text nor a `Vec`, or an `Option` of one"
)]
pub trait Measured: FieldValue {
    #[doc(hidden)]
    const __LENGTH: Function;
}

impl Measured for String {
    const __LENGTH: Function = Function::Length;
}

impl<V: ArrayElement> Measured for Vec<V> {
    const __LENGTH: Function = Function::ListLength;
}

impl<V: Measured> Measured for Option<V> {
    const __LENGTH: Function = V::__LENGTH;
}

/// The bound is on each method, so that another field gets a message of ours.
impl<T: Entity, V: FieldValue> Field<T, V> {
    /// Of a text: has `content` in it, literally. Of a list: `content` is one of its elements.
    ///
    /// ```
    /// use orm_core::Entity;
    ///
    /// #[derive(Entity, Clone, Debug, Default)]
    /// struct Article {
    ///     #[entity(id, auto)]
    ///     id: i64,
    ///     title: String,
    ///     labels: Vec<String>,
    ///     ratings: Option<Vec<i32>>,
    /// }
    ///
    /// let about_rust = Article::TITLE.contains("Rust").or(Article::LABELS.contains("rust"));
    /// let liked = Article::RATINGS.overlaps([4, 5]).and(Article::LABELS.contains_all(["short", "new"]));
    /// # let _ = (about_rust, liked);
    /// ```
    pub fn contains<O>(self, content: O) -> Condition<T>
    where
        V: Contains<O>,
    {
        Condition::new(V::__in(self.property(), content))
    }

    /// Each of `values` is an element of the list, however often and wherever; of none, every list that is not NULL.
    ///
    /// Elements are compared as the database compares a column of them; NULL contains unknown.
    pub fn contains_all<I>(self, values: I) -> Condition<T>
    where
        V: ListField,
        I: IntoIterator,
        I::Item: IntoOperand<V::Element, On = AnyEntity>,
    {
        Condition::new(list::<V::Element, _>(self.property(), ListMatch::ContainsAll, values))
    }

    /// One of `values` at least is an element of the list; of none, no list.
    pub fn overlaps<I>(self, values: I) -> Condition<T>
    where
        V: ListField,
        I: IntoIterator,
        I::Item: IntoOperand<V::Element, On = AnyEntity>,
    {
        Condition::new(list::<V::Element, _>(self.property(), ListMatch::Overlaps, values))
    }

    /// A list with nothing in it. NULL is none.
    pub fn is_empty(self) -> Condition<T>
    where
        V: ListField + Measured,
    {
        self.length().eq(0)
    }
}

fn list<V, I>(property: usize, matching: ListMatch, values: I) -> Expression
where
    V: ArrayElement,
    I: IntoIterator,
    I::Item: IntoOperand<V, On = AnyEntity>,
{
    let values = values.into_iter().map(|value| match value.into_operand() {
        Operand::Value(value) => Ok(value),
        Operand::Invalid(error) => Err(error),
        Operand::Term(_) => Err(ValueError::Invalid {
            expected: "element",
            reason: "what is looked for in a list is a value of the program".to_owned(),
        }),
    });
    match values.collect::<Result<Vec<Value>, ValueError>>() {
        Ok(values) => Expression::List { property, matching, list: array_of::<V>(values) },
        Err(error) => Expression::Invalid { property, error },
    }
}
