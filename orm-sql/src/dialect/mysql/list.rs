//! Conditions on the elements of a list, which is JSON: its elements read out as rows, and compared as what they are.

use orm_core::condition::ListMatch;
use orm_core::value::ColumnType;
use sea_query::{Alias, Expr, ExprTrait, Func, Keyword, SelectStatement, TableRef};

use super::constant;

/// `IF(column IS NULL, NULL, …)`, since nothing tells the rows of no list from those of an empty one.
pub(super) fn by_elements(matching: ListMatch, element: ColumnType, column: Expr, list: Expr) -> Expr {
    let own = Elements { alias: "k", element };
    let wanted = Elements { alias: "w", element };
    let is_met = match matching {
        ListMatch::ContainsAll => {
            let mut found = own.of(column.clone());
            found.and_where(own.value().eq(wanted.value()));
            let mut missing = wanted.of(list);
            missing.and_where(Expr::exists(found).not());
            Expr::exists(missing).not()
        }
        ListMatch::Overlaps => {
            let mut found = wanted.of(list);
            found.and_where(own.value().eq(wanted.value()));
            let mut shared = own.of(column.clone());
            shared.and_where(Expr::exists(found));
            Expr::exists(shared)
        }
    };
    Func::cust("IF").args([column.is_null(), Expr::Keyword(Keyword::Null), is_met]).into()
}

/// The elements of a list as rows.
#[derive(Clone, Copy)]
struct Elements {
    alias: &'static str,
    element: ColumnType,
}

impl Elements {
    /// `SELECT 1 FROM JSON_TABLE(list, '$[*]' COLUMNS (v … PATH '$')) AS alias`.
    fn of(self, list: Expr) -> SelectStatement {
        let columns = format!("?, '$[*]' COLUMNS (v {} PATH '$' ERROR ON ERROR)", self.type_name());
        let rows = Func::cust("JSON_TABLE").arg(Expr::cust_with_exprs(columns, [list]));
        let mut elements = SelectStatement::new();
        elements.expr(constant(1)).from(TableRef::FunctionCall(rows, Alias::new(self.alias).into()));
        elements
    }

    /// Texts by their bytes: a collation might take two of them for one.
    fn value(self) -> Expr {
        let value = Expr::col((Alias::new(self.alias), Alias::new("v")));
        match self.type_name() {
            TEXT => value.cast_as("BINARY"),
            _ => value,
        }
    }

    /// What an element is in JSON: a truth value, a number, or the text of anything else.
    fn type_name(self) -> &'static str {
        match self.element {
            ColumnType::Bool => "TINYINT",
            ColumnType::Int(_) | ColumnType::UnsignedInt(_) => "BIGINT",
            ColumnType::Float | ColumnType::Double => "DOUBLE",
            ColumnType::Decimal => "DECIMAL(65,30)",
            _ => TEXT,
        }
    }
}

const TEXT: &str = "LONGTEXT CHARACTER SET utf8mb4";
