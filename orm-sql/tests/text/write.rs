//! Writing rows and links.

use expect_test::expect;
use orm_core::Value;
use orm_core::driver::{UpdateRow, Write};
use orm_sql::Statements;

use crate::check_write;
use crate::operations::{int, key, on, text};

#[test]
fn rows_without_returned_values_share_a_statement() {
    let rows = vec![vec![text("a"), Value::Null], vec![text("b"), Value::Float(1.5)]];
    check_write(
        &on("Author").insert(&["name", "rating"], rows, &[]),
        &expect![[r#"
        INSERT INTO "author" ("name", "rating") VALUES (?, ?), (?, ?)
        -- ["a", null, "b", 1.5]
    "#]],
    );
    check_write(
        &on("Note").insert(&["the ?key"], vec![vec![Value::Bytes(vec![1])]; 3], &[]),
        &expect![[r#"
        INSERT INTO "a ""note""" ("the ?key") VALUES (?), (?), (?)
        -- [1 bytes, 1 bytes, 1 bytes]
    "#]],
    );
}

#[test]
fn rows_with_returned_values_are_inserted_one_by_one() {
    let rows = vec![vec![text("a")], vec![text("b")]];
    check_write(
        &on("Author").insert(&["name"], rows, &["id", "active"]),
        &expect![[r#"
        INSERT INTO "author" ("name") VALUES (?) RETURNING "id", "active"
        -- ["a"]
        INSERT INTO "author" ("name") VALUES (?) RETURNING "id", "active"
        -- ["b"]
    "#]],
    );
}

#[test]
fn rows_of_defaults_only_are_inserted_one_by_one() {
    check_write(
        &on("Author").insert(&[], vec![vec![]; 2], &[]),
        &expect![[r#"
        INSERT INTO "author" DEFAULT VALUES
        INSERT INTO "author" DEFAULT VALUES
    "#]],
    );
    check_write(
        &on("Author").insert(&[], vec![vec![]], &["id"]),
        &expect![[r#"
        INSERT INTO "author" DEFAULT VALUES RETURNING "id"
    "#]],
    );
}

#[test]
fn inserts_stay_within_the_limit_of_binds() {
    let rows = vec![vec![text("a"), Value::Null, int(1)]; 25_000];
    let statements =
        Statements::sqlite().write(&on("Author").insert(&["name", "rating", "active"], rows, &[])).unwrap();
    let binds: Vec<usize> = statements.iter().map(|statement| statement.values.len()).collect();
    assert_eq!(binds, [32_766, 32_766, 9_468]);
    for statement in &statements {
        assert_eq!(statement.sql.matches('?').count(), statement.values.len());
    }
}

#[test]
fn an_update_checks_the_version_in_its_own_predicate() {
    let row =
        |id: i64| UpdateRow { key: key([int(id)]), values: vec![text("x"), int(2)], expected: vec![int(1)] };
    check_write(
        &on("Book").update(&["title", "version"], vec![row(1), row(2)], &["version"]),
        &expect![[r#"
        UPDATE "book" SET "title" = ?, "version" = ? WHERE "id" = ? AND "version" IS ?
        -- ["x", 2, 1, 1]
        UPDATE "book" SET "title" = ?, "version" = ? WHERE "id" = ? AND "version" IS ?
        -- ["x", 2, 2, 1]
    "#]],
    );
    let plain = UpdateRow { key: key([int(1), text("a")]), values: vec![text("b")], expected: vec![] };
    check_write(
        &on("Seat").update(&["number"], vec![plain], &[]),
        &expect![[r#"
        UPDATE "seat" SET "number" = ? WHERE "room" = ? AND "number" = ?
        -- ["b", 1, "a"]
    "#]],
    );
}

#[test]
fn rows_go_by_their_keys() {
    check_write(
        &on("Author").delete(vec![key([int(1)])]),
        &expect![[r#"
        DELETE FROM "author" WHERE "id" = ?
        -- [1]
    "#]],
    );
    check_write(
        &on("Author").delete(vec![key([int(1)]), key([int(2)])]),
        &expect![[r#"
        DELETE FROM "author" WHERE "id" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        -- ["[1,2]"]
    "#]],
    );
    check_write(
        &on("Seat").delete(vec![key([int(1), text("a")]), key([int(2), text("b")])]),
        &expect![[r#"
        DELETE FROM "seat" WHERE ("room", "number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k")
        -- ["[[1,\"a\"],[2,\"b\"]]"]
    "#]],
    );
    check_write(
        &on("Note").delete(vec![key([Value::Bytes(vec![1])]), key([Value::Bytes(vec![2])])]),
        &expect![[r#"
        DELETE FROM "a ""note""" WHERE "the ?key" IN (SELECT unhex("k"."value") FROM json_each(?) AS "k")
        -- ["[\"01\",\"02\"]"]
    "#]],
    );
}

#[test]
fn links_that_exist_are_left_as_they_are() {
    let link = |id: i64, name: &str| (key([int(id)]), key([text(name)]));
    check_write(
        &Write::Link(on("Book").links("tags", vec![link(1, "a")])),
        &expect![[r#"
        INSERT INTO "book_tags" ("book_id", "tag_name") VALUES (?, ?) ON CONFLICT  DO NOTHING
        -- [1, "a"]
    "#]],
    );
    check_write(
        &Write::Link(on("Book").links("tags", vec![link(1, "a"), link(2, "b")])),
        &expect![[r#"
        INSERT INTO "book_tags" ("book_id", "tag_name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE 1 = 1 ON CONFLICT  DO NOTHING
        -- ["[[1,\"a\"],[2,\"b\"]]"]
    "#]],
    );
}

#[test]
fn links_go_by_both_keys() {
    let link = |id: i64, seat: &str| (key([int(id)]), key([int(7), text(seat)]));
    check_write(
        &Write::Unlink(on("Booking").links("reserves", vec![link(1, "a")])),
        &expect![[r#"
        DELETE FROM "booking_reserves" WHERE "booking_id" = ? AND "seat_room" = ? AND "seat_number" = ?
        -- [1, 7, "a"]
    "#]],
    );
    check_write(
        &Write::Unlink(on("Booking").links("reserves", vec![link(1, "a"), link(2, "b")])),
        &expect![[r#"
        DELETE FROM "booking_reserves" WHERE ("booking_id", "seat_room", "seat_number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1, "k"."value" ->> 2 FROM json_each(?) AS "k")
        -- ["[[1,7,\"a\"],[2,7,\"b\"]]"]
    "#]],
    );
}

#[test]
fn without_rows_there_is_no_statement() {
    let statements = Statements::sqlite();
    let book = on("Book");
    for write in [
        book.insert(&["title"], vec![], &[]),
        book.insert(&["title"], vec![], &["id"]),
        book.update(&["title"], vec![], &[]),
        book.delete(vec![]),
        Write::Link(book.links("tags", vec![])),
        Write::Unlink(book.links("tags", vec![])),
    ] {
        assert_eq!(statements.write(&write).unwrap(), []);
    }
}
