//! The suite on each database, and the compile-fail tests of the derives.

mod documents;
mod minimal_driver;
mod model;
mod sqlite;
mod ui;
