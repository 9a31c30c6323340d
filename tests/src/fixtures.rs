//! Entities of the suite: one small model a file.

pub mod blog;
