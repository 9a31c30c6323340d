//! The text that operations become, as snapshots: `UPDATE_EXPECT=1 cargo test -p orm-sql` accepts new ones.

#![expect(clippy::unwrap_used, reason = "a test whose preparations fail has failed")]

mod fixture;
mod operations;

mod attributes;
mod cache;
mod diff;
mod family;
mod lists;
mod placeholders;
mod projections;
mod refused;
mod risk;
mod schema;
mod select;
mod sets;
mod terms;
mod write;

use expect_test::Expect;
use orm_core::driver::{Select, Write};
use orm_sql::{Statement, Statements};

/// The text of `select`, and what it binds.
#[track_caller]
fn check(select: &Select, expected: &Expect) {
    expected.assert_eq(&show(&[Statements::sqlite().select(select).unwrap()]));
}

/// The texts of `write`, and what they bind.
#[track_caller]
fn check_write(write: &Write, expected: &Expect) {
    let statements = Statements::sqlite().write(write).unwrap();
    let statements: Vec<Statement> = statements.into_iter().map(|one| one.statement).collect();
    expected.assert_eq(&show(&statements));
}

fn show(statements: &[Statement]) -> String {
    let lines = statements.iter().map(|statement| match statement.values.as_slice() {
        [] => format!("{}\n", statement.sql),
        values => format!("{}\n-- {values:?}\n", statement.sql),
    });
    lines.collect()
}
