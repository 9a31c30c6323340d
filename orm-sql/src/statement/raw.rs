//! Statements as the program wrote them, with placeholders for their values.

use orm_core::driver::{DriverError, Raw, RawEffect, RawPart};

use super::{Statement, unsupported};
use crate::dialect::{Dialect, TextPiece};

/// What the text of `raw` can do, if it is one statement that may run with its values.
pub(super) fn effect(dialect: &dyn Dialect, raw: &Raw) -> Result<RawEffect, DriverError> {
    for part in &raw.parts {
        if let RawPart::Value(value) = part {
            let unfit = |error| unsupported(format!("a value can't be bound: {error}"));
            dialect.check(value).map_err(unfit)?;
        }
    }
    let pieces: Vec<TextPiece<'_>> = raw.parts.iter().map(piece).collect();
    dialect.statement_effect(&pieces).map_err(unsupported)
}

fn piece(part: &RawPart) -> TextPiece<'_> {
    match part {
        RawPart::Text(text) => TextPiece::Text(text),
        RawPart::Value(_) => TextPiece::Place,
    }
}

/// As [`effect`] has let it pass.
pub(super) fn statement(dialect: &dyn Dialect, raw: &Raw) -> Statement {
    let mut sql = String::new();
    let mut values = Vec::new();
    let mut is_behind_place = false;
    for part in &raw.parts {
        match part {
            RawPart::Text(text) => {
                // A digit would become part of the placeholder.
                if is_behind_place && text.starts_with(|next: char| next.is_alphanumeric()) {
                    sql.push(' ');
                }
                sql.push_str(text);
            }
            RawPart::Value(value) => {
                values.push(value.clone().into());
                sql.push_str(&dialect.placeholder(values.len()));
            }
        }
        is_behind_place = matches!(part, RawPart::Value(_));
    }
    Statement { sql: sql.into(), values, reusable: false }
}
