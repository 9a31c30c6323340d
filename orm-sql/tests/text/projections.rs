//! Columns, groups and numbers instead of entities, and limits for each owner.

use expect_test::{Expect, expect};
use orm_core::condition::{Aggregation, Comparison, Expression, Function, OrderTerm, Term};
use orm_core::driver::{DriverErrorKind, Items, LimitEach, Select, Selection};
use orm_core::metadata::{RelationId, Side};
use orm_core::value::{KeyValues, Value};
use orm_sql::Statements;

use crate::check;
use crate::operations::{int, key, on, text};
use crate::terms::{aggregate, call, compare, count_rows, field, through};

/// What counts the rows of `select`.
#[track_caller]
fn check_count(select: &Select, expected: &Expect) {
    expected.assert_eq(&crate::show(&[Statements::sqlite().count(select).unwrap()]));
}

fn by(term: Term) -> OrderTerm {
    OrderTerm { term, descending: true, nulls: None, value_type: None }
}

#[test]
fn chosen_values_are_selected_in_their_order() {
    let (book, author) = (on("Book"), on("Author"));
    let terms = vec![
        through(&book, "author", &author, "name"),
        field(&book, "title"),
        Term::Value(int(7)),
        call(Function::Length, [field(&book, "title")]),
    ];
    let select = Select {
        selection: Selection::Terms(terms),
        order: vec![by(field(&book, "id"))],
        limit: Some(2),
        ..book.select(book.eq("title", text("a")))
    };
    check(
        &select,
        &expect![[r#"
        SELECT "t1"."name", "t0"."title", ?, length("t0"."title") FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" WHERE "t0"."title" = ? ORDER BY "t0"."id" DESC LIMIT ?
        -- [7, "a", 2]
    "#]],
    );
    check_count(
        &select,
        &expect![[r#"
        SELECT COUNT(*) FROM "book" AS "t0" WHERE "t0"."title" = ?
        -- ["a"]
    "#]],
    );
}

#[test]
fn equal_rows_are_read_and_counted_once() {
    let book = on("Book");
    // Decimals are equal as numbers.
    let terms = vec![field(&book, "title"), field(&book, "price")];
    let select = Select {
        selection: Selection::Terms(terms),
        distinct: true,
        order: vec![by(field(&book, "title"))],
        ..book.select(Expression::always())
    };
    check(
        &select,
        &expect![[r#"
        SELECT DISTINCT "t0"."title", "t0"."price" COLLATE orm_decimal FROM "book" AS "t0" ORDER BY "t0"."title" DESC
    "#]],
    );
    check_count(
        &select,
        &expect![[r#"
            SELECT COUNT(*) FROM (SELECT DISTINCT "t0"."title" AS "c0", "t0"."price" COLLATE orm_decimal AS "c1" FROM "book" AS "t0") AS "counted"
        "#]],
    );
}

#[test]
fn every_aggregate_has_its_function() {
    let author = on("Author");
    let of = |aggregation: Aggregation, name: &str| aggregate(aggregation, field(&author, name));
    let terms = vec![
        count_rows(),
        of(Aggregation::Count, "email"),
        of(Aggregation::CountDistinct, "name"),
        of(Aggregation::Sum, "rating"),
        of(Aggregation::Average, "id"),
        of(Aggregation::Min, "name"),
        of(Aggregation::Max, "rating"),
    ];
    let all = Select { selection: Selection::Terms(terms), ..author.select(Expression::always()) };
    check(
        &all,
        &expect![[r#"
        SELECT COUNT(*), COUNT("t0"."email"), COUNT(DISTINCT "t0"."name"), SUM("t0"."rating"), AVG("t0"."id"), MIN("t0"."name"), MAX("t0"."rating") FROM "author" AS "t0"
    "#]],
    );
    // A decimal is the greatest as a number.
    let book = on("Book");
    let greatest = aggregate(Aggregation::Max, field(&book, "price"));
    let select = Select { selection: Selection::Terms(vec![greatest]), ..book.select(Expression::always()) };
    check(
        &select,
        &expect![[r#"
        SELECT MAX("t0"."price" COLLATE orm_decimal) FROM "book" AS "t0"
    "#]],
    );
}

#[test]
fn groups_have_conditions_of_their_own() {
    let (book, author) = (on("Book"), on("Author"));
    let name = || through(&book, "author", &author, "name");
    let newest = || aggregate(Aggregation::Max, field(&book, "version"));
    let having = compare(count_rows(), Comparison::Greater, Term::Value(int(1)))
        .and(compare(newest(), Comparison::LessOrEqual, count_rows()))
        .and(compare(name(), Comparison::NotEqual, Term::Value(text("nobody"))));
    let select = Select {
        selection: Selection::Terms(vec![name(), newest()]),
        group_by: vec![name(), field(&book, "price")],
        having,
        order: vec![by(count_rows())],
        offset: Some(1),
        ..book.select(book.is("author", author.eq("name", text("a"))))
    };
    check(
        &select,
        &expect![[r#"
        SELECT "t1"."name", MAX("t0"."version") FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" WHERE "t1"."id" IS NOT NULL AND "t1"."name" = ? GROUP BY "t1"."name", "t0"."price" COLLATE orm_decimal HAVING COUNT(*) > ? AND MAX("t0"."version") <= COUNT(*) AND "t1"."name" <> ? ORDER BY COUNT(*) DESC LIMIT ? OFFSET ?
        -- ["a", 1, "nobody", -1, 1]
    "#]],
    );
    check_count(
        &select,
        &expect![[r#"
        SELECT COUNT(*) FROM (SELECT 1 FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" WHERE "t1"."id" IS NOT NULL AND "t1"."name" = ? GROUP BY "t1"."name", "t0"."price" COLLATE orm_decimal HAVING COUNT(*) > ? AND MAX("t0"."version") <= COUNT(*) AND "t1"."name" <> ?) AS "counted"
        -- ["a", 1, "nobody"]
    "#]],
    );
}

fn keys() -> Vec<KeyValues> {
    vec![key([int(1)]), key([int(2)])]
}

#[test]
fn items_are_counted_for_each_owner() {
    let (author, book, tag) = (on("Author"), on("Book"), on("Tag"));
    let tally = |relation: RelationId, keys| Selection::Tally(Items { relation, keys });
    let selection = tally(author.relation("books"), keys());
    check(
        &Select { selection, ..book.select(book.eq("version", int(1))) },
        &expect![[r#"
        SELECT "t0"."author_id", COUNT(*) FROM "book" AS "t0" WHERE "t0"."author_id" IN (SELECT "k"."value" FROM json_each(?) AS "k") AND "t0"."version" = ? GROUP BY "t0"."author_id"
        -- ["[1,2]", 1]
    "#]],
    );
    let selection = tally(book.relation("tags"), vec![key([int(1)])]);
    check(
        &Select { selection, ..tag.select(Expression::always()) },
        &expect![[r#"
        SELECT "t1"."book_id", COUNT(*) FROM "tag" AS "t0" INNER JOIN "book_tags" AS "t1" ON "t1"."tag_name" = "t0"."name" WHERE "t1"."book_id" = ? GROUP BY "t1"."book_id"
        -- [1]
    "#]],
    );
    let selection = tally(tag.relation("books"), vec![key([text("a")]), key([text("b")])]);
    check(
        &Select { selection, ..book.select(Expression::always()) },
        &expect![[r#"
        SELECT "t1"."tag_name", COUNT(*) FROM "book" AS "t0" INNER JOIN "book_tags" AS "t1" ON "t1"."book_id" = "t0"."id" WHERE "t1"."tag_name" IN (SELECT "k"."value" FROM json_each(?) AS "k") GROUP BY "t1"."tag_name"
        -- ["[\"a\",\"b\"]"]
    "#]],
    );
    let selection = tally(author.relation("profile"), Vec::new());
    check(
        &Select { selection, ..on("Profile").select(Expression::always()) },
        &expect![[r#"
        SELECT "t0"."author_id", COUNT(*) FROM "profile" AS "t0" WHERE 1 = 0 GROUP BY "t0"."author_id"
    "#]],
    );
}

#[test]
fn owners_and_items_come_in_pairs_of_keys() {
    let (author, book, booking, seat) = (on("Author"), on("Book"), on("Booking"), on("Seat"));
    let pairs = |relation: RelationId, keys| Selection::Pairs(Items { relation, keys });
    let one = || book.keys(None, [key([int(7)])]);
    let selection = pairs(author.relation("edited"), keys());
    check(
        &Select { selection, ..book.select(one()) },
        &expect![[r#"
        SELECT "t0"."editor_id", "t0"."id" FROM "book" AS "t0" WHERE "t0"."editor_id" IN (SELECT "k"."value" FROM json_each(?) AS "k") AND "t0"."id" = ?
        -- ["[1,2]", 7]
    "#]],
    );
    let selection = pairs(booking.relation("reserves"), vec![key([int(1)])]);
    check(
        &Select { selection, ..seat.select(Expression::always()) },
        &expect![[r#"
        SELECT "t1"."booking_id", "t0"."room", "t0"."number" FROM "seat" AS "t0" INNER JOIN "booking_reserves" AS "t1" ON "t1"."seat_room" = "t0"."room" AND "t1"."seat_number" = "t0"."number" WHERE "t1"."booking_id" = ?
        -- [1]
    "#]],
    );
    let selection = pairs(seat.relation("bookings"), vec![key([int(1), text("a")])]);
    check(
        &Select { selection, ..booking.select(Expression::always()) },
        &expect![[r#"
        SELECT "t0"."seat_room", "t0"."seat_number", "t0"."id" FROM "booking" AS "t0" WHERE "t0"."seat_room" = ? AND "t0"."seat_number" = ?
        -- [1, "a"]
    "#]],
    );
}

#[test]
fn a_limit_for_each_owner_ranks_their_rows() {
    let (book, tag) = (on("Book"), on("Tag"));
    let of_author = LimitEach { property: Some(book.field("author")), limit: 3 };
    let select = Select {
        limit_each: Some(of_author),
        order: vec![by(field(&book, "price")), by(field(&book, "id"))],
        ..book.select(book.keys(Some("author"), keys()))
    };
    check(
        &select,
        &expect![[r#"
        SELECT "ranked"."c0", "ranked"."c1", "ranked"."c2", "ranked"."c3", "ranked"."c4", "ranked"."c5" FROM (SELECT "t0"."id" AS "c0", "t0"."title" AS "c1", "t0"."price" AS "c2", "t0"."author_id" AS "c3", "t0"."editor_id" AS "c4", "t0"."version" AS "c5", ROW_NUMBER() OVER ( PARTITION BY "t0"."author_id" ORDER BY "t0"."price" COLLATE orm_decimal DESC, "t0"."id" DESC ) AS "place" FROM "book" AS "t0" WHERE "t0"."author_id" IN (SELECT "k"."value" FROM json_each(?) AS "k")) AS "ranked" WHERE "ranked"."place" <= ? ORDER BY "ranked"."place" ASC
        -- ["[1,2]", 3]
    "#]],
    );
    check_count(
        &select,
        &expect![[r#"
        SELECT COUNT(*) FROM "book" AS "t0" WHERE "t0"."author_id" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[1,2]"]
    "#]],
    );
    let linked = tag.linked(book.relation("tags"), Side::Owner, keys());
    let of_link = LimitEach { property: None, limit: u64::MAX };
    let select = Select { limit_each: Some(of_link), order: vec![by(field(&tag, "name"))], ..linked };
    check(
        &select,
        &expect![[r#"
        SELECT "ranked"."c0", "ranked"."c1" FROM (SELECT "t1"."book_id" AS "c0", "t0"."name" AS "c1", ROW_NUMBER() OVER ( PARTITION BY "t1"."book_id" ORDER BY "t0"."name" DESC ) AS "place" FROM "tag" AS "t0" INNER JOIN "book_tags" AS "t1" ON "t1"."tag_name" = "t0"."name" WHERE "t1"."book_id" IN (SELECT "k"."value" FROM json_each(?) AS "k")) AS "ranked" WHERE "ranked"."place" <= ? ORDER BY "ranked"."place" ASC
        -- ["[1,2]", 9223372036854775807]
    "#]],
    );
    let booking = on("Booking");
    let of_seat = LimitEach { property: Some(booking.field("seat")), limit: 0 };
    check(
        &Select { limit_each: Some(of_seat), ..booking.select(Expression::always()) },
        &expect![[r#"
        SELECT "ranked"."c0", "ranked"."c1", "ranked"."c2", "ranked"."c3" FROM (SELECT "t0"."id" AS "c0", "t0"."seat_room" AS "c1", "t0"."seat_number" AS "c2", "t0"."at" AS "c3", ROW_NUMBER() OVER ( PARTITION BY "t0"."seat_room", "t0"."seat_number" ) AS "place" FROM "booking" AS "t0") AS "ranked" WHERE "ranked"."place" <= ? ORDER BY "ranked"."place" ASC
        -- [0]
    "#]],
    );
}

#[test]
fn a_limit_for_each_owner_of_other_rows_is_refused() {
    let book = on("Book");
    let each = Some(LimitEach { property: Some(book.field("author")), limit: 1 });
    let plain = || Select { limit_each: each, ..book.select(Expression::always()) };
    for select in [
        Select { limit: Some(1), ..plain() },
        Select { offset: Some(1), ..plain() },
        Select { distinct: true, ..plain() },
        Select { group_by: vec![field(&book, "title")], ..plain() },
        Select { selection: Selection::Terms(vec![Term::Value(Value::Null)]), ..plain() },
        Select { limit_each: Some(LimitEach { property: None, limit: 1 }), ..plain() },
    ] {
        let error = Statements::sqlite().select(&select).unwrap_err();
        assert_eq!(error.kind(), DriverErrorKind::Unsupported);
        assert_eq!(error.to_string(), "a limit for each owner of these rows");
    }
}
