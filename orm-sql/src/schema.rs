//! Tables as text.
//!
//! `ddl` makes what metadata implies. The rest compares what a database holds with what it would hold: `definition` reads
//! the texts in which some databases keep their tables, `compare` finds the changes, `apply` says what they lead to, and a
//! dialect's `Alterations` says how they are made. `understand` reads what a database holds back into the model.

pub(crate) mod alter;
mod apply;
pub(crate) mod change;
mod compare;
mod ddl;
pub(crate) mod definition;
mod diff;
pub(crate) mod tokens;
mod understand;
pub(crate) mod views;

pub(crate) use ddl::{create, drop};
pub(crate) use diff::diff;
pub(crate) use understand::understand;
