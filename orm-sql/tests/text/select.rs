//! Reading rows.

use expect_test::expect;
use orm_core::condition::{Comparison, Expression, Quantifier, Term, TextMatch};
use orm_core::driver::{Items, Join, Select, Selection};
use orm_core::metadata::Side;
use orm_core::value::ColumnType;
use orm_sql::Statements;

use crate::check;
use crate::fixture::metadata;
use crate::operations::{decimal, int, key, not, on, text};

#[test]
fn columns_are_listed_in_the_order_of_the_metadata() {
    check(
        &on("Author").select(Expression::always()),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0"
    "#]],
    );
    check(
        &on("Note").select(Expression::always()),
        &expect![[r#"
        SELECT "t0"."the ?key", "t0"."select" FROM "a ""note""" AS "t0"
    "#]],
    );
}

#[test]
fn an_empty_or_matches_nothing() {
    check(
        &on("Tag").select(Expression::never()),
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" WHERE 1 = 0
    "#]],
    );
}

#[test]
fn and_or_and_not_keep_their_grouping() {
    let author = on("Author");
    let named = |name: &str| author.eq("name", text(name));
    let both = named("a").or(named("b")).and(author.compare(
        "rating",
        Comparison::Greater,
        orm_core::Value::Float(1.5),
    ));
    check(
        &author.select(not(both.clone()).or(both)),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE (NOT (("t0"."name" = ? OR "t0"."name" = ?) AND "t0"."rating" > ?)) OR (("t0"."name" = ? OR "t0"."name" = ?) AND "t0"."rating" > ?)
        -- ["a", "b", 1.5, "a", "b", 1.5]
    "#]],
    );
}

#[test]
fn long_chains_become_balanced_trees() {
    let tag = on("Tag");
    let any = (0..9).map(|at| tag.eq("name", int(at))).reduce(Expression::or).unwrap();
    check(
        &tag.select(any),
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" = ? OR "t0"."name" = ? OR "t0"."name" = ? OR "t0"."name" = ? OR ("t0"."name" = ? OR "t0"."name" = ? OR "t0"."name" = ? OR "t0"."name" = ? OR "t0"."name" = ?)
        -- [0, 1, 2, 3, 4, 5, 6, 7, 8]
    "#]],
    );
}

#[test]
fn text_is_matched_literally_but_for_like() {
    let tag = on("Tag");
    for matching in [TextMatch::Like, TextMatch::Contains, TextMatch::StartsWith] {
        let select = tag.select(tag.matches("name", matching, "100%"));
        let expected = match matching {
            TextMatch::Like | TextMatch::LikeIgnoringCase => expect![[r#"
                SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" LIKE ?
                -- ["100%"]
            "#]],
            TextMatch::Contains => expect![[r#"
                SELECT "t0"."name" FROM "tag" AS "t0" WHERE instr("t0"."name", ?) > 0
                -- ["100%"]
            "#]],
            TextMatch::StartsWith | TextMatch::EndsWith => expect![[r#"
                SELECT "t0"."name" FROM "tag" AS "t0" WHERE instr("t0"."name", ?) = 1
                -- ["100%"]
            "#]],
        };
        check(&select, &expected);
    }
    check(
        &tag.select(tag.matches("name", TextMatch::EndsWith, "100%")),
        &expect![[r#"
            SELECT "t0"."name" FROM "tag" AS "t0" WHERE substr(CAST(((x'ff') || "t0"."name") AS BLOB), ?) = ?
            -- [-4, 4 bytes]
        "#]],
    );
    check(
        &tag.select(tag.matches("name", TextMatch::EndsWith, "")),
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" WHERE instr("t0"."name", ?) > 0
        -- [""]
    "#]],
    );
}

#[test]
fn decimals_are_compared_and_ordered_as_numbers() {
    let book = on("Book");
    let between =
        Expression::Between { property: book.field("price"), low: decimal("9.5"), high: decimal("10") };
    let order = vec![book.order(&[], book.field("price"), true)];
    check(
        &Select { order, ..book.select(between) },
        &expect![[r#"
        SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" WHERE ("t0"."price" COLLATE orm_decimal) BETWEEN ? AND ? ORDER BY "t0"."price" COLLATE orm_decimal DESC
        -- [9.5, 10]
    "#]],
    );
}

#[test]
fn a_to_one_path_is_one_join_for_conditions_and_orders() {
    let (book, author) = (on("Book"), on("Author"));
    let of = |relation: &str, name: &str| book.is(relation, author.eq("name", text(name)));
    let author_of = book.relation("author").index;
    let profile_of = author.relation("profile").index;
    let order = vec![
        book.order(&[author_of], author.field("name"), false),
        book.order(&[author_of, profile_of], on("Profile").field("born"), true),
        book.order(&[], book.field("author"), false),
    ];
    let condition = of("author", "a").or(of("author", "b")).and(not(of("editor", "c")));
    check(
        &Select { order, ..book.select(condition) },
        &expect![[r#"
        SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t0"."editor_id" LEFT JOIN "profile" AS "t3" ON "t3"."author_id" = "t1"."id" WHERE (("t1"."id" IS NOT NULL AND "t1"."name" = ?) OR ("t1"."id" IS NOT NULL AND "t1"."name" = ?)) AND (NOT ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) ORDER BY "t1"."name" ASC, "t3"."born" DESC, "t0"."author_id" ASC
        -- ["a", "b", "c"]
    "#]],
    );
}

#[test]
fn a_to_one_path_from_the_inverse_side_and_over_a_composite_key() {
    let (author, profile) = (on("Author"), on("Profile"));
    check(
        &author.select(author.is("profile", profile.is_null("photo"))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" LEFT JOIN "profile" AS "t1" ON "t1"."author_id" = "t0"."id" WHERE "t1"."id" IS NOT NULL AND "t1"."photo" IS NULL
    "#]],
    );
    let (booking, seat) = (on("Booking"), on("Seat"));
    check(
        &booking.select(booking.is("seat", seat.eq("room", int(1)))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" LEFT JOIN "seat" AS "t1" ON "t1"."room" = "t0"."seat_room" AND "t1"."number" = "t0"."seat_number" WHERE "t1"."room" IS NOT NULL AND "t1"."room" = ?
        -- [1]
    "#]],
    );
    check(
        &booking.select(not(booking.is("seat", Expression::always()))),
        &expect![[r#"
        SELECT "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" LEFT JOIN "seat" AS "t1" ON "t1"."room" = "t0"."seat_room" AND "t1"."number" = "t0"."seat_number" WHERE NOT "t1"."room" IS NOT NULL
    "#]],
    );
}

#[test]
fn collections_become_exists() {
    let (author, book) = (on("Author"), on("Book"));
    let cheap = book.compare("price", Comparison::Less, decimal("5"));
    check(
        &author.select(author.some("books", cheap.clone())),
        &expect![[r#"
            SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" WHERE "t1"."author_id" = "t0"."id" AND ("t1"."price" COLLATE orm_decimal) < ?) IS TRUE
            -- [5]
        "#]],
    );
    check(
        &author.select(author.related("books", Quantifier::None, Expression::always())),
        &expect![[r#"
            SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE NOT EXISTS(SELECT 1 FROM "book" AS "t1" WHERE "t1"."author_id" = "t0"."id")
        "#]],
    );
    check(
        &author.select(author.related("edited", Quantifier::Every, cheap)),
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE NOT EXISTS(SELECT 1 FROM "book" AS "t1" WHERE "t1"."editor_id" = "t0"."id" AND (("t1"."price" COLLATE orm_decimal) < ?) IS NOT TRUE)
        -- [5]
    "#]],
    );
}

#[test]
fn many_to_many_goes_through_the_pivot_from_both_sides() {
    let (book, tag) = (on("Book"), on("Tag"));
    check(
        &book.select(book.some("tags", tag.eq("name", text("war")))),
        &expect![[r#"
            SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" WHERE EXISTS(SELECT 1 FROM "tag" AS "t1" INNER JOIN "book_tags" AS "t2" ON "t2"."tag_name" = "t1"."name" WHERE "t2"."book_id" = "t0"."id" AND "t1"."name" = ?) IS TRUE
            -- ["war"]
        "#]],
    );
    check(
        &tag.select(tag.some("books", book.eq("title", text("It")))),
        &expect![[r#"
            SELECT "t0"."name" FROM "tag" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" INNER JOIN "book_tags" AS "t2" ON "t2"."book_id" = "t1"."id" WHERE "t2"."tag_name" = "t0"."name" AND "t1"."title" = ?) IS TRUE
            -- ["It"]
        "#]],
    );
}

#[test]
fn self_references_and_nesting_get_aliases_of_their_own() {
    let category = on("Category");
    let named = |name: &str| category.eq("name", text(name));
    let deep = category
        .some("similar", category.related("similar_to", Quantifier::None, category.is("parent", named("a"))));
    check(
        &category.select(deep.and(category.some("children", named("b")))),
        &expect![[r#"
            SELECT "t0"."id", "t0"."name", "t0"."parent_id" FROM "category" AS "t0" WHERE EXISTS(SELECT 1 FROM "category" AS "t1" INNER JOIN "category_similar" AS "t2" ON "t2"."category_2_id" = "t1"."id" WHERE "t2"."category_1_id" = "t0"."id" AND (NOT EXISTS(SELECT 1 FROM "category" AS "t3" INNER JOIN "category_similar" AS "t4" ON "t4"."category_1_id" = "t3"."id" LEFT JOIN "category" AS "t5" ON "t5"."id" = "t3"."parent_id" WHERE "t4"."category_2_id" = "t1"."id" AND ("t5"."id" IS NOT NULL AND "t5"."name" = ?)))) IS TRUE AND EXISTS(SELECT 1 FROM "category" AS "t6" WHERE "t6"."parent_id" = "t0"."id" AND "t6"."name" = ?) IS TRUE
            -- ["a", "b"]
        "#]],
    );
}

#[test]
fn joins_inside_a_collection_stay_inside() {
    let (author, book) = (on("Author"), on("Book"));
    let edited_by = |name: &str| book.is("editor", author.eq("name", text(name)));
    check(
        &author.select(author.some("books", edited_by("a").or(edited_by("b")))),
        &expect![[r#"
            SELECT "t0"."id", "t0"."name", "t0"."email", "t0"."rating", "t0"."active" FROM "author" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."editor_id" WHERE "t1"."author_id" = "t0"."id" AND (("t2"."id" IS NOT NULL AND "t2"."name" = ?) OR ("t2"."id" IS NOT NULL AND "t2"."name" = ?))) IS TRUE
            -- ["a", "b"]
        "#]],
    );
}

#[test]
fn pages_are_bound() {
    let tag = on("Tag");
    let all = tag.select(Expression::always());
    check(
        &Select { limit: Some(10), ..all.clone() },
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" LIMIT ?
        -- [10]
    "#]],
    );
    check(
        &Select { limit: Some(10), offset: Some(20), ..all.clone() },
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" LIMIT ? OFFSET ?
        -- [10, 20]
    "#]],
    );
    check(
        &Select { offset: Some(u64::MAX), ..all },
        &expect![[r#"
        SELECT "t0"."name" FROM "tag" AS "t0" LIMIT ? OFFSET ?
        -- [-1, 9223372036854775807]
    "#]],
    );
}

#[test]
fn links_are_read_from_either_side() {
    let (book, tag) = (on("Book"), on("Tag"));
    let tags = book.relation("tags");
    let of_books = tag.linked(tags, Side::Owner, vec![key([int(1)]), key([int(2)])]);
    check(
        &Select { order: vec![tag.order(&[], 0, false)], ..of_books.clone() },
        &expect![[r#"
        SELECT "t1"."book_id", "t0"."name" FROM "tag" AS "t0" INNER JOIN "book_tags" AS "t1" ON "t1"."tag_name" = "t0"."name" WHERE "t1"."book_id" IN (SELECT "k"."value" FROM json_each(?) AS "k") ORDER BY "t0"."name" ASC
        -- ["[1,2]"]
    "#]],
    );
    check(
        &Select {
            condition: book.is("author", Expression::always()),
            ..book.linked(tags, Side::Target, vec![key([text("war")])])
        },
        &expect![[r#"
        SELECT "t1"."tag_name", "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version" FROM "book" AS "t0" INNER JOIN "book_tags" AS "t1" ON "t1"."book_id" = "t0"."id" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t0"."author_id" WHERE "t1"."tag_name" = ? AND "t2"."id" IS NOT NULL
        -- ["war"]
    "#]],
    );
    let seats = on("Booking").relation("reserves");
    let composite =
        on("Booking").linked(seats, Side::Target, vec![key([int(1), text("a")]), key([int(2), text("b")])]);
    check(
        &composite,
        &expect![[r#"
        SELECT "t1"."seat_room", "t1"."seat_number", "t0"."id", "t0"."seat_room", "t0"."seat_number", "t0"."at" FROM "booking" AS "t0" INNER JOIN "booking_reserves" AS "t1" ON "t1"."booking_id" = "t0"."id" WHERE ("t1"."seat_room", "t1"."seat_number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k")
        -- ["[[1,\"a\"],[2,\"b\"]]"]
    "#]],
    );
}

#[test]
fn counting_needs_no_order_and_no_page() {
    let (book, author) = (on("Book"), on("Author"));
    let order = vec![book.order(&[book.relation("editor").index], author.field("name"), false)];
    let select = book.select(book.is("author", author.eq("name", text("a"))));
    let select = Select { order, limit: Some(1), offset: Some(1), ..select };
    let count = Statements::sqlite().count(&select).unwrap();
    expect![[r#"
        SELECT COUNT(*) FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" WHERE "t1"."id" IS NOT NULL AND "t1"."name" = ?
        -- ["a"]
    "#]].assert_eq(&crate::show(&[count]));
}

/// What is computed may depend on a related row, which is joined once; its values come first.
#[test]
fn values_stand_beside_columns_and_behind_keys_of_owners() {
    let category = on("Category");
    let parent = category.relation("parent").index;
    let name = Term::Property { path: vec![parent], property: category.field("name") };
    let shown = category.is("parent", category.eq("name", text("shown")));
    let shown = Term::When { condition: Box::new(shown), then: Box::new(name) };
    let beside = Selection::Beside(vec![(shown.clone(), ColumnType::Text)]);
    check(
        &Select { selection: beside, ..category.select(category.eq("id", int(1))) },
        &expect![[r#"
        SELECT (CASE WHEN ("t1"."id" IS NOT NULL AND "t1"."name" = ?) THEN "t1"."name" END), "t0"."id", "t0"."name", "t0"."parent_id" FROM "category" AS "t0" LEFT JOIN "category" AS "t1" ON "t1"."id" = "t0"."parent_id" WHERE "t0"."id" = ?
        -- ["shown", 1]
    "#]],
    );
    for relation in ["children", "similar"] {
        let items = Items { relation: category.relation(relation), keys: vec![key([int(1)]), key([int(2)])] };
        let selection = Selection::ItemTerms(items, vec![shown.clone()]);
        let order = vec![category.order(&[], category.field("id"), false)];
        let expected = match relation {
            "children" => expect![[r#"
                SELECT "t0"."parent_id", (CASE WHEN ("t1"."id" IS NOT NULL AND "t1"."name" = ?) THEN "t1"."name" END) FROM "category" AS "t0" LEFT JOIN "category" AS "t1" ON "t1"."id" = "t0"."parent_id" WHERE "t0"."parent_id" IN (SELECT "k"."value" FROM json_each(?) AS "k") ORDER BY "t0"."id" ASC
                -- ["shown", "[1,2]"]
            "#]],
            _ => expect![[r#"
                SELECT "t1"."category_1_id", (CASE WHEN ("t2"."id" IS NOT NULL AND "t2"."name" = ?) THEN "t2"."name" END) FROM "category" AS "t0" INNER JOIN "category_similar" AS "t1" ON "t1"."category_2_id" = "t0"."id" LEFT JOIN "category" AS "t2" ON "t2"."id" = "t0"."parent_id" WHERE "t1"."category_1_id" IN (SELECT "k"."value" FROM json_each(?) AS "k") ORDER BY "t0"."id" ASC
                -- ["shown", "[1,2]"]
            "#]],
        };
        check(&Select { selection, order, ..category.select(Expression::always()) }, &expected);
    }
}

fn join(owner: &str, relation: &str, parent: Option<usize>, condition: Expression) -> Join {
    let relation = metadata().entity_named(owner).unwrap().relation(relation).unwrap().0;
    Join { parent, relation, condition }
}

/// A join without a condition serves the conditions and the order too; one with a condition stands for itself.
#[test]
fn to_one_relations_are_joined() {
    let (book, author, category) = (on("Book"), on("Author"), on("Category"));
    let named = author.eq("name", text("Ann"));
    let joins = vec![
        join("Book", "author", None, Expression::always()),
        join("Book", "editor", None, author.some("books", book.eq("price", int(1))).and(named.clone())),
    ];
    let select = Select {
        selection: Selection::Joined(joins),
        limit: Some(2),
        ..book.select(book.is("author", named).and(book.is("editor", author.eq("name", text("Bob")))))
    };
    check(
        &select,
        &expect![[r#"
        SELECT "t0"."id", "t0"."title", "t0"."price", "t0"."author_id", "t0"."editor_id", "t0"."version", "t1"."id", "t1"."name", "t1"."email", "t1"."rating", "t1"."active", "t2"."id", "t2"."name", "t2"."email", "t2"."rating", "t2"."active" FROM "book" AS "t0" LEFT JOIN "author" AS "t1" ON "t1"."id" = "t0"."author_id" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t0"."editor_id" AND (EXISTS(SELECT 1 FROM "book" AS "t3" WHERE "t3"."author_id" = "t2"."id" AND ("t3"."price" COLLATE orm_decimal) = ?) IS TRUE AND "t2"."name" = ?) LEFT JOIN "author" AS "t4" ON "t4"."id" = "t0"."editor_id" WHERE "t1"."id" IS NOT NULL AND "t1"."name" = ? AND ("t4"."id" IS NOT NULL AND "t4"."name" = ?) LIMIT ?
        -- [1, "Ann", "Ann", "Bob", 2]
    "#]],
    );
    let joins = vec![
        join("Category", "parent", None, Expression::always()),
        join("Category", "parent", Some(0), category.is("parent", Expression::always())),
    ];
    let select = Select { selection: Selection::Joined(joins), ..category.select(Expression::always()) };
    check(
        &select,
        &expect![[r#"
        SELECT "t0"."id", "t0"."name", "t0"."parent_id", "t1"."id", "t1"."name", "t1"."parent_id", "t2"."id", "t2"."name", "t2"."parent_id" FROM "category" AS "t0" LEFT JOIN "category" AS "t1" ON "t1"."id" = "t0"."parent_id" LEFT JOIN "category" AS "t2" ON "t2"."id" = "t1"."parent_id" AND EXISTS(SELECT 1 FROM "category" AS "t3" LEFT JOIN "category" AS "t4" ON "t4"."id" = "t3"."parent_id" WHERE "t3"."id" = "t2"."id" AND "t4"."id" IS NOT NULL) IS TRUE
    "#]],
    );
    let statements = Statements::sqlite();
    let count = statements.count(&select).unwrap().sql;
    assert_eq!(&*count, r#"SELECT COUNT(*) FROM "category" AS "t0""#);
}
