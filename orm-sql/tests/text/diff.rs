//! What changes one database to another: the changes in words, and the statements there and back.

use expect_test::{Expect, expect};
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseEnum, DatabaseForeignKey, DatabaseGenerated, DatabaseIndex,
    DatabaseKey, DatabaseName, DatabaseSchema, DatabaseTable,
};
use orm_core::schema::{SchemaComparison, SchemaRenames, Unknown};
use orm_sql::mysql::read_table;
use orm_sql::{MySqlFlavor, Statements, sqlite};

/// The changes, then what does all of them, then what takes them back.
#[track_caller]
fn check(statements: &Statements, comparison: &SchemaComparison, expected: &Expect) {
    let diff = statements.diff_schema(comparison).unwrap();
    let [up, down] = [&diff.all().up, &diff.all().down]
        .map(|script| script.iter().map(|sql| format!("{sql};\n")).collect());
    let (up, down): (String, String) = (up, down);
    expected.assert_eq(&format!("{diff}-- up\n{up}-- down\n{down}"));
}

fn renames() -> SchemaRenames {
    let house = DatabaseName::new(None, "house");
    SchemaRenames { tables: Vec::new(), columns: vec![(house, "road".to_owned(), "street".to_owned())] }
}

fn on_sqlite(before: &[&str], after: &[&str], expected: &Expect) {
    let [live, wanted] = [before, after].map(|statements| {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        sqlite::described(&statements).unwrap()
    });
    let comparison = SchemaComparison { live, wanted, renames: renames(), ..SchemaComparison::default() };
    check(&Statements::sqlite(), &comparison, expected);
}

#[test]
fn sqlite_changes_in_place_what_it_can() {
    on_sqlite(
        &[
            "CREATE TABLE \"house\" ( \"id\" INTEGER NOT NULL, \"street\" TEXT, PRIMARY KEY (\"id\") ) STRICT",
            "CREATE INDEX \"by_street\" ON \"house\" (\"street\")",
        ],
        &[
            "CREATE TABLE \"house\" ( \"id\" INTEGER NOT NULL, \"road\" TEXT, \"note\" TEXT, PRIMARY KEY (\"id\") ) STRICT",
            "CREATE UNIQUE INDEX \"by_note\" ON \"house\" (\"note\") WHERE note <> ''",
        ],
        &expect![[r#"
            house: rename the column street to road
            house: add the column note TEXT
            house: drop the index by_street on road
            house: add the unique index by_note on note
            -- up
            ALTER TABLE "house" RENAME COLUMN "street" TO "road";
            ALTER TABLE "house" ADD COLUMN "note" TEXT;
            DROP INDEX "by_street";
            CREATE UNIQUE INDEX "by_note" ON "house" ("note") WHERE note <> '';
            -- down
            PRAGMA foreign_keys = OFF;
            ALTER TABLE "house" RENAME COLUMN "road" TO "street";
            CREATE TABLE "orm_new_house" ("id" INTEGER NOT NULL, "street" TEXT, PRIMARY KEY ("id")) STRICT;
            INSERT INTO "orm_new_house" ("id", "street") SELECT "id", "street" FROM "house";
            DROP TABLE "house";
            PRAGMA legacy_alter_table = ON;
            ALTER TABLE "orm_new_house" RENAME TO "house";
            PRAGMA legacy_alter_table = OFF;
            CREATE INDEX "by_street" ON "house" ("street");
            PRAGMA foreign_key_check;
            PRAGMA foreign_keys = ON;
        "#]],
    );
}

#[test]
fn sqlite_makes_a_table_anew_for_the_rest() {
    on_sqlite(
        &[
            "CREATE TABLE \"owner\" ( \"id\" INTEGER NOT NULL, PRIMARY KEY (\"id\") ) STRICT",
            "CREATE TABLE \"house\" ( \"id\" INTEGER NOT NULL, \"street\" TEXT, \"price\" INTEGER, \"tax\" INTEGER, \
             PRIMARY KEY (\"id\") ) STRICT",
        ],
        &[
            "CREATE TABLE \"owner\" ( \"id\" INTEGER NOT NULL, PRIMARY KEY (\"id\") ) STRICT",
            "CREATE TABLE \"house\" ( \"id\" INTEGER NOT NULL, \"road\" TEXT NOT NULL DEFAULT 'none', \"price\" INTEGER, \
             \"tax\" INTEGER GENERATED ALWAYS AS (price / 5) STORED, \"owner_id\" INTEGER, PRIMARY KEY (\"id\"), CONSTRAINT \
             \"sold\" CHECK (price > 0), FOREIGN KEY (\"owner_id\") REFERENCES \"owner\" (\"id\") ) STRICT",
        ],
        &expect![[r#"
            house: rename the column street to road
            house: set the default of road to 'none'
            house: make road not null (destructive: rows with NULL in it are refused)
            house: compute tax as price / 5 (destructive: what is in it goes)
            house: add the column owner_id INTEGER
            house: add the check sold
            house: add the foreign key owner_id to owner
            -- up
            PRAGMA foreign_keys = OFF;
            ALTER TABLE "house" RENAME COLUMN "street" TO "road";
            CREATE TABLE "orm_new_house" ("id" INTEGER NOT NULL, "road" TEXT NOT NULL DEFAULT 'none', "price" INTEGER, "tax" INTEGER GENERATED ALWAYS AS (price / 5) STORED, "owner_id" INTEGER, PRIMARY KEY ("id"), CONSTRAINT "sold" CHECK (price > 0), FOREIGN KEY ("owner_id") REFERENCES "owner" ("id")) STRICT;
            INSERT INTO "orm_new_house" ("id", "road", "price") SELECT "id", "road", "price" FROM "house";
            DROP TABLE "house";
            PRAGMA legacy_alter_table = ON;
            ALTER TABLE "orm_new_house" RENAME TO "house";
            PRAGMA legacy_alter_table = OFF;
            PRAGMA foreign_key_check;
            PRAGMA foreign_keys = ON;
            -- down
            PRAGMA foreign_keys = OFF;
            ALTER TABLE "house" RENAME COLUMN "road" TO "street";
            CREATE TABLE "orm_new_house" ("id" INTEGER NOT NULL, "street" TEXT, "price" INTEGER, "tax" INTEGER, PRIMARY KEY ("id")) STRICT;
            INSERT INTO "orm_new_house" ("id", "street", "price", "tax") SELECT "id", "street", "price", "tax" FROM "house";
            DROP TABLE "house";
            PRAGMA legacy_alter_table = ON;
            ALTER TABLE "orm_new_house" RENAME TO "house";
            PRAGMA legacy_alter_table = OFF;
            PRAGMA foreign_key_check;
            PRAGMA foreign_keys = ON;
        "#]],
    );
}

fn column(name: &str, type_name: &str) -> DatabaseColumn {
    DatabaseColumn { name: name.to_owned(), type_name: type_name.to_owned(), ..DatabaseColumn::default() }
}

fn index(name: &str, is_unique: bool, definition: &str, columns: &[&str]) -> DatabaseIndex {
    DatabaseIndex {
        name: Some(name.to_owned()),
        is_unique,
        definition: definition.to_owned(),
        columns: Some(columns.iter().map(|column| (*column).to_owned()).collect()),
        ..DatabaseIndex::default()
    }
}

fn house(columns: Vec<DatabaseColumn>) -> DatabaseTable {
    let key = DatabaseKey { name: Some("house_pkey".to_owned()), columns: vec!["id".to_owned()] };
    DatabaseTable {
        name: DatabaseName::new(None, "house"),
        columns,
        primary_key: Some(key),
        ..DatabaseTable::default()
    }
}

fn mood(labels: &[&str]) -> DatabaseEnum {
    DatabaseEnum {
        name: DatabaseName::new(None, "mood"),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    }
}

/// Two databases in the words of PostgreSQL.
fn on_postgres() -> SchemaComparison {
    let before = DatabaseTable {
        indexes: vec![index("by_street", false, "USING btree (street)", &["street"])],
        checks: vec![DatabaseCheck {
            name: Some("house_note_length".to_owned()),
            expression: "(char_length(note) <= 20)".to_owned(),
        }],
        ..house(vec![
            column("id", "integer"),
            DatabaseColumn { nullable: true, ..column("street", "text") },
            DatabaseColumn { nullable: true, ..column("note", "text") },
            DatabaseColumn { default: Some("'calm'::mood".to_owned()), ..column("mood", "mood") },
            column("built", "boolean"),
            DatabaseColumn {
                generated: Some(DatabaseGenerated { expression: "(id * 2)".to_owned(), is_stored: true }),
                ..column("twice", "integer")
            },
        ])
    };
    let after = DatabaseTable {
        comment: Some("it's one".to_owned()),
        indexes: vec![index("by_road", false, "USING btree (road)", &["road"])],
        checks: vec![DatabaseCheck {
            name: Some("house_note_length".to_owned()),
            expression: "(char_length(note) <= 10)".to_owned(),
        }],
        foreign_keys: vec![DatabaseForeignKey {
            name: Some("house_next_foreign".to_owned()),
            columns: vec!["next".to_owned()],
            referenced_table: DatabaseName::new(None, "house"),
            referenced_columns: vec!["id".to_owned()],
            on_delete: Some(ReferentialAction::SetNull),
            ..DatabaseForeignKey::default()
        }],
        ..house(vec![
            DatabaseColumn {
                counted: Some("GENERATED BY DEFAULT AS IDENTITY".to_owned()),
                ..column("id", "bigint")
            },
            DatabaseColumn { default: Some("'none'::text".to_owned()), ..column("road", "text") },
            DatabaseColumn { nullable: true, comment: Some("said".to_owned()), ..column("note", "text") },
            DatabaseColumn { default: Some("'calm'::mood".to_owned()), ..column("mood", "mood") },
            column("built", "date"),
            DatabaseColumn {
                generated: Some(DatabaseGenerated { expression: "(id * 3)".to_owned(), is_stored: true }),
                ..column("twice", "integer")
            },
            DatabaseColumn { nullable: true, ..column("next", "bigint") },
        ])
    };
    let schema = |table: DatabaseTable, labels: &[&str]| DatabaseSchema {
        enums: vec![mood(labels)],
        tables: vec![table],
        ..DatabaseSchema::default()
    };
    SchemaComparison {
        live: schema(before, &["calm", "wild"]),
        wanted: schema(after, &["calm", "cross", "wild"]),
        renames: renames(),
        ..SchemaComparison::default()
    }
}

#[test]
fn postgres_changes_everything_in_place() {
    check(
        &Statements::postgres(),
        &on_postgres(),
        &expect![[r#"
        house: rename the column street to road
        change the labels of the type mood from calm, wild to calm, cross, wild
        house: change the type of id from integer to bigint
        house: let the database count id up
        house: set the default of road to 'none'::text
        house: make road not null (destructive: rows with NULL in it are refused)
        house: set the comment of note
        house: change the type of built from boolean to date (destructive: values that do not fit the new type are lost or refused)
        house: compute twice as (id * 3)
        house: add the column next bigint
        house: rename the index by_street on road to by_road
        house: drop the check house_note_length (destructive: rows with what is allowed no more are refused)
        house: add the check house_note_length (destructive: rows with what is allowed no more are refused)
        house: add the foreign key next to house
        house: set the comment
        -- up
        ALTER TABLE "house" RENAME COLUMN "street" TO "road";
        ALTER TYPE "mood" ADD VALUE 'cross' AFTER 'calm';
        ALTER TABLE "house" DROP CONSTRAINT "house_note_length";
        ALTER INDEX "by_street" RENAME TO "by_road";
        ALTER TABLE "house" DROP COLUMN "twice";
        ALTER TABLE "house" ADD COLUMN "twice" integer GENERATED ALWAYS AS ((id * 3)) STORED NOT NULL;
        ALTER TABLE "house" ADD COLUMN "next" bigint;
        ALTER TABLE "house" ALTER COLUMN "id" TYPE bigint USING "id"::bigint;
        ALTER TABLE "house" ALTER COLUMN "id" ADD GENERATED BY DEFAULT AS IDENTITY;
        SELECT setval(pg_get_serial_sequence('"house"', 'id'), coalesce(max("id"), 0) + 1, false) FROM "house";
        ALTER TABLE "house" ALTER COLUMN "road" SET DEFAULT 'none'::text;
        ALTER TABLE "house" ALTER COLUMN "road" SET NOT NULL;
        ALTER TABLE "house" ALTER COLUMN "built" TYPE date USING "built"::text::date;
        ALTER TABLE "house" ADD CONSTRAINT "house_note_length" CHECK ((char_length(note) <= 10));
        ALTER TABLE "house" ADD CONSTRAINT "house_next_foreign" FOREIGN KEY ("next") REFERENCES "house" ("id") ON DELETE SET NULL;
        COMMENT ON COLUMN "house"."note" IS 'said';
        COMMENT ON TABLE "house" IS 'it''s one';
        -- down
        ALTER TABLE "house" RENAME COLUMN "road" TO "street";
        ALTER TYPE "mood" RENAME TO "mood_old";
        CREATE TYPE "mood" AS ENUM ('calm', 'wild');
        ALTER TABLE "house" DROP CONSTRAINT "house_next_foreign";
        ALTER TABLE "house" DROP CONSTRAINT "house_note_length";
        ALTER INDEX "by_road" RENAME TO "by_street";
        ALTER TABLE "house" DROP COLUMN "twice";
        ALTER TABLE "house" DROP COLUMN "next";
        ALTER TABLE "house" ADD COLUMN "twice" integer GENERATED ALWAYS AS ((id * 2)) STORED NOT NULL;
        ALTER TABLE "house" ALTER COLUMN "id" DROP IDENTITY;
        ALTER TABLE "house" ALTER COLUMN "mood" DROP DEFAULT;
        ALTER TABLE "house" ALTER COLUMN "mood" TYPE mood USING "mood"::text::mood;
        ALTER TABLE "house" ALTER COLUMN "mood" SET DEFAULT 'calm'::mood;
        ALTER TABLE "house" ALTER COLUMN "id" TYPE integer USING "id"::integer;
        ALTER TABLE "house" ALTER COLUMN "street" DROP DEFAULT;
        ALTER TABLE "house" ALTER COLUMN "street" DROP NOT NULL;
        ALTER TABLE "house" ALTER COLUMN "built" TYPE boolean USING "built"::text::boolean;
        ALTER TABLE "house" ADD CONSTRAINT "house_note_length" CHECK ((char_length(note) <= 20));
        COMMENT ON COLUMN "house"."note" IS NULL;
        COMMENT ON TABLE "house" IS NULL;
        DROP TYPE "mood_old";
    "#]],
    );
}

#[test]
fn a_type_with_a_label_less_is_made_anew() {
    let mut comparison = on_postgres();
    comparison.wanted.tables.clone_from(&comparison.live.tables);
    comparison.wanted.enums = vec![mood(&["wild"])];
    comparison.renames = SchemaRenames::default();
    check(
        &Statements::postgres(),
        &comparison,
        &expect![[r#"
        change the labels of the type mood from calm, wild to wild (destructive: rows with a label that goes are refused)
        -- up
        ALTER TYPE "mood" RENAME TO "mood_old";
        CREATE TYPE "mood" AS ENUM ('wild');
        ALTER TABLE "house" ALTER COLUMN "mood" DROP DEFAULT;
        ALTER TABLE "house" ALTER COLUMN "mood" TYPE mood USING "mood"::text::mood;
        ALTER TABLE "house" ALTER COLUMN "mood" SET DEFAULT 'calm'::mood;
        DROP TYPE "mood_old";
        -- down
        ALTER TYPE "mood" ADD VALUE 'calm' BEFORE 'wild';
    "#]],
    );
}

#[test]
fn what_nobody_knows_is_dropped_if_asked_for() {
    let mut comparison = on_postgres();
    comparison.wanted = DatabaseSchema::default();
    check(
        &Statements::postgres(),
        &comparison,
        &expect![[r#"
        nothing to change
        -- up
        -- down
    "#]],
    );
    comparison.unknown = Unknown::Dropped;
    check(
        &Statements::postgres(),
        &comparison,
        &expect![[r#"
        drop the type mood (destructive: no entity knows it)
        drop the table house (destructive: no entity knows it, and its rows go)
        -- up
        DROP TABLE "house";
        DROP TYPE "mood";
        -- down
        CREATE TYPE "mood" AS ENUM ('calm', 'wild');
        CREATE TABLE "house" ("id" integer NOT NULL, "street" text, "note" text, "mood" mood DEFAULT 'calm'::mood NOT NULL, "built" boolean NOT NULL, "twice" integer GENERATED ALWAYS AS ((id * 2)) STORED NOT NULL, CONSTRAINT "house_pkey" PRIMARY KEY ("id"), CONSTRAINT "house_note_length" CHECK ((char_length(note) <= 20)));
        CREATE INDEX "by_street" ON "house" USING btree (street);
    "#]],
    );
}

#[test]
fn mariadb_changes_a_column_as_a_whole() {
    let [live, wanted] = [
        "CREATE TABLE `house` (\n  `id` int(11) NOT NULL,\n  `street` varchar(41) DEFAULT NULL,\n  `mood` varchar(64) NOT \
         NULL,\n  `twice` int(11) GENERATED ALWAYS AS (`id` * 2) STORED,\n  PRIMARY KEY (`id`),\n  KEY `by_street` \
         (`street`),\n  CONSTRAINT `house_mood_labels` CHECK (`mood` in ('calm','wild'))\n) ENGINE=InnoDB",
        "CREATE TABLE `house` (\n  `id` bigint(20) NOT NULL AUTO_INCREMENT,\n  `road` varchar(41) NOT NULL DEFAULT 'none' \
         COMMENT 'it''s said',\n  `mood` varchar(64) NOT NULL,\n  `twice` int(11) GENERATED ALWAYS AS (`id` * 3) STORED,\n  \
         `next` bigint(20) DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `by_road` (`road`),\n  CONSTRAINT \
         `house_next_foreign` FOREIGN KEY (`next`) REFERENCES `house` (`id`) ON DELETE SET NULL,\n  CONSTRAINT \
         `house_mood_labels` CHECK (`mood` in ('calm'))\n) ENGINE=InnoDB COMMENT='a house'",
    ]
    .map(|answer| DatabaseSchema {
        tables: vec![read_table(DatabaseName::new(None, "house"), answer).unwrap()],
        ..DatabaseSchema::default()
    });
    let comparison = SchemaComparison { live, wanted, renames: renames(), ..SchemaComparison::default() };
    check(
        &Statements::mysql(MySqlFlavor::MariaDb),
        &comparison,
        &expect![[r#"
            house: rename the column street to road
            house: change the type of id from int(11) to bigint(20)
            house: let the database count id up
            house: set the default of road to 'none'
            house: make road not null (destructive: rows with NULL in it are refused)
            house: set the comment of road
            house: compute twice as `id` * 3
            house: add the column next bigint(20)
            house: drop the index by_street on road
            house: add the unique index by_road on road
            house: drop the check house_mood_labels (destructive: rows with what is allowed no more are refused)
            house: add the check house_mood_labels (destructive: rows with what is allowed no more are refused)
            house: add the foreign key next to house
            house: set the comment
            -- up
            ALTER TABLE `house` DROP CONSTRAINT `house_mood_labels`;
            ALTER TABLE `house` RENAME COLUMN `street` TO `road`;
            ALTER TABLE `house` ADD COLUMN `next` bigint(20) NULL;
            ALTER TABLE `house` DROP INDEX `by_street`;
            ALTER TABLE `house` MODIFY COLUMN `id` bigint(20) NOT NULL AUTO_INCREMENT;
            ALTER TABLE `house` MODIFY COLUMN `road` varchar(41) NOT NULL DEFAULT 'none' COMMENT 'it''s said';
            ALTER TABLE `house` MODIFY COLUMN `twice` int(11) GENERATED ALWAYS AS (`id` * 3) STORED;
            CREATE UNIQUE INDEX `by_road` ON `house` (`road`);
            ALTER TABLE `house` ADD CONSTRAINT `house_mood_labels` CHECK (`mood` in ('calm'));
            ALTER TABLE `house` ADD CONSTRAINT `house_next_foreign` FOREIGN KEY (`next`) REFERENCES `house` (`id`) ON DELETE SET NULL;
            ALTER TABLE `house` COMMENT = 'a house';
            -- down
            ALTER TABLE `house` DROP CONSTRAINT `house_mood_labels`;
            ALTER TABLE `house` RENAME COLUMN `road` TO `street`;
            ALTER TABLE `house` DROP FOREIGN KEY `house_next_foreign`;
            ALTER TABLE `house` DROP INDEX `by_road`;
            ALTER TABLE `house` MODIFY COLUMN `id` int(11) NOT NULL;
            ALTER TABLE `house` MODIFY COLUMN `street` varchar(41) NULL;
            ALTER TABLE `house` MODIFY COLUMN `twice` int(11) GENERATED ALWAYS AS (`id` * 2) STORED;
            CREATE INDEX `by_street` ON `house` (`street`);
            ALTER TABLE `house` DROP COLUMN `next`;
            ALTER TABLE `house` ADD CONSTRAINT `house_mood_labels` CHECK (`mood` in ('calm','wild'));
            ALTER TABLE `house` COMMENT = '';
        "#]],
    );
}

#[test]
fn mariadb_changes_a_key_with_its_columns_and_a_column_with_its_check() {
    let [live, wanted] = [
        "CREATE TABLE `house` (\n  `id` bigint(20) NOT NULL AUTO_INCREMENT,\n  `plan` longtext DEFAULT NULL,\n  `price` \
         int(11) NOT NULL,\n  `tax` int(11) GENERATED ALWAYS AS (`price` * 2) VIRTUAL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB",
        "CREATE TABLE `house` (\n  `plan` longtext NOT NULL CHECK (json_valid(`plan`)),\n  `price` int(11) NOT NULL,\n  `tax` \
         int(11) DEFAULT NULL,\n  `next` longtext DEFAULT NULL CHECK (json_valid(`next`)),\n  PRIMARY KEY (`price`)\n) \
         ENGINE=InnoDB",
    ]
    .map(|answer| DatabaseSchema {
        tables: vec![read_table(DatabaseName::new(None, "house"), answer).unwrap()],
        ..DatabaseSchema::default()
    });
    let comparison = SchemaComparison { live, wanted, ..SchemaComparison::default() };
    check(
        &Statements::mysql(MySqlFlavor::MariaDb),
        &comparison,
        &expect![[r#"
            house: make plan not null (destructive: rows with NULL in it are refused)
            house: compute tax no more
            house: add the column next longtext
            house: drop the column id (destructive: what is in it goes)
            house: change the primary key to price (destructive: rows that agree in the new key are refused)
            house: add the check json_valid(`plan`) (destructive: rows with what is allowed no more are refused)
            house: add the check json_valid(`next`)
            -- up
            ALTER TABLE `house` MODIFY COLUMN `plan` longtext NOT NULL CHECK (json_valid(`plan`)), DROP COLUMN `tax`, ADD COLUMN `tax` int(11) NULL, ADD COLUMN `next` longtext NULL CHECK (json_valid(`next`)), DROP COLUMN `id`, DROP PRIMARY KEY, ADD PRIMARY KEY (`price`);
            UPDATE `house` SET `tax` = (`price` * 2);
            -- down
            ALTER TABLE `house` ADD COLUMN `id` bigint(20) NOT NULL AUTO_INCREMENT, MODIFY COLUMN `plan` longtext NULL, DROP COLUMN `tax`, ADD COLUMN `tax` int(11) GENERATED ALWAYS AS (`price` * 2) VIRTUAL, DROP PRIMARY KEY, ADD PRIMARY KEY (`id`);
            ALTER TABLE `house` DROP COLUMN `next`;
        "#]],
    );
}
