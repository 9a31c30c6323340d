//! A condition as data.

use super::term::{Fragment, Term};
use crate::entity::CellRef;
use crate::value::{KeyValues, Value, ValueError};

/// A condition on one entity. Indexes of properties and relations are that entity's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// All of them; an empty list is always true.
    And(Vec<Expression>),
    /// Any of them; an empty list is never true.
    Or(Vec<Expression>),
    /// The opposite. NULL handling is SQL's: the opposite of unknown is unknown.
    Not(Box<Expression>),
    /// A scalar property against a value.
    Compare {
        /// The property.
        property: usize,
        /// The comparison.
        comparison: Comparison,
        /// The value, never [`Value::Null`].
        value: Value,
    },
    /// A scalar property is one of the values, none of them [`Value::Null`]; an empty list matches nothing.
    In {
        /// The property.
        property: usize,
        /// The values.
        values: Vec<Value>,
    },
    /// A property (all its columns) is NULL.
    IsNull {
        /// The property.
        property: usize,
    },
    /// A scalar property lies between two values, both included.
    Between {
        /// The property.
        property: usize,
        /// The least.
        low: Value,
        /// The greatest.
        high: Value,
    },
    /// A text property matches a pattern.
    Text {
        /// The property.
        property: usize,
        /// How the text is meant.
        matching: TextMatch,
        /// The text, unescaped.
        text: String,
    },
    /// A property that is a list has elements.
    List {
        /// The property.
        property: usize,
        /// How many of the elements it has.
        matching: ListMatch,
        /// The elements: a [`Value::Array`], which may be empty.
        list: Value,
    },
    /// The columns of a property, or of the primary key, are one of the keys; an empty list matches nothing.
    KeyIn {
        /// A foreign key's property; `None`: the primary key.
        property: Option<usize>,
        /// The keys, in the order of the columns.
        keys: Vec<KeyValues>,
    },
    /// A related entity meets a condition.
    Related {
        /// The relation.
        relation: usize,
        /// How many of them.
        quantifier: Quantifier,
        /// The condition, on the relation's target.
        inner: Box<Expression>,
    },
    /// A foreign key points to an entity of this context that may have no key yet; resolved before it is sent.
    References {
        /// The foreign key's property.
        property: usize,
        /// The entity.
        cell: CellRef,
    },
    /// Two computed values against each other.
    CompareTerms {
        /// The one.
        left: Term,
        /// The comparison.
        comparison: Comparison,
        /// The other.
        right: Term,
    },
    /// A computed value is one of these, none of them [`Value::Null`]; an empty list matches nothing.
    TermIn {
        /// The computed value.
        term: Term,
        /// The values.
        values: Vec<Value>,
    },
    /// A computed value is NULL.
    TermIsNull {
        /// The computed value.
        term: Term,
    },
    /// A computed text matches a pattern.
    TermText {
        /// The computed text.
        term: Term,
        /// How the text is meant.
        matching: TextMatch,
        /// The text, unescaped.
        text: String,
    },
    /// A condition in text that the program trusts.
    Fragment(Fragment),
    /// A value that no column could hold; reported when the query runs.
    Invalid {
        /// The property.
        property: usize,
        /// Why.
        error: ValueError,
    },
}

impl Expression {
    /// Always true.
    #[must_use]
    pub fn always() -> Self {
        Self::And(Vec::new())
    }

    /// Never true.
    #[must_use]
    pub fn never() -> Self {
        Self::Or(Vec::new())
    }

    /// Whether this is the empty AND.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Self::And(all) if all.is_empty())
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (this, other) if this.is_always() => other,
            (this, other) if other.is_always() => this,
            (Self::And(mut all), Self::And(more)) => {
                all.extend(more);
                Self::And(all)
            }
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (this, other) => Self::And(vec![this, other]),
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(mut any) if !any.is_empty() => {
                any.push(other);
                Self::Or(any)
            }
            this => Self::Or(vec![this, other]),
        }
    }
}

/// Comparisons of a property with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// How the text of a [`Expression::Text`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// A pattern with the database's own wildcards.
    Like,
    /// A pattern with the database's own wildcards, whatever the case of its letters.
    LikeIgnoringCase,
    /// Anywhere in the property, literally.
    Contains,
    /// At its start, literally.
    StartsWith,
    /// At its end, literally.
    EndsWith,
}

/// How many elements of a list another list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListMatch {
    /// Each of them; of none, whatever list it is.
    ContainsAll,
    /// At least one of them; of none, no list.
    Overlaps,
}

/// How many related entities must meet a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// The one of a to-one relation; false if there is none.
    Is,
    /// At least one.
    Some,
    /// Not one.
    None,
    /// Each; true if there is none.
    Every,
}
