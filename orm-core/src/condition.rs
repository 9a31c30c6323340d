//! The meaning of `where` and `order by`, without SQL.
//!
//! [`Condition`] is what users write, typed by entity and field; [`Expression`] is what a driver gets: a tree over
//! the indexes of one entity's properties and relations. How a relation becomes a join is the driver's affair.

mod contents;
mod embedded;
mod expression;
mod field;
mod order;
mod relation;
mod term;
mod typed;

pub use contents::{Contains, ListField, Measured};
pub use embedded::{Embedded, FieldOf};
pub use expression::{Comparison, Expression, ListMatch, Quantifier, TextMatch};
pub use field::{Condition, Field, TextField};
pub use order::{OrderBy, OrderTerm};
pub use relation::{IntoKeyOperand, ToMany, ToOne};
pub use term::{Aggregation, Arithmetic, Fragment, FragmentPart, Function, NullPlace, Term};
pub use typed::{Aggregate, Expr, Having, IntoExpr, Number, count_rows};
