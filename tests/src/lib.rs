//! The suite that every driver must pass.
//!
//! A behaviour is one function in [`suite`], generic over the [`Backend`]; its test target runs each on every
//! database that is there. Statements are counted by the [`Recorder`], which wraps the driver and injects faults.

#![forbid(unsafe_code)]

pub mod backend;
pub mod databases;
pub mod fixtures;
pub mod folder;
pub mod hoard;
pub mod hostile;
pub mod log;
pub mod model;
pub mod plain;
pub mod proxy;
pub mod recorder;
#[expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a behaviour panics where its promise is broken, fails with whatever it did not expect, and may print figures"
)]
pub mod suite;

pub use backend::{Backend, Limited, OnFile, Sqlite, SqliteAlone, SqliteFile, TestDb};
pub use hoard::{Hoard, Mood};
pub use log::Log;
pub use recorder::{Fault, Operation, Recorder};
