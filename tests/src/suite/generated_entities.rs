//! Entities that are printed from a live database: they compile, and mean what the database holds.

use expect_test::expect_file;
use orm_core::Result;

use crate::fixtures::{harbour, legacy};
use crate::{Backend, TestDb};

/// What is printed is the same each time, to the word.
pub async fn what_is_printed_is_known_to_the_word<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(harbour::entities).await?;
    let printed = db.orm.schema().generate_entities().await?;
    let name = B::facts().printed.name;
    expect_file![format!("../fixtures/printed/harbour/{name}.rs")].assert_eq(&printed);
    assert_eq!(db.orm.schema().generate_entities().await?, printed);
    Ok(())
}

/// A program made of what is printed finds nothing to change in the database that it was printed from.
pub async fn printed_entities_need_no_change<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(harbour::entities).await?;
    let printed = db.beside(B::facts().printed.harbour).await?;
    let diff = printed.orm.schema().diff().await?;
    assert!(diff.is_empty(), "{diff}{:#?}", diff.all_statements());
    Ok(())
}

/// What no entity can be is said in comments; what the program asks for, and the table of migrations, is not mentioned.
pub async fn what_has_no_entity_is_said<B: Backend>() -> Result<()> {
    let db = foreign::<B>().await?;
    let name = B::facts().printed.name;
    let printed = db.orm.schema().generate_entities().await?;
    expect_file![format!("../fixtures/printed/legacy/{name}.rs")].assert_eq(&printed);
    assert!(printed.contains("// `no key` is left out") && !printed.contains("applied_at"), "{printed}");
    let less = db.orm.schema().generate_entities().ignore("no key").ignore("v staff").ignore("shape").await?;
    assert!(!less.contains("left out") && !less.contains("Left out") && !less.contains("Shape"), "{less}");
    Ok(())
}

/// Tables of others are read by what is printed of them.
pub async fn printed_entities_read_the_rows<B: Backend>() -> Result<()> {
    let db = foreign::<B>().await?;
    let printed = B::facts().printed;
    let db = db.beside(printed.legacy).await?;
    assert_eq!((printed.legacy_rows)(db.em()).await?, [3, 2, 3, 1, 3]);
    Ok(())
}

/// Tables that others made, some with what the derive has no words for.
async fn foreign<B: Backend>() -> Result<TestDb> {
    let db = legacy::seeded::<B>().await?;
    db.run(&[
        r#"CREATE TABLE "no key" ("a" INTEGER)"#,
        r#"CREATE TABLE "core" ("id" INTEGER NOT NULL PRIMARY KEY, "code" INTEGER UNIQUE)"#,
        r#"CREATE TABLE "core_handle" ("id" INTEGER NOT NULL PRIMARY KEY, "core" INTEGER,
            FOREIGN KEY ("id") REFERENCES "core" ("id"))"#,
        r#"CREATE TABLE "core_friends" ("a" INTEGER NOT NULL, "b" INTEGER NOT NULL, PRIMARY KEY ("b", "a"),
            FOREIGN KEY ("a") REFERENCES "core" ("id"), FOREIGN KEY ("b") REFERENCES "core" ("id"))"#,
        &format!(
            r#"CREATE TABLE "shape" ("id" INTEGER NOT NULL PRIMARY KEY, "area" {}, "core_id" INTEGER NOT NULL,
            "core_code" INTEGER, "Self" VARCHAR(10), "2nd" INTEGER, "a b" INTEGER, "a_b" INTEGER, "type" VARCHAR(5),
            "matched" INTEGER, "ratio" DOUBLE PRECISION DEFAULT 0.5, CHECK ("type" <> 'x'),
            FOREIGN KEY ("core_id") REFERENCES "core" ("id"), FOREIGN KEY ("core_code") REFERENCES "core" ("code"))"#,
            B::facts().unknown_type,
        ),
        r#"CREATE INDEX "by type" ON "shape" ("type", "2nd")"#,
        "CREATE TABLE migrated (version BIGINT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, checksum VARCHAR(64) \
         NOT NULL, state VARCHAR(16) NOT NULL, applied_at VARCHAR(32) NOT NULL, duration_us BIGINT NOT NULL, done BIGINT \
         NOT NULL)",
    ])
    .await?;
    Ok(db)
}
