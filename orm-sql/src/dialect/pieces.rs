//! Statements that sea-query has no words for, put together of pieces that it has.

use sea_query::{DynIden, Expr, InsertStatement, QueryBuilder, SelectStatement, TableRef, Values};

/// A statement, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(&'static str),
    Name(DynIden),
    Expr(Expr),
    Table(TableRef),
    Insert(Box<InsertStatement>),
}

impl Pieces {
    pub(crate) fn text(mut self, text: &'static str) -> Self {
        self.0.push(Piece::Text(text));
        self
    }

    pub(crate) fn name(mut self, name: DynIden) -> Self {
        self.0.push(Piece::Name(name));
        self
    }

    pub(crate) fn expr(mut self, expr: Expr) -> Self {
        self.0.push(Piece::Expr(expr));
        self
    }

    pub(crate) fn table(mut self, table: TableRef) -> Self {
        self.0.push(Piece::Table(table));
        self
    }

    pub(crate) fn insert(mut self, insert: InsertStatement) -> Self {
        self.0.push(Piece::Insert(Box::new(insert)));
        self
    }

    /// Several of one kind, with commas between them.
    pub(crate) fn list<T>(self, items: impl IntoIterator<Item = T>, add: impl Fn(Self, T) -> Self) -> Self {
        let mut is_first = true;
        items.into_iter().fold(self, |pieces, item| {
            let pieces = if std::mem::replace(&mut is_first, false) { pieces } else { pieces.text(", ") };
            add(pieces, item)
        })
    }

    /// The text, and the values of its placeholders in text order.
    pub(crate) fn build<B: QueryBuilder>(&self, builder: fn() -> B) -> (String, Values) {
        const SELECT: &str = "SELECT ";
        const FROM: &str = "SELECT 1 FROM ";
        let mut text = String::new();
        let mut values = Vec::new();
        let mut add = |(built, more): (String, Values), before: &str| {
            text.push_str(built.strip_prefix(before).unwrap_or(&built));
            values.extend(more.0);
        };
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => add(((*piece).to_owned(), Values(Vec::new())), ""),
                Piece::Name(name) => {
                    let column = SelectStatement::new().expr(Expr::col(name.clone())).take();
                    add(column.build(builder()), SELECT);
                }
                Piece::Expr(expr) => {
                    add(SelectStatement::new().expr(expr.clone()).build(builder()), SELECT);
                }
                Piece::Table(table) => {
                    let one = Expr::Constant(1_i32.into());
                    add(SelectStatement::new().expr(one).from(table.clone()).build(builder()), FROM);
                }
                Piece::Insert(insert) => add(insert.build(builder()), ""),
            }
        }
        (text, Values(values))
    }
}
