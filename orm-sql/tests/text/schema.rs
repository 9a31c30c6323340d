//! Tables.

use expect_test::expect;
use orm_core::schema::{Column, Schema, Table};
use orm_core::value::ColumnType;
use orm_sql::Statements;

use crate::fixture::metadata;

#[test]
fn tables_indexes_and_constraints() {
    let statements = Statements::sqlite().create_schema(&Schema::of(&metadata())).unwrap();
    expect![[r#"
        CREATE TABLE "author" ( "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "name" TEXT NOT NULL CONSTRAINT "author_name_length" CHECK (length("name") <= 40), "email" TEXT, "rating" REAL, "active" INTEGER NOT NULL DEFAULT 1 ) STRICT;
        CREATE UNIQUE INDEX "author_email_unique" ON "author" ("email");
        CREATE TABLE "category" ( "id" INTEGER NOT NULL, "name" TEXT NOT NULL, "parent_id" INTEGER, PRIMARY KEY ("id"), FOREIGN KEY ("parent_id") REFERENCES "category" ("id") ) STRICT;
        CREATE INDEX "category_parent_id_index" ON "category" ("parent_id");
        CREATE TABLE "a ""note""" ( "the ?key" BLOB NOT NULL, "select" TEXT NOT NULL, PRIMARY KEY ("the ?key") ) STRICT;
        CREATE TABLE "book" ( "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "price" TEXT, "author_id" INTEGER NOT NULL, "editor_id" INTEGER, "version" INTEGER NOT NULL, FOREIGN KEY ("author_id") REFERENCES "author" ("id"), FOREIGN KEY ("editor_id") REFERENCES "author" ("id") ON DELETE SET NULL ) STRICT;
        CREATE INDEX "book_author_id_index" ON "book" ("author_id");
        CREATE INDEX "book_editor_id_index" ON "book" ("editor_id");
        CREATE UNIQUE INDEX "one ""title"" each" ON "book" ("author_id", "title") WHERE price is not null;
        CREATE TABLE "profile" ( "id" TEXT NOT NULL, "author_id" INTEGER NOT NULL, "born" TEXT, "photo" BLOB, PRIMARY KEY ("id"), FOREIGN KEY ("author_id") REFERENCES "author" ("id") ON DELETE CASCADE ) STRICT;
        CREATE UNIQUE INDEX "profile_author_id_unique" ON "profile" ("author_id");
        CREATE TABLE "seat" ( "room" INTEGER NOT NULL, "number" TEXT NOT NULL, PRIMARY KEY ("room", "number") ) STRICT;
        CREATE TABLE "booking" ( "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "seat_room" INTEGER, "seat_number" TEXT, "at" TEXT NOT NULL, FOREIGN KEY ("seat_room", "seat_number") REFERENCES "seat" ("room", "number") ) STRICT;
        CREATE INDEX "booking_seat_room_seat_number_index" ON "booking" ("seat_room", "seat_number");
        CREATE TABLE "tag" ( "name" TEXT NOT NULL, PRIMARY KEY ("name") ) STRICT;
        CREATE TABLE "category_similar" ( "category_1_id" INTEGER NOT NULL, "category_2_id" INTEGER NOT NULL, PRIMARY KEY ("category_1_id", "category_2_id"), FOREIGN KEY ("category_1_id") REFERENCES "category" ("id") ON DELETE CASCADE ON UPDATE CASCADE, FOREIGN KEY ("category_2_id") REFERENCES "category" ("id") ON DELETE CASCADE ON UPDATE CASCADE ) STRICT;
        CREATE INDEX "category_similar_category_2_id_index" ON "category_similar" ("category_2_id");
        CREATE TABLE "booking_reserves" ( "booking_id" INTEGER NOT NULL, "seat_room" INTEGER NOT NULL, "seat_number" TEXT NOT NULL, PRIMARY KEY ("booking_id", "seat_room", "seat_number"), FOREIGN KEY ("booking_id") REFERENCES "booking" ("id") ON DELETE CASCADE ON UPDATE CASCADE, FOREIGN KEY ("seat_room", "seat_number") REFERENCES "seat" ("room", "number") ON DELETE CASCADE ON UPDATE CASCADE ) STRICT;
        CREATE INDEX "booking_reserves_seat_room_seat_number_index" ON "booking_reserves" ("seat_room", "seat_number");
        CREATE TABLE "book_tags" ( "book_id" INTEGER NOT NULL, "tag_name" TEXT NOT NULL, PRIMARY KEY ("book_id", "tag_name"), FOREIGN KEY ("book_id") REFERENCES "book" ("id") ON DELETE CASCADE ON UPDATE CASCADE, FOREIGN KEY ("tag_name") REFERENCES "tag" ("name") ON DELETE CASCADE ON UPDATE CASCADE ) STRICT;
        CREATE INDEX "book_tags_tag_name_index" ON "book_tags" ("tag_name");
    "#]].assert_eq(&(statements.join(";\n") + ";\n"));
}

#[test]
fn tables_go_in_the_opposite_order() {
    let statements = Statements::sqlite().drop_schema(&Schema::of(&metadata())).unwrap();
    expect![[r#"
        PRAGMA defer_foreign_keys = ON;
        DROP TABLE IF EXISTS "book_tags";
        DROP TABLE IF EXISTS "booking_reserves";
        DROP TABLE IF EXISTS "category_similar";
        DROP TABLE IF EXISTS "tag";
        DROP TABLE IF EXISTS "booking";
        DROP TABLE IF EXISTS "seat";
        DROP TABLE IF EXISTS "profile";
        DROP TABLE IF EXISTS "book";
        DROP TABLE IF EXISTS "a ""note""";
        DROP TABLE IF EXISTS "category";
        DROP TABLE IF EXISTS "author";
    "#]]
    .assert_eq(&(statements.join(";\n") + ";\n"));
}

#[test]
fn what_sqlite_cannot_have_is_refused() {
    let column = |name: &str| Column::new(name, ColumnType::Int(64));
    let table = Table {
        name: "t".to_owned(),
        columns: vec![column("a"), column("b")],
        primary_key: vec!["a".to_owned()],
        ..Table::default()
    };
    let in_schema = Table { schema: Some("other".to_owned()), ..table.clone() };
    let half_generated = Table {
        primary_key: vec!["a".to_owned(), "b".to_owned()],
        generated_key: Some("a".to_owned()),
        ..table.clone()
    };
    let nameless = Table { columns: vec![column("a\0")], ..table };
    for (table, reason) in [
        (
            in_schema,
            "the table t is in the schema other, or refers to one there, but this database has no schemas",
        ),
        (
            half_generated,
            "the key of the table t has several columns, so the database can't generate one of them",
        ),
        (nameless, "\"a\\0\" can't name a part of the table t"),
    ] {
        let error = Statements::sqlite()
            .create_schema(&Schema { tables: vec![table], ..Schema::default() })
            .unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
}
