//! What the examples share: how they show the statements that the ORM sends.
//!
//! The programs are in `examples/`, one file or folder each. The code in the workspace's README is compiled and run
//! as a test of this crate.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "examples show what they do")]

use orm_sqlx::StatementEvent;

/// Prints a statement, indented below the line that says what the program does.
pub fn print_statement(event: &StatementEvent<'_>) {
    println!("    {}", event.sql);
}

/// Stands for the README, whose code is tested with this crate.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
