//! The suite that every driver must pass.
//!
//! A behaviour is one function in [`suite`], generic over the [`Backend`]; [`driver_suite!`] makes a test of each for
//! one backend. Statements are counted by the [`Recorder`], which wraps the driver and injects faults.

#![forbid(unsafe_code)]

pub mod backend;
pub mod fixtures;
pub mod recorder;
pub mod suite;

pub use backend::{Backend, Sqlite, TestDb};
pub use recorder::{Fault, Operation, Recorder};
