//! Groups where each value has a placeholder of its own, so that a computed value is equal to no other that is written the
//! same: what a group is made of is named by its place, and what is asked of it is asked of its rows.

use std::borrow::Cow;

use orm_core::condition::{Expression, FragmentPart, Term};
use orm_core::driver::{Reading, Select, Selection};

use super::shape::flattened;
use crate::dialect::Dialect;

/// `select`, with the conditions on groups that have no aggregate in them as conditions on their rows, which is the same.
pub(super) fn rows_before_groups<'s>(dialect: &dyn Dialect, select: &'s Select) -> Cow<'s, Select> {
    let is_meant = dialect.numbers_placeholders() && select.group_by.iter().any(binds);
    let having = match &select.having {
        Expression::And(_) => flattened(&select.having),
        other => vec![other],
    };
    if !is_meant || !having.iter().any(|part| is_of_rows(part)) {
        return Cow::Borrowed(select);
    }
    let (rows, groups): (Vec<&Expression>, Vec<&Expression>) =
        having.into_iter().partition(|part| is_of_rows(part));
    let all = |parts: Vec<&Expression>| Expression::And(parts.into_iter().cloned().collect());
    let mut moved = select.clone();
    moved.condition = Expression::And(vec![moved.condition, all(rows)]);
    moved.having = all(groups);
    Cow::Owned(moved)
}

/// Whether a condition can be told of one row. Text of the program may have an aggregate in it.
fn is_of_rows(expression: &Expression) -> bool {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().all(is_of_rows),
        Expression::Not(inner) => is_of_rows(inner),
        Expression::CompareTerms { left, right, .. } => is_row_value(left) && is_row_value(right),
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => is_row_value(term),
        Expression::Fragment(_) => false,
        Expression::Related { .. }
        | Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::IsNull { .. }
        | Expression::Between { .. }
        | Expression::Text { .. }
        | Expression::List { .. }
        | Expression::KeyIn { .. }
        | Expression::References { .. }
        | Expression::Invalid { .. } => true,
    }
}

fn is_row_value(term: &Term) -> bool {
    !matches!(term, Term::Aggregate { .. } | Term::Fragment(_)) && term.parts().all(is_row_value)
}

/// The number of a selected column that a group is made of, where the two would not be known to be the same: each value
/// in them has a placeholder of its own.
pub(super) fn place_of(
    dialect: &dyn Dialect,
    select: &Select,
    reading: Reading,
    term: &Term,
) -> Option<usize> {
    let Selection::Terms(selected) = &select.selection else { return None };
    if !dialect.numbers_placeholders() || reading == Reading::Count || !binds(term) {
        return None;
    }
    selected.iter().position(|selected| selected == term).map(|place| place + 1)
}

/// Whether there is a value in a term.
fn binds(term: &Term) -> bool {
    match term {
        // Its condition may have one.
        Term::Value(_) | Term::When { .. } => true,
        Term::Fragment(fragment) => {
            fragment.parts.iter().any(|part| matches!(part, FragmentPart::Value(_)))
                || fragment.terms().any(binds)
        }
        term => term.parts().any(binds),
    }
}
