//! Reads and writes of many rows without the unit of work: no snapshots, no change sets, no order between types.
//!
//! What these write reaches the database at once, in the context's transaction if one is open. The identity map is
//! not told, but by `upsert`, which returns managed entities. `making` adds what the ORM itself gives rows, `row` turns
//! values into rows, `writer` sends them.
//!
//! No hook of an entity and no subscriber runs: they are of the unit of work. Made values and versions are of the row.

mod conditional;
mod conflict;
mod fields;
mod insert;
mod making;
mod row;
mod upsert;
mod writer;

pub use conditional::{Assign, DeleteMany, UpdateMany};
pub use fields::FieldSet;
pub use insert::InsertMany;
pub use upsert::{Upsert, UpsertMany, UpsertMode, UpsertOne};
pub(crate) use writer::{Extent, Writer};
