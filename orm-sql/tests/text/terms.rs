//! Computed values in conditions and orders.

use expect_test::{Expect, expect};
use orm_core::condition::{
    Aggregation, Arithmetic, Comparison, Expression, Fragment, FragmentPart, Function, NullPlace, OrderTerm,
    Term, TextMatch,
};
use orm_core::driver::{DriverErrorKind, Select};
use orm_core::value::Value;
use orm_sql::Statements;

use crate::check;
use crate::operations::{On, decimal, int, not, on, text};

/// A field of the entity itself.
pub(crate) fn field(on: &On, name: &str) -> Term {
    Term::property(on.field(name))
}

/// A field of what a to-one relation leads to.
pub(crate) fn through(from: &On, relation: &str, to: &On, name: &str) -> Term {
    Term::Property { path: vec![from.relation(relation).index], property: to.field(name) }
}

pub(crate) fn calculate(left: Term, operator: Arithmetic, right: Term) -> Term {
    Term::Arithmetic { operator, left: Box::new(left), right: Box::new(right) }
}

pub(crate) fn call<const N: usize>(function: Function, arguments: [Term; N]) -> Term {
    Term::Call { function, arguments: arguments.into() }
}

pub(crate) fn aggregate(aggregate: Aggregation, of: Term) -> Term {
    Term::Aggregate { aggregate, of: Some(Box::new(of)) }
}

pub(crate) fn count_rows() -> Term {
    Term::Aggregate { aggregate: Aggregation::Count, of: None }
}

pub(crate) fn compare(left: Term, comparison: Comparison, right: Term) -> Expression {
    Expression::CompareTerms { left, comparison, right }
}

/// The condition of `select` in its text, and what it binds.
#[track_caller]
fn check_condition(on: &On, condition: Expression, expected: &Expect) {
    let statement = Statements::sqlite().select(&on.select(condition)).unwrap();
    let (_, condition) = statement.sql.split_once(" FROM ").unwrap();
    expected.assert_eq(&format!("{condition}\n{:?}\n", statement.values));
}

#[test]
fn arithmetic_keeps_its_grouping() {
    let author = on("Author");
    let id = || field(&author, "id");
    let two = || Term::Value(int(2));
    let sum = || calculate(id(), Arithmetic::Add, two());
    for (term, expected) in [
        (
            calculate(sum(), Arithmetic::Multiply, sum()),
            expect![[r#"
            "author" AS "t0" WHERE ("t0"."id" + ?) * ("t0"."id" + ?) > ?
            [2, 2, 0]
        "#]],
        ),
        (
            calculate(id(), Arithmetic::Subtract, calculate(id(), Arithmetic::Subtract, two())),
            expect![[r#"
            "author" AS "t0" WHERE "t0"."id" - ("t0"."id" - ?) > ?
            [2, 0]
        "#]],
        ),
        (
            calculate(calculate(id(), Arithmetic::Subtract, id()), Arithmetic::Subtract, two()),
            expect![[r#"
            "author" AS "t0" WHERE "t0"."id" - "t0"."id" - ? > ?
            [2, 0]
        "#]],
        ),
        (
            calculate(id(), Arithmetic::Divide, calculate(id(), Arithmetic::Multiply, two())),
            expect![[r#"
            "author" AS "t0" WHERE "t0"."id" / ("t0"."id" * ?) > ?
            [2, 0]
        "#]],
        ),
        (
            calculate(sum(), Arithmetic::Remainder, call(Function::Abs, [id()])),
            expect![[r#"
            "author" AS "t0" WHERE ("t0"."id" + ?) % abs("t0"."id") > ?
            [2, 0]
        "#]],
        ),
    ] {
        check_condition(&author, compare(term, Comparison::Greater, Term::Value(int(0))), &expected);
    }
}

#[test]
fn functions_of_text_are_called_by_their_names() {
    let author = on("Author");
    let name = || field(&author, "name");
    let lowered =
        compare(call(Function::Lower, [name()]), Comparison::Equal, call(Function::Upper, [name()]));
    check_condition(
        &author,
        lowered,
        &expect![[r#"
        "author" AS "t0" WHERE lower("t0"."name") = upper("t0"."name")
        []
    "#]],
    );
    let trimmed = call(Function::Length, [call(Function::Trim, [name()])]);
    check_condition(
        &author,
        compare(trimmed, Comparison::LessOrEqual, Term::Value(int(3))),
        &expect![[r#"
        "author" AS "t0" WHERE length(trim("t0"."name")) <= ?
        [3]
    "#]],
    );
    let joined = call(Function::Concat, [name(), Term::Value(text("'; --")), field(&author, "email")]);
    check_condition(
        &author,
        compare(joined, Comparison::NotEqual, name()),
        &expect![[r#"
        "author" AS "t0" WHERE (("t0"."name" || ?) || "t0"."email") <> "t0"."name"
        ["'; --"]
    "#]],
    );
}

#[test]
fn a_missing_value_has_another_in_its_place() {
    let (author, book) = (on("Author"), on("Book"));
    let email = call(
        Function::Coalesce,
        [field(&author, "email"), field(&author, "name"), Term::Value(text("none"))],
    );
    check_condition(
        &author,
        compare(email, Comparison::Equal, Term::Value(text("a"))),
        &expect![[r#"
        "author" AS "t0" WHERE coalesce("t0"."email", "t0"."name", ?) = ?
        ["none", "a"]
    "#]],
    );
    // Decimals stay comparable as numbers.
    let price = call(Function::Coalesce, [field(&book, "price"), Term::Value(decimal("1.50"))]);
    check_condition(
        &book,
        compare(price, Comparison::Less, Term::Value(decimal("9.5"))),
        &expect![[r#"
        "book" AS "t0" WHERE (coalesce("t0"."price", ?) COLLATE orm_decimal) < ?
        [1.50, 9.5]
    "#]],
    );
}

#[test]
fn terms_are_listed_missing_and_matched() {
    let author = on("Author");
    let name = || call(Function::Lower, [field(&author, "name")]);
    let listed = Expression::TermIn { term: name(), values: vec![text("a"), text("b"), text("a")] };
    check_condition(
        &author,
        listed,
        &expect![[r#"
        "author" AS "t0" WHERE lower("t0"."name") IN (SELECT "k"."value" FROM json_each(?) AS "k")
        ["[\"a\",\"b\",\"a\"]"]
    "#]],
    );
    let one = Expression::TermIn { term: name(), values: vec![text("a")] };
    check_condition(
        &author,
        one,
        &expect![[r#"
        "author" AS "t0" WHERE lower("t0"."name") = ?
        ["a"]
    "#]],
    );
    // What is compared with nothing binds nothing.
    let computed = call(Function::Concat, [name(), Term::Value(text("x"))]);
    let none = Expression::TermIn { term: computed, values: Vec::new() };
    check_condition(
        &author,
        none,
        &expect![[r#"
        "author" AS "t0" WHERE 1 = 0
        []
    "#]],
    );
    check_condition(
        &author,
        not(Expression::TermIsNull { term: name() }),
        &expect![[r#"
        "author" AS "t0" WHERE NOT lower("t0"."name") IS NULL
        []
    "#]],
    );
    // A value in the term is bound once.
    let joined = || call(Function::Concat, [name(), Term::Value(text("x"))]);
    for (matching, expected) in [
        (
            TextMatch::Like,
            expect![[r#"
            "author" AS "t0" WHERE (lower("t0"."name") || ?) LIKE ?
            ["x", "%_\\"]
        "#]],
        ),
        (
            TextMatch::LikeIgnoringCase,
            expect![[r#"
            "author" AS "t0" WHERE (lower("t0"."name") || ?) LIKE ?
            ["x", "%_\\"]
        "#]],
        ),
        (
            TextMatch::Contains,
            expect![[r#"
            "author" AS "t0" WHERE instr(lower("t0"."name") || ?, ?) > 0
            ["x", "%_\\"]
        "#]],
        ),
        (
            TextMatch::StartsWith,
            expect![[r#"
            "author" AS "t0" WHERE instr(lower("t0"."name") || ?, ?) = 1
            ["x", "%_\\"]
        "#]],
        ),
        (
            TextMatch::EndsWith,
            expect![[r#"
            "author" AS "t0" WHERE substr(CAST(((x'ff') || (lower("t0"."name") || ?)) AS BLOB), ?) = ?
            ["x", -3, 3 bytes]
        "#]],
        ),
    ] {
        let text = "%_\\".to_owned();
        check_condition(&author, Expression::TermText { term: joined(), matching, text }, &expected);
    }
}

#[test]
fn terms_of_related_entities_share_a_join() {
    let (book, author) = (on("Book"), on("Author"));
    let name = || through(&book, "author", &author, "name");
    let both = compare(name(), Comparison::Equal, field(&book, "title"))
        .and(Expression::TermIsNull { term: through(&book, "author", &author, "email") })
        .and(Expression::TermIsNull { term: through(&book, "editor", &author, "email") });
    let order = vec![OrderTerm {
        term: call(Function::Lower, [name()]),
        descending: true,
        nulls: None,
        value_type: None,
    }];
    check(
        &Select { order, ..book.select(both) },
        &expect![[r#"
        SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t0"."editor_id" WHERE "t1"."name" = "t0"."title" AND "t1"."email" IS NULL AND "t2"."email" IS NULL ORDER BY lower("t1"."name") DESC
    "#]],
    );
}

#[test]
fn nulls_stand_where_the_order_says() {
    let author = on("Author");
    let email = || field(&author, "email");
    let term = |term: Term, descending: bool, nulls: Option<NullPlace>| OrderTerm {
        term,
        descending,
        nulls,
        value_type: None,
    };
    let order = vec![
        term(email(), false, Some(NullPlace::First)),
        term(email(), true, Some(NullPlace::Last)),
        term(call(Function::Length, [email()]), false, Some(NullPlace::Last)),
        term(calculate(field(&author, "id"), Arithmetic::Multiply, Term::Value(int(-1))), true, None),
    ];
    check(
        &Select { order, limit: Some(5), ..author.select(author.eq("active", Value::Bool(true))) },
        &expect![[r#"
            SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."active" = ? ORDER BY "t0"."email" ASC NULLS FIRST, "t0"."email" DESC NULLS LAST, length("t0"."email") ASC NULLS LAST, "t0"."id" * ? DESC LIMIT ?
            -- [true, -1, 5]
        "#]],
    );
}

#[test]
fn fragments_stand_in_parentheses_with_their_values_bound() {
    let author = on("Author");
    let fragment = |parts: Vec<FragmentPart>| Fragment { parts };
    let text_part = |text: &'static str| FragmentPart::Text(text.into());
    let condition = Expression::Fragment(fragment(vec![
        text_part("length("),
        FragmentPart::Term(field(&author, "name")),
        text_part(") > "),
        FragmentPart::Value(int(3)),
        text_part(" or '?' = '{}'"),
    ]));
    check_condition(
        &author,
        not(condition),
        &expect![[r#"
        "author" AS "t0" WHERE NOT ((length( "t0"."name" ) >  ?  or '?' = '{}'))
        [3]
    "#]],
    );
}

#[test]
fn terms_without_sense_are_refused() {
    let (author, book) = (on("Author"), on("Book"));
    let refused = |on: &On, term: Term, reason: &str| {
        let error = Statements::sqlite().select(&on.select(Expression::TermIsNull { term })).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (DriverErrorKind::Unsupported, reason));
    };
    let price = || field(&book, "price");
    let exact = "this database can't calculate exactly with Book.price";
    refused(&book, calculate(price(), Arithmetic::Add, Term::Value(decimal("1"))), exact);
    refused(&book, call(Function::Abs, [price()]), exact);
    refused(&book, aggregate(Aggregation::Sum, price()), exact);
    let arguments = "the function Lower does not take 2 argument(s)";
    refused(&author, call(Function::Lower, [field(&author, "name"), field(&author, "name")]), arguments);
    refused(
        &author,
        call(Function::Coalesce, [field(&author, "name")]),
        "the function Coalesce does not take 1 argument(s)",
    );
    refused(
        &author,
        aggregate(Aggregation::Max, aggregate(Aggregation::Min, field(&author, "id"))),
        "an aggregate of an aggregate",
    );
    refused(&author, Term::Aggregate { aggregate: Aggregation::Max, of: None }, "an aggregate of nothing");
    refused(&author, Term::Value(Value::Float(f64::NAN)), "a value for an expression can't be stored");
    refused(&author, Term::property(99), "Author has no such property");
    let deep = (0..60).fold(field(&author, "name"), |term, _| call(Function::Lower, [term]));
    refused(&author, deep, "an expression is nested more than 48 levels deep");
}
