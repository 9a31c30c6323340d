//! A value that is computed for each row, as data.

use std::borrow::Cow;

use super::expression::{Expression, Quantifier};
use crate::value::{Value, ValueError};

/// A value computed for each row of one entity, or for a group of rows. Indexes of properties and relations are that
/// entity's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// A property of one column: of the entity, or of one that to-one relations lead to. NULL where there is none.
    Property {
        /// The to-one relations that lead to it, each an index at the entity that the one before leads to.
        path: Vec<usize>,
        /// The property at the end of the path.
        property: usize,
    },
    /// A value that is the same for each row.
    Value(Value),
    /// Two numbers make one.
    Arithmetic {
        /// How.
        operator: Arithmetic,
        /// The first.
        left: Box<Term>,
        /// The second.
        right: Box<Term>,
    },
    /// What a function makes of its arguments.
    Call {
        /// The function.
        function: Function,
        /// As many as the function takes.
        arguments: Vec<Term>,
    },
    /// One value for a group of rows.
    Aggregate {
        /// Which.
        aggregate: Aggregation,
        /// Of what; only [`Aggregation::Count`] counts rows without it.
        of: Option<Box<Term>>,
    },
    /// A value where the row meets a condition, NULL where it does not.
    When {
        /// The condition.
        condition: Box<Expression>,
        /// The value.
        then: Box<Term>,
    },
    /// Text that the program trusts, for databases that speak SQL.
    Fragment(Fragment),
    /// A value that no column could hold; reported when the query runs.
    Invalid(ValueError),
}

impl Term {
    /// A property of the entity itself.
    #[must_use]
    pub fn property(property: usize) -> Self {
        Self::Property { path: Vec::new(), property }
    }

    /// The property, if it is just one of the entity itself.
    #[must_use]
    pub fn as_property(&self) -> Option<usize> {
        match self {
            Self::Property { path, property } if path.is_empty() => Some(*property),
            _ => None,
        }
    }

    /// The terms that it is made of, one level down.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        let list: Vec<&Self> = match self {
            Self::Arithmetic { left, right, .. } => vec![&**left, &**right],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Aggregate { of, .. } => of.iter().map(|of| &**of).collect(),
            Self::When { then, .. } => vec![&**then],
            Self::Fragment(fragment) => fragment.terms().collect(),
            Self::Property { .. } | Self::Value(_) | Self::Invalid(_) => Vec::new(),
        };
        list.into_iter()
    }

    /// As [`parts`](Self::parts), to be changed.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Arithmetic { left, right, .. } => vec![&mut **left, &mut **right],
            Self::Call { arguments, .. } => arguments.iter_mut().collect(),
            Self::Aggregate { of, .. } => of.iter_mut().map(|of| &mut **of).collect(),
            Self::When { then, .. } => vec![&mut **then],
            Self::Fragment(fragment) => fragment.terms_mut().collect(),
            Self::Property { .. } | Self::Value(_) | Self::Invalid(_) => Vec::new(),
        }
    }

    /// Whether it is for a group of rows, or has a part that is.
    #[must_use]
    pub fn is_aggregate(&self) -> bool {
        matches!(self, Self::Aggregate { .. }) || self.parts().any(Self::is_aggregate)
    }

    /// Whether it looks at one of these properties of the entity itself.
    pub(crate) fn looks_at(&self, is_meant: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Property { path, property } => path.is_empty() && is_meant(*property),
            // Its text may name anything.
            Self::Fragment(_) => true,
            _ => self.parts().any(|part| part.looks_at(is_meant)),
        }
    }

    /// Makes it a term of what relation `relation` belongs to, computed for the relation's target.
    pub(crate) fn lead_through(&mut self, relation: usize) {
        match self {
            Self::Property { path, .. } => path.insert(0, relation),
            Self::When { condition, .. } => {
                let inner = std::mem::replace(condition, Box::new(Expression::always()));
                **condition = Expression::Related { relation, quantifier: Quantifier::Is, inner };
            }
            _ => {}
        }
        self.parts_mut().into_iter().for_each(|part| part.lead_through(relation));
    }

    /// The first value in it that no column could hold.
    pub(crate) fn invalid(&self) -> Option<&ValueError> {
        match self {
            Self::Invalid(error) => Some(error),
            _ => self.parts().find_map(Self::invalid),
        }
    }
}

/// Operations on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// The sum.
    Add,
    /// The difference.
    Subtract,
    /// The product.
    Multiply,
    /// The quotient; of integers the whole part, of which the database decides the sign.
    Divide,
    /// What is left over by a division of integers.
    Remainder,
}

/// Functions of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// A text in lower case, as far as the database knows the letters.
    Lower,
    /// A text in upper case, as far as the database knows the letters.
    Upper,
    /// The number of characters of a text.
    Length,
    /// The number of elements of a list.
    ListLength,
    /// A text without spaces at its ends.
    Trim,
    /// A number without its sign.
    Abs,
    /// The first of its arguments, two or more, that is not NULL.
    Coalesce,
    /// Its arguments, texts, one after the other; NULL if one of them is.
    Concat,
}

/// One value for a group of rows. NULLs do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// How many different ones there are.
    CountDistinct,
    /// All together; NULL of none.
    Sum,
    /// The mean; NULL of none.
    Average,
    /// The least; NULL of none.
    Min,
    /// The greatest; NULL of none.
    Max,
}

/// Where NULL stands in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullPlace {
    /// Before everything else.
    First,
    /// After everything else.
    Last,
}

/// A piece of SQL that the program trusts, with values and fields in it. Only drivers that speak SQL take one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// What stands one after the other.
    pub parts: Vec<FragmentPart>,
}

impl Fragment {
    /// The fields and computed values in it.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.parts.iter().filter_map(|part| match part {
            FragmentPart::Term(term) => Some(term),
            FragmentPart::Text(_) | FragmentPart::Value(_) => None,
        })
    }

    /// As [`terms`](Self::terms), to be changed.
    pub(crate) fn terms_mut(&mut self) -> impl Iterator<Item = &mut Term> {
        self.parts.iter_mut().filter_map(|part| match part {
            FragmentPart::Term(term) => Some(term),
            FragmentPart::Text(_) | FragmentPart::Value(_) => None,
        })
    }
}

/// A part of a [`Fragment`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FragmentPart {
    /// Text of the program.
    Text(Cow<'static, str>),
    /// A value, to be bound.
    Value(Value),
    /// A field of the entity, or what else is computed.
    Term(Term),
}
