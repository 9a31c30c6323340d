//! Writes by a join of rows and a table.
//!
//! The rows stand first and the join is a `STRAIGHT_JOIN`, so that each row of the table is found by its key, and no other
//! one is read and locked. Everything is named with its table: the rows have columns too.

use sea_query::{ColumnName, ColumnRef, DynIden, Expr, ExprTrait, InsertStatement, TableName, TableRef};

use super::{MySql, constant};
use crate::dialect::{AliasedTable, JoinedWrites, NewValue, Pieces, Query};

impl JoinedWrites for MySql {
    /// `UPDATE rows STRAIGHT_JOIN table ON … SET table.c = …`.
    fn update(
        &self,
        target: AliasedTable,
        source: TableRef,
        predicate: Expr,
        set: Vec<(DynIden, Expr)>,
    ) -> Query {
        let AliasedTable { table, alias } = target;
        let pieces = Pieces::default().text("UPDATE ").table(source).text(" STRAIGHT_JOIN ").table(table);
        let pieces = pieces.text(" ON ").expr(predicate).text(" SET ");
        Query::Pieces(pieces.list(set, |pieces, (column, value)| {
            pieces.expr(Expr::col((alias.clone(), column))).text(" = ").expr(value)
        }))
    }

    /// `DELETE table FROM rows STRAIGHT_JOIN table ON …`.
    fn delete(&self, target: AliasedTable, source: TableRef, predicate: Expr) -> Query {
        let AliasedTable { table, alias } = target;
        let pieces = Pieces::default().text("DELETE ").name(alias.into()).text(" FROM ").table(source);
        Query::Pieces(pieces.text(" STRAIGHT_JOIN ").table(table).text(" ON ").expr(predicate))
    }

    /// `INSERT … ON DUPLICATE KEY UPDATE c = IF(conflict = VALUES(conflict), VALUES(c), an error)`: that a row is there is
    /// told by any unique index.
    fn upsert(
        &self,
        insert: InsertStatement,
        table: TableName,
        conflict: Vec<DynIden>,
        set: Vec<(DynIden, NewValue)>,
    ) -> Pieces {
        let is_same = conflict.iter().map(|column| {
            let column = held(&table, column);
            Expr::cust_with_exprs("? = VALUES(?)", [column.clone(), column])
        });
        let is_same = is_same.reduce(|all, one| Expr::cust_with_exprs("? AND ?", [all, one]));
        let is_same = is_same.unwrap_or_else(|| constant(1));
        let set = set.into_iter().enumerate().map(|(at, (column, value))| {
            let own = held(&table, &column);
            let value = match value {
                NewValue::Given => Expr::cust_with_exprs("VALUES(?)", [own.clone()]),
                NewValue::Set(value) => value,
                NewValue::Raised => own.clone().add(constant(1)),
                NewValue::Held => own.clone(),
            };
            // One that fails is enough.
            match at {
                0 => {
                    let checked = "IF(?, ?, (SELECT 1 UNION ALL SELECT 2))";
                    (own, Expr::cust_with_exprs(checked, [is_same.clone(), value]))
                }
                _ => (own, value),
            }
        });
        let pieces = Pieces::default().insert(insert).text(" ON DUPLICATE KEY UPDATE ");
        pieces.list(set, |pieces, (column, value)| pieces.expr(column).text(" = ").expr(value))
    }
}

/// A column of the table itself: the rows that are inserted may have one of that name.
pub(super) fn held(table: &TableName, column: &DynIden) -> Expr {
    Expr::Column(ColumnRef::Column(ColumnName(Some(table.clone()), column.clone())))
}
