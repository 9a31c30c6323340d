//! Texts are kept, within bounds.

use std::sync::Arc;

use orm_core::condition::Expression;
use orm_sql::Statements;

use crate::operations::{int, key, not, on, text};

#[test]
fn a_second_query_of_one_shape_gets_the_same_text() {
    let author = on("Author");
    let statements = Statements::sqlite();
    let of = |name: &str| statements.select(&author.select(author.eq("name", text(name)))).unwrap();
    let (first, second) = (of("a"), of("b"));
    assert!(Arc::ptr_eq(&first.sql, &second.sql));
    assert_eq!(second.values, [text("b")]);
}

#[test]
fn queries_of_different_shape_get_different_texts() {
    let author = on("Author");
    let statements = Statements::sqlite();
    let (a, b) = (author.eq("name", text("a")), author.eq("email", text("b")));
    let conditions = [
        Expression::always(),
        Expression::never(),
        a.clone(),
        b.clone(),
        not(a.clone()),
        a.clone().and(b.clone()),
        a.clone().or(b.clone()),
        not(a.clone().and(b.clone())),
        not(a.clone()).and(b),
        author.in_("name", [text("a"), text("b")]),
        author.keys(None, [key([int(1)]), key([int(2)])]),
        author.some("books", Expression::always()),
        author.some("edited", Expression::always()),
        author.some("books", on("Book").is_null("editor")),
    ];
    let texts = conditions.map(|condition| statements.select(&author.select(condition)).unwrap().sql);
    for (at, text) in texts.iter().enumerate() {
        assert!(!texts[..at].contains(text), "{text}");
    }
}

#[test]
fn a_text_in_use_stays_while_many_others_come() {
    let author = on("Author");
    let statements = Statements::sqlite();
    let hot = || statements.select(&author.select(author.eq("name", text("a")))).unwrap().sql;
    let first = hot();
    for columns in 1..10_000_usize {
        // The bits of a number, as a shape.
        let bits = (0..14).map(|bit| match columns >> bit & 1 {
            0 => author.is_null("email"),
            _ => author.is_null("rating"),
        });
        statements.select(&author.select(bits.reduce(Expression::and).unwrap())).unwrap();
        if columns % 500 == 0 {
            assert!(Arc::ptr_eq(&first, &hot()), "after {columns}");
        }
    }
}
