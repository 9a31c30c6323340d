//! Writing rows and links.

use expect_test::expect;
use orm_core::Value;
use orm_core::condition::Expression;
use orm_core::driver::{DeleteRow, OnConflict, UpdateRow, Write};
use orm_sql::{Bound, Statements};

use crate::check_write;
use crate::operations::{int, key, on, text};

#[test]
fn rows_without_returned_values_share_a_statement() {
    let rows = vec![vec![text("a"), Value::Null], vec![text("b"), Value::Float(1.5)]];
    check_write(
        &on("Author").insert(&["name", "rating"], rows, &[]),
        &expect![[r#"
            INSERT INTO "author" ("name", "rating") SELECT "k"."value" ->> 0, (((CAST(("k"."value" ->> 1) AS REAL) * (1 << min(max(("k"."value" ->> 2) - 0, 0), 62)) * (1 << min(max(("k"."value" ->> 2) - 62, 0), 62))) / (1 << min(max(0 - ("k"."value" ->> 2), 0), 62))) / (1 << min(max(-62 - ("k"."value" ->> 2), 0), 62))) / (1 << min(max(-124 - ("k"."value" ->> 2), 0), 62)) FROM json_each(?) AS "k"
            -- ["[[\"a\",null,null],[\"b\",3,-1]]"]
        "#]],
    );
    check_write(
        &on("Note").insert(&["the ?key"], vec![vec![Value::Bytes(vec![1])]; 3], &[]),
        &expect![[r#"
            INSERT INTO "a ""note""" ("the ?key") SELECT unhex("k"."value" ->> 0) FROM json_each(?) AS "k"
            -- ["[[\"01\"],[\"01\"],[\"01\"]]"]
        "#]],
    );
}

#[test]
fn the_next_keys_go_to_the_rows_by_their_ordinals() {
    let rows = vec![vec![text("a")], vec![text("b")]];
    let insert = on("Author").insert(&["name"], rows, &["id", "active"]);
    check_write(
        &insert,
        &expect![[r#"
            INSERT INTO "author" ("id", "name") SELECT (CASE WHEN ("t0"."last" < 9223372036854775807 - "k"."key") THEN "t0"."last" + 1 + "k"."key" END), "k"."value" ->> 0 FROM json_each(?) AS "k", (SELECT max(0, COALESCE((SELECT MAX("id") FROM "author"), 0), COALESCE((SELECT "seq" FROM "sqlite_sequence" WHERE ("name" COLLATE NOCASE) = ?), 0)) AS "last") AS "t0" RETURNING "id", "active"
            -- ["[[\"a\"],[\"b\"]]", "author"]
        "#]],
    );
    check_write(
        &on("Author").insert(&[], vec![vec![]; 3], &["id"]),
        &expect![[r#"
            INSERT INTO "author" ("id") SELECT (CASE WHEN ("t0"."last" < 9223372036854775807 - "k"."key") THEN "t0"."last" + 1 + "k"."key" END) FROM json_each(?) AS "k", (SELECT max(0, COALESCE((SELECT MAX("id") FROM "author"), 0), COALESCE((SELECT "seq" FROM "sqlite_sequence" WHERE ("name" COLLATE NOCASE) = ?), 0)) AS "last") AS "t0" RETURNING "id"
            -- ["[[],[],[]]", "author"]
        "#]],
    );
    let statements = Statements::sqlite().write_without_key_record(&insert).unwrap();
    expect![[r#"INSERT INTO "author" ("id", "name") SELECT (CASE WHEN ("t0"."last" < 9223372036854775807 - "k"."key") THEN "t0"."last" + 1 + "k"."key" END), "k"."value" ->> 0 FROM json_each(?) AS "k", (SELECT max(0, COALESCE((SELECT MAX("id") FROM "author"), 0)) AS "last") AS "t0" RETURNING "id", "active""#]].assert_eq(&statements[0].statement.sql);
}

#[test]
fn rows_with_keys_of_their_own_are_known_by_them() {
    let rows = vec![vec![int(7), text("a")], vec![int(3), text("b")]];
    check_write(
        &on("Author").insert(&["id", "name"], rows, &["active"]),
        &expect![[r#"
        INSERT INTO "author" ("id", "name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" RETURNING "id", "active"
        -- ["[[7,\"a\"],[3,\"b\"]]"]
    "#]],
    );
    let rows = vec![vec![int(7), text("a")], vec![Value::Null, text("b")]];
    check_write(
        &on("Author").insert(&["id", "name"], rows, &["active"]),
        &expect![[r#"
        INSERT INTO "author" ("id", "name") VALUES (?, ?) RETURNING "active"
        -- [7, "a"]
        INSERT INTO "author" ("id", "name") VALUES (?, ?) RETURNING "active"
        -- [null, "b"]
    "#]],
    );
}

#[test]
fn one_row_is_inserted_plainly() {
    check_write(
        &on("Author").insert(&["name"], vec![vec![text("a")]], &["id"]),
        &expect![[r#"
        INSERT INTO "author" ("name") VALUES (?) RETURNING "id"
        -- ["a"]
    "#]],
    );
}

#[test]
fn rows_of_defaults_only_have_nothing_to_be_put_together() {
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
fn the_text_is_the_same_for_any_number_of_rows() {
    let author = on("Author");
    let text_of = |rows: usize| {
        let rows = vec![vec![text("a"), Value::Null, int(1)]; rows];
        let statements =
            Statements::sqlite().write(&author.insert(&["name", "rating", "active"], rows, &["id"])).unwrap();
        let [statement] = statements.as_slice() else { panic!("{} statements", statements.len()) };
        statement.statement.sql.clone()
    };
    assert_eq!(text_of(2), text_of(25_000));
}

#[test]
fn very_large_rows_are_not_put_together() {
    let rows = vec![vec![Value::Bytes(vec![0; 6 << 20])]; 5];
    let statements = Statements::sqlite().write(&on("Note").insert(&["the ?key"], rows, &[])).unwrap();
    assert_eq!(statements.len(), 3);
    // Too large to be put into a document, where it would become larger still.
    let rows = [1, 20 << 20, 1].map(|size| vec![Value::Bytes(vec![0; size])]).to_vec();
    let statements = Statements::sqlite().write(&on("Note").insert(&["the ?key"], rows, &[])).unwrap();
    let sizes: Vec<usize> = statements.iter().map(|one| one.statement.values.len()).collect();
    assert_eq!(
        (sizes, &statements[0].statement.values),
        (vec![1, 1], &vec![Bound::from(Value::Bytes(vec![0; 20 << 20]))])
    );
}

#[test]
fn floats_travel_as_digits_and_a_power_of_two() {
    let rated = |rating: f64| vec![Value::Float(rating)];
    check_write(
        &on("Author").insert(&["rating"], vec![rated(0.1), rated(-3.0), rated(f64::MAX)], &[]),
        &expect![[r#"
            INSERT INTO "author" ("rating") VALUES (?)
            -- [1.7976931348623157e308]
            INSERT INTO "author" ("rating") SELECT (((CAST(("k"."value" ->> 0) AS REAL) * (1 << min(max(("k"."value" ->> 1) - 0, 0), 62)) * (1 << min(max(("k"."value" ->> 1) - 62, 0), 62))) / (1 << min(max(0 - ("k"."value" ->> 1), 0), 62))) / (1 << min(max(-62 - ("k"."value" ->> 1), 0), 62))) / (1 << min(max(-124 - ("k"."value" ->> 1), 0), 62)) FROM json_each(?) AS "k"
            -- ["[[3602879701896397,-55],[-3,0]]"]
        "#]],
    );
}

#[test]
fn an_update_checks_what_it_expects_in_its_own_predicate() {
    let row =
        |id: i64| UpdateRow { key: key([int(id)]), values: vec![text("x"), int(2)], expected: vec![int(1)] };
    let book = on("Book");
    check_write(
        &book.update(&["title", "version"], vec![row(1)], &["version"]),
        &expect![[r#"
        UPDATE "book" SET "title" = ?, "version" = ? WHERE "id" = ? AND "version" IS ?
        -- ["x", 2, 1, 1]
    "#]],
    );
    check_write(
        &book.update(&["title", "version"], vec![row(1), row(2)], &["version"]),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = "k"."value" ->> 0, "version" = "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE "t0"."id" = ("k"."value" ->> 2) AND "t0"."version" IS ("k"."value" ->> 3) RETURNING "id"
        -- ["[[\"x\",2,1,1],[\"x\",2,2,1]]"]
    "#]],
    );
    let plain = |number: &str| UpdateRow {
        key: key([int(1), text(number)]),
        values: vec![text("b")],
        expected: vec![],
    };
    let seat = on("Seat");
    check_write(
        &seat.update(&["number"], vec![plain("a")], &[]),
        &expect![[r#"
        UPDATE "seat" SET "number" = ? WHERE "room" = ? AND "number" = ?
        -- ["b", 1, "a"]
    "#]],
    );
    check_write(
        &seat.update(&["number"], vec![plain("a"), plain("c")], &[]),
        &expect![[r#"
        UPDATE "seat" AS "t0" SET "number" = "k"."value" ->> 0 FROM json_each(?) AS "k" WHERE "t0"."room" = ("k"."value" ->> 1) AND "t0"."number" = ("k"."value" ->> 2) RETURNING "room", "number"
        -- ["[[\"b\",1,\"a\"],[\"b\",1,\"c\"]]"]
    "#]],
    );
}

#[test]
fn a_guard_is_on_the_rows_that_are_written() {
    let book = on("Book");
    let row = |id: i64| UpdateRow { key: key([int(id)]), values: vec![text("x")], expected: vec![] };
    let update = |rows: Vec<UpdateRow>, guard| book.guarded(book.update(&["title"], rows, &[]), guard);
    let own = || book.eq("title", text("y"));
    let joined = || book.is("author", on("Author").eq("name", text("ann")));
    check_write(
        &update(vec![row(1)], own()),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = ? WHERE "t0"."id" = ? AND "t0"."title" = ?
        -- ["x", 1, "y"]
    "#]],
    );
    check_write(
        &update(vec![row(1)], joined()),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = ? WHERE "t0"."id" = ? AND EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) IS TRUE
        -- ["x", 1, "ann"]
    "#]],
    );
    check_write(
        &update(vec![row(1), row(2)], own()),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = "k"."value" ->> 0 FROM json_each(?) AS "k" WHERE "t0"."id" = ("k"."value" ->> 1) AND "t0"."title" = ? RETURNING "id"
        -- ["[[\"x\",1],[\"x\",2]]", "y"]
    "#]],
    );
    check_write(
        &update(vec![row(1), row(2)], joined()),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = "k"."value" ->> 0 FROM json_each(?) AS "k" WHERE "t0"."id" = ("k"."value" ->> 1) AND EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) IS TRUE RETURNING "id"
        -- ["[[\"x\",1],[\"x\",2]]", "ann"]
    "#]],
    );
}

#[test]
fn a_delete_checks_what_it_expects_in_its_own_predicate() {
    let seat = on("Seat");
    let row = |room: i64| DeleteRow { key: key([int(room), text("a")]), expected: vec![int(room)] };
    check_write(
        &seat.delete_expecting(vec![row(1)], &["room"]),
        &expect![[r#"
        DELETE FROM "seat" AS "t0" WHERE "t0"."room" = ? AND "t0"."number" = ? AND "t0"."room" IS ?
        -- [1, "a", 1]
    "#]],
    );
    check_write(
        &seat.delete_expecting(vec![row(1), row(2)], &["room"]),
        &expect![[r#"
        DELETE FROM "seat" AS "t0" WHERE ("t0"."room", "t0"."number") IN (SELECT "t1"."room", "t1"."number" FROM "seat" AS "t1", json_each(?) AS "k" WHERE "t1"."room" = ("k"."value" ->> 0) AND "t1"."number" = ("k"."value" ->> 1) AND "t1"."room" IS ("k"."value" ->> 2)) RETURNING "room", "number"
        -- ["[[1,\"a\",1],[2,\"a\",2]]"]
    "#]],
    );
    let guarded = seat.guarded(
        seat.delete(vec![key([int(1), text("a")]), key([int(2), text("b")])]),
        seat.eq("number", text("a")),
    );
    check_write(
        &guarded,
        &expect![[r#"
        DELETE FROM "seat" AS "t0" WHERE ("t0"."room", "t0"."number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k") AND "t0"."number" = ? RETURNING "room", "number"
        -- ["[[1,\"a\"],[2,\"b\"]]", "a"]
    "#]],
    );
}

#[test]
fn an_upsert_updates_or_ignores_the_rows_that_are_there() {
    let author = on("Author");
    let row = |email: Value| vec![email, text("a")];
    let rows = vec![row(text("a@x.org")), row(text("b@x.org"))];
    let upsert = |rows: Vec<Vec<Value>>, action: OnConflict| {
        author.upsert(&["email", "name"], rows, &["email"], action, &["id"])
    };
    let update =
        || OnConflict::Update { columns: author.columns(&["name"]), set: Vec::new(), raised: Vec::new() };
    check_write(
        &upsert(rows.clone(), OnConflict::Ignore),
        &expect![[r#"
        INSERT INTO "author" ("email", "name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE 1 = 1 ON CONFLICT ("email") DO NOTHING RETURNING "email", "id"
        -- ["[[\"a@x.org\",\"a\"],[\"b@x.org\",\"a\"]]"]
    "#]],
    );
    check_write(
        &upsert(rows.clone(), update()),
        &expect![[r#"
        INSERT INTO "author" ("email", "name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE 1 = 1 ON CONFLICT ("email") DO UPDATE SET "name" = "excluded"."name" RETURNING "email", "id"
        -- ["[[\"a@x.org\",\"a\"],[\"b@x.org\",\"a\"]]"]
    "#]],
    );
    check_write(
        &author.guarded(upsert(rows.clone(), update()), author.eq("name", text("b"))),
        &expect![[r#"
            INSERT INTO "author" AS "t0" ("email", "name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE 1 = 1 ON CONFLICT ("email") DO UPDATE SET "name" = "excluded"."name" WHERE "t0"."name" = ? RETURNING "email", "id"
            -- ["[[\"a@x.org\",\"a\"],[\"b@x.org\",\"a\"]]", "b"]
        "#]],
    );
    check_write(
        &upsert(vec![row(text("a@x.org"))], update()),
        &expect![[r#"
        INSERT INTO "author" ("email", "name") VALUES (?, ?) ON CONFLICT ("email") DO UPDATE SET "name" = "excluded"."name" RETURNING "id"
        -- ["a@x.org", "a"]
    "#]],
    );
    let more = OnConflict::Update {
        columns: author.columns(&["name"]),
        set: vec![(author.columns(&["rating"])[0], Value::Float(1.5))],
        raised: author.columns(&["id"]),
    };
    check_write(
        &upsert(vec![row(text("a@x.org"))], more),
        &expect![[r#"
            INSERT INTO "author" AS "t0" ("email", "name") VALUES (?, ?) ON CONFLICT ("email") DO UPDATE SET "name" = "excluded"."name", "rating" = ?, "id" = "t0"."id" + 1 RETURNING "id"
            -- ["a@x.org", "a", 1.5]
        "#]],
    );
    // NULL conflicts with nothing, and such rows could not be told apart.
    check_write(
        &upsert(vec![row(Value::Null), row(Value::Null)], OnConflict::Ignore),
        &expect![[r#"
        INSERT INTO "author" ("email", "name") VALUES (?, ?) ON CONFLICT ("email") DO NOTHING RETURNING "id"
        -- [null, "a"]
        INSERT INTO "author" ("email", "name") VALUES (?, ?) ON CONFLICT ("email") DO NOTHING RETURNING "id"
        -- [null, "a"]
    "#]],
    );
}

#[test]
fn everything_that_meets_a_condition_is_written() {
    let book = on("Book");
    let of_ann = || book.is("author", on("Author").eq("name", text("ann")));
    check_write(
        &book.update_where(&[("title", text("x"))], Expression::always()),
        &expect![[r#"
        UPDATE "book" SET "title" = ?
        -- ["x"]
    "#]],
    );
    check_write(
        &book.update_where(&[("title", text("x"))], book.eq("title", text("y"))),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = ? WHERE "t0"."title" = ?
        -- ["x", "y"]
    "#]],
    );
    check_write(
        &book.update_where(&[("title", text("x"))], of_ann()),
        &expect![[r#"
        UPDATE "book" AS "t0" SET "title" = ? WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) IS TRUE
        -- ["x", "ann"]
    "#]],
    );
    let mut raised = book.update_where(&[("title", text("x"))], book.eq("title", text("y")));
    if let Write::UpdateWhere(update) = &mut raised {
        update.raised = book.columns(&["version"]);
    }
    check_write(
        &raised,
        &expect![[r#"
            UPDATE "book" AS "t0" SET "title" = ?, "version" = "t0"."version" + 1 WHERE "t0"."title" = ?
            -- ["x", "y"]
        "#]],
    );
    check_write(
        &book.delete_where(Expression::always()),
        &expect![[r#"
        DELETE FROM "book"
    "#]],
    );
    check_write(
        &book.delete_where(of_ann().or(book.some("tags", Expression::always()))),
        &expect![[r#"
        DELETE FROM "book" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND (("t2"."id" IS NOT NULL AND "t2"."name" = ?) OR EXISTS(SELECT 1 FROM "tag" AS "t3" INNER JOIN "book_tags" AS "t4" ON "t4"."tag_name" = "t3"."name" WHERE "t4"."book_id" = "t1"."id") IS TRUE)) IS TRUE
        -- ["ann"]
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
