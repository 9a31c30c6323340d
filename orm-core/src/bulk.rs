//! Reads and writes of many rows without the unit of work: no snapshots, no change sets, no order between types.
//!
//! What these write reaches the database at once, in the context's transaction if one is open. The identity map is
//! not told, but by `upsert`, which returns managed entities. `row` turns values into rows, `writer` sends them.

mod conditional;
mod conflict;
mod fields;
mod insert;
mod row;
mod upsert;
mod value_row;
mod writer;

pub use conditional::{Assign, DeleteMany, UpdateMany};
pub use fields::FieldSet;
pub use insert::InsertMany;
pub use upsert::{Upsert, UpsertMany, UpsertMode, UpsertOne};
