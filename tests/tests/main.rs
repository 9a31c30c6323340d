//! The suite on each database, and the compile-fail tests of the derives.

mod documents;
mod model;
mod sqlite;
mod ui;
