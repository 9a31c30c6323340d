//! Sets of values and of keys: one text for any number.

use expect_test::expect;
use orm_core::Value;
use orm_sql::Statements;

use crate::check;
use crate::operations::{decimal, int, key, on, text};

#[test]
fn of_none_nothing_and_of_one_a_comparison() {
    let author = on("Author");
    check(
        &author.select(author.in_("name", [])),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE 1 = 0
    "#]],
    );
    check(
        &author.select(author.in_("name", [text("a")])),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."name" = ?
        -- ["a"]
    "#]],
    );
    check(
        &author.select(author.keys(None, [key([int(1)])])),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."id" = ?
        -- [1]
    "#]],
    );
    let booking = on("Booking");
    check(
        &booking.select(booking.keys(Some("seat"), [key([int(1), text("a")])])),
        &expect![[r#"
        SELECT "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" WHERE "t0"."seat_room" = ? AND "t0"."seat_number" = ?
        -- [1, "a"]
    "#]],
    );
}

#[test]
fn several_travel_as_one_document() {
    let author = on("Author");
    check(
        &author.select(author.keys(None, [int(i64::MIN), int(i64::MAX)].map(|id| key([id])))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."id" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[-9223372036854775808,9223372036854775807]"]
    "#]],
    );
    check(
        &author.select(author.in_("name", ["a\"", "\\", "\u{0}\n", "é"].map(text))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."name" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[\"a\\\"\",\"\\\\\",\"\\u0000\\u000a\",\"é\"]"]
    "#]],
    );
    check(
        &author.select(author.in_("active", [true, false].map(Value::Bool))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."active" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[1,0]"]
    "#]],
    );
    let profile = on("Profile");
    check(
        &profile.select(profile.in_("photo", [vec![], vec![0, 255]].map(Value::Bytes))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."author_id", "t0"."born", "t0"."photo" FROM "profile" AS "t0" WHERE "t0"."photo" IN (SELECT unhex("k"."value") FROM json_each(?) AS "k")
        -- ["[\"\",\"00ff\"]"]
    "#]],
    );
    check(
        &profile.select(profile.keys(None, [1, 2].map(|id| key([Value::Uuid(id)])))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."author_id", "t0"."born", "t0"."photo" FROM "profile" AS "t0" WHERE "t0"."id" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[\"00000000-0000-0000-0000-000000000001\",\"00000000-0000-0000-0000-000000000002\"]"]
    "#]],
    );
    check(
        &profile.select(profile.in_("born", [-1, 0].map(Value::Date))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."author_id", "t0"."born", "t0"."photo" FROM "profile" AS "t0" WHERE "t0"."born" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[\"1969-12-31\",\"1970-01-01\"]"]
    "#]],
    );
    let book = on("Book");
    check(
        &book.select(book.in_("price", ["1", "2.50"].map(decimal))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" WHERE ("t0"."price" COLLATE orm_decimal) IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[\"1\",\"2.50\"]"]
    "#]],
    );
    let booking = on("Booking");
    let seats = [key([int(1), text("a")]), key([int(2), text("b")])];
    check(
        &booking.select(booking.keys(Some("seat"), seats)),
        &expect![[r#"
        SELECT "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" WHERE ("t0"."seat_room", "t0"."seat_number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k")
        -- ["[[1,\"a\"],[2,\"b\"]]"]
    "#]],
    );
}

#[test]
fn floats_are_bound_in_lists_of_few_lengths() {
    let author = on("Author");
    let of = |count: u8| author.select(author.in_("rating", (0..count).map(|at| Value::Float(at.into()))));
    check(
        &of(3),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE "t0"."rating" IN (?, ?, ?, ?)
        -- [0.0, 1.0, 2.0, 2.0]
    "#]],
    );
    let statements = Statements::sqlite();
    let texts = [5, 6, 7, 8].map(|count| statements.select(&of(count)).unwrap().sql);
    assert!(texts.iter().all(|text| *text == texts[0]));
}

#[test]
fn a_text_does_not_depend_on_the_number_of_keys() {
    let author = on("Author");
    let statements = Statements::sqlite();
    let of = |count| {
        statements.select(&author.select(author.keys(None, (0..count).map(|id| key([int(id)]))))).unwrap()
    };
    let (few, many) = (of(2), of(200_000));
    assert_eq!(few.sql, many.sql);
    assert_eq!(many.values.len(), 1);
}

#[test]
fn a_key_with_a_null_in_it_is_nobodys() {
    let booking = on("Booking");
    let keys = [key([int(1), Value::Null]), key([int(2), text("b")])];
    check(
        &booking.select(booking.keys(Some("seat"), keys)),
        &expect![[r#"
        SELECT "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" WHERE "t0"."seat_room" = ? AND "t0"."seat_number" = ?
        -- [2, "b"]
    "#]],
    );
}
