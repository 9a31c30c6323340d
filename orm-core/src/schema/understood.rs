//! A live database in the words of a [`Schema`]: what a driver makes of what the database says of itself.
//!
//! The way back from [`database`](super::database), as far as there is one. What a schema has no words for is left out,
//! and said.

use super::Schema;
use super::database::DatabaseName;

/// What was understood of a live database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnderstoodSchema {
    /// Its tables and views. A constraint or an index without a name of its own has an empty one; the columns of views are
    /// not told.
    pub schema: Schema,
    /// What of it the schema does not say.
    pub left_out: Vec<LeftOut>,
}

/// Something that a database holds and a [`Schema`] has no words for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The table that it belongs to, or the view or table that it is.
    pub table: DatabaseName,
    /// What it is, and why it is left out: a line for people.
    pub what: String,
}
