//! Unique indexes of those rows that meet a condition, which neither server has.
//!
//! They are indexes of what a column holds where the condition is met, and of NULL elsewhere, which conflicts with nothing:
//! of an expression in MySQL, of a column that is computed and not shown in MariaDB. An index that is not unique is one of
//! all rows.

use orm_core::schema::{Table, TableIndex};
use orm_core::value::ValueError;
use sea_query::{Alias, DynIden, Expr, MysqlQueryBuilder};

use super::MySql;
use super::column::type_of;
use crate::dialect::Pieces;
use crate::statement::table_name;

impl MySql {
    /// The statement that makes the index.
    pub(super) fn index_where(
        &self,
        table: &Table,
        index: &TableIndex,
        condition: &str,
    ) -> Result<String, ValueError> {
        let name = |name: &str| -> DynIden { Alias::new(name).into() };
        let place = || table_name(table.schema.as_deref(), &table.name).into();
        let met = |pieces: Pieces, column: &String| {
            let pieces = pieces.text("CASE WHEN (").expr(Expr::cust(condition.to_owned())).text(") THEN ");
            pieces.name(name(column)).text(" END")
        };
        let pieces = if !index.unique {
            let pieces =
                Pieces::default().text("CREATE INDEX ").name(name(&index.name)).text(" ON ").table(place());
            pieces.text(" (").list(&index.columns, |pieces, column| pieces.name(name(column))).text(")")
        } else if self.is_mariadb() {
            let mut pieces = Pieces::default().text("ALTER TABLE ").table(place());
            for (at, column) in index.columns.iter().enumerate() {
                let own = table.columns.iter().find(|own| own.name == *column);
                let own_type = own.map(|own| type_of(table, own)).transpose()?.unwrap_or_default();
                pieces = pieces.text(" ADD COLUMN ").name(name(&met_name(index, at)));
                pieces = pieces.text(" ").expr(Expr::cust(own_type)).text(" AS (");
                pieces = met(pieces, column).text(") VIRTUAL INVISIBLE,");
            }
            let pieces = pieces.text(" ADD UNIQUE INDEX ").name(name(&index.name)).text(" (");
            let columns = (0..index.columns.len()).map(|at| met_name(index, at));
            pieces.list(columns, |pieces, column| pieces.name(name(&column))).text(")")
        } else {
            let pieces = Pieces::default().text("CREATE UNIQUE INDEX ").name(name(&index.name));
            let pieces = pieces.text(" ON ").table(place()).text(" (");
            pieces.list(&index.columns, |pieces, column| met(pieces.text("("), column).text(")")).text(")")
        };
        Ok(pieces.build(|| MysqlQueryBuilder).0)
    }
}

/// The name of the computed column of an index.
fn met_name(index: &TableIndex, at: usize) -> String {
    const ROOM: usize = 58;
    let start: String = index.name.chars().take(ROOM).collect();
    format!("{start}_met{at}")
}
