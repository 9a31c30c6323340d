//! The SQLite driver at its contract: operations in, rows out, on real databases.

#![expect(clippy::unwrap_used, reason = "a test whose preparations fail has failed")]

#[path = "../../../orm-sql/tests/text/fixture.rs"]
mod fixture;
#[path = "../../../orm-sql/tests/text/operations.rs"]
mod operations;

mod cancel;
mod conditions;
mod database;
mod errors;
mod migrations;
mod options;
mod savepoints;
mod set_based;
mod terms;
mod transactions;
mod values;
mod world;
mod writes;
