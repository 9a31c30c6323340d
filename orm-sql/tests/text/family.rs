//! Writes as every database is sent them, in one expectation; what follows a `?` is asked where the number of rows does not
//! say which were found.

use expect_test::{Expect, expect};
use orm_core::Value;
use orm_core::condition::Expression;
use orm_core::driver::{DeleteRow, LockStrength, LockWait, RowLock, UpdateRow, Write};
use orm_core::schema::Schema;
use orm_sql::{MySqlFlavor, Statements};

use crate::fixture::metadata;
use crate::operations::{int, key, on, text};

#[test]
fn generated_keys_go_to_rows_in_their_order() {
    let rows = vec![vec![text("a")], vec![text("b")]];
    check(
        &on("Author").insert(&["name"], rows, &["id"]),
        &expect![[r#"
        sqlite: INSERT INTO "author" ("id", "name") SELECT (CASE WHEN ("t0"."last" < 9223372036854775807 - "k"."key") THEN "t0"."last" + 1 + "k"."key" END), "k"."value" ->> 0 FROM json_each(?) AS "k", (SELECT max(0, COALESCE((SELECT MAX("id") FROM "author"), 0), COALESCE((SELECT "seq" FROM "sqlite_sequence" WHERE ("name" COLLATE NOCASE) = ?), 0)) AS "last") AS "t0" RETURNING "id"
        postgres: WITH "rows" AS (SELECT nextval((SELECT pg_get_serial_sequence('"author"', 'id'))) AS "key", "k"."ord" - 1 AS "ordinal", "k"."c0" AS "c0" FROM (SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS u (c0, ord)) AS "k") , "written" ("r0") AS (INSERT INTO "author" ("id", "name") SELECT "key", "c0" FROM "rows" RETURNING "id") SELECT "rows"."ordinal", "written"."r0" FROM "written" INNER JOIN "rows" ON "rows"."key" = "written"."r0"
        mariadb: INSERT INTO `author` (`name`) SELECT `k`.`c0` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR, `j0` JSON PATH '$[0]')) AS `k` ORDER BY `k`.`ord` - 1 ASC RETURNING `id`
        mysql: INSERT INTO `author` (`name`) VALUES (?), (?)
    "#]],
    );
}

#[test]
fn rows_are_changed_by_others() {
    let row = |id| UpdateRow { key: key([int(id)]), values: vec![text("x"), int(2)], expected: vec![int(1)] };
    check(
        &on("Book").update(&["title", "version"], vec![row(1), row(2)], &["version"]),
        &expect![[r#"
        sqlite: UPDATE "book" AS "t0" SET "title" = "k"."value" ->> 0, "version" = "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE "t0"."id" = ("k"."value" ->> 2) AND "t0"."version" IS ("k"."value" ->> 3) RETURNING "id"
        postgres: UPDATE "book" AS "t0" SET "title" = "k"."c0", "version" = "k"."c1" FROM (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS u (c0, c1, c2, c3, ord)) AS "k" WHERE "t0"."id" = "k"."c2" AND ("t0"."version" IS NOT DISTINCT FROM "k"."c3") RETURNING "id"
        mariadb: UPDATE JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR, `j0` JSON PATH '$[0]', `c1` BIGINT PATH '$[1]' ERROR ON ERROR, `c2` BIGINT PATH '$[2]' ERROR ON ERROR, `c3` BIGINT PATH '$[3]' ERROR ON ERROR)) AS `k` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `k`.`c2` AND (`t0`.`version` <=> `k`.`c3`) SET `t0`.`title` = `k`.`c0`, `t0`.`version` = `k`.`c1`
        mariadb? SELECT `t0`.`id` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR, `j0` JSON PATH '$[0]', `c1` BIGINT PATH '$[1]' ERROR ON ERROR, `c2` BIGINT PATH '$[2]' ERROR ON ERROR, `c3` BIGINT PATH '$[3]' ERROR ON ERROR)) AS `k` INNER JOIN `book` AS `t0` ON (`t0`.`title` <=> IF(`k`.`c0` IS NULL, NULL, JSON_UNQUOTE(`k`.`j0`))) AND (`t0`.`version` <=> `k`.`c1`) AND `t0`.`id` = `k`.`c2`
        mysql: UPDATE JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR, `j0` JSON PATH '$[0]', `c1` BIGINT PATH '$[1]' ERROR ON ERROR, `c2` BIGINT PATH '$[2]' ERROR ON ERROR, `c3` BIGINT PATH '$[3]' ERROR ON ERROR)) AS `k` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `k`.`c2` AND (`t0`.`version` <=> `k`.`c3`) SET `t0`.`title` = `k`.`c0`, `t0`.`version` = `k`.`c1`
        mysql? SELECT `t0`.`id` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` LONGTEXT CHARACTER SET utf8mb4 PATH '$[0]' ERROR ON ERROR, `j0` JSON PATH '$[0]', `c1` BIGINT PATH '$[1]' ERROR ON ERROR, `c2` BIGINT PATH '$[2]' ERROR ON ERROR, `c3` BIGINT PATH '$[3]' ERROR ON ERROR)) AS `k` INNER JOIN `book` AS `t0` ON (`t0`.`title` <=> IF(`k`.`c0` IS NULL, NULL, JSON_UNQUOTE(`k`.`j0`))) AND (`t0`.`version` <=> `k`.`c1`) AND `t0`.`id` = `k`.`c2`
    "#]],
    );
}

#[test]
fn rows_that_must_hold_something_are_removed() {
    let row = |number: &str| DeleteRow { key: key([int(1), text(number)]), expected: Vec::new() };
    let seat = on("Seat");
    let delete = seat.delete_expecting(vec![row("a"), row("b")], &[]);
    check(
        &seat.guarded(delete, seat.eq("number", text("a"))),
        &expect![[r#"
        sqlite: DELETE FROM "seat" AS "t0" WHERE ("t0"."room", "t0"."number") IN (SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k") AND "t0"."number" = ? RETURNING "room", "number"
        postgres: DELETE FROM "seat" AS "t0" WHERE ("t0"."room", "t0"."number") IN (SELECT "k"."c0", "k"."c1" FROM (SELECT * FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS u (c0, c1, ord)) AS "k") AND "t0"."number" = $3 RETURNING "room", "number"
        mariadb: SELECT `t0`.`room`, `t0`.`number` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` BIGINT PATH '$[0]' ERROR ON ERROR, `c1` LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR, `j1` JSON PATH '$[1]')) AS `k` INNER JOIN `seat` AS `t0` ON `t0`.`room` = `k`.`c0` AND `t0`.`number` = IF(`k`.`c1` IS NULL, NULL, JSON_UNQUOTE(`k`.`j1`)) AND `t0`.`number` = ? FOR UPDATE
        mariadb: DELETE `t0` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` BIGINT PATH '$[0]' ERROR ON ERROR, `c1` LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR, `j1` JSON PATH '$[1]')) AS `k` STRAIGHT_JOIN `seat` AS `t0` ON `t0`.`room` = `k`.`c0` AND `t0`.`number` = IF(`k`.`c1` IS NULL, NULL, JSON_UNQUOTE(`k`.`j1`)) AND `t0`.`number` = ?
        mysql: SELECT `t0`.`room`, `t0`.`number` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` BIGINT PATH '$[0]' ERROR ON ERROR, `c1` LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR, `j1` JSON PATH '$[1]')) AS `k` INNER JOIN `seat` AS `t0` ON `t0`.`room` = `k`.`c0` AND `t0`.`number` = IF(`k`.`c1` IS NULL, NULL, JSON_UNQUOTE(`k`.`j1`)) AND `t0`.`number` = ? FOR UPDATE OF `t0`
        mysql: DELETE `t0` FROM JSON_TABLE(?, '$[*]' COLUMNS (ord FOR ORDINALITY, `c0` BIGINT PATH '$[0]' ERROR ON ERROR, `c1` LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR, `j1` JSON PATH '$[1]')) AS `k` STRAIGHT_JOIN `seat` AS `t0` ON `t0`.`room` = `k`.`c0` AND `t0`.`number` = IF(`k`.`c1` IS NULL, NULL, JSON_UNQUOTE(`k`.`j1`)) AND `t0`.`number` = ?
    "#]],
    );
}

#[test]
fn rows_that_refer_to_one_another_are_removed() {
    check(
        &on("Category").delete(vec![key([int(1)]), key([int(2)])]),
        &expect![[r#"
        sqlite: DELETE FROM "category" WHERE "id" IN (SELECT "k"."value" FROM json_each(?) AS "k")
        postgres: DELETE FROM "category" WHERE "id" = ANY($1)
        mariadb: UPDATE `category` SET `parent_id` = NULL WHERE `id` IN (?, ?)
        mariadb: DELETE FROM `category` WHERE `id` IN (?, ?)
        mysql: UPDATE `category` SET `parent_id` = NULL WHERE `id` IN (?, ?)
        mysql: DELETE FROM `category` WHERE `id` IN (?, ?)
    "#]],
    );
}

#[test]
fn conditions_on_related_rows_are_read_aside() {
    let book = on("Book");
    let met = || book.is("author", on("Author").eq("name", text("ann")));
    check(
        &book.update_where(&[("title", text("x"))], met()),
        &expect![[r#"
        sqlite: UPDATE "book" AS "t0" SET "title" = ? WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) IS TRUE
        postgres: UPDATE "book" AS "t0" SET "title" = $1 WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = $2))
        mariadb: UPDATE (SELECT DISTINCT `t2`.`id`, ? AS `orm value 0` FROM `book` AS `t2` LEFT JOIN `author` AS `t3` ON `t3`.`id` = `t2`.`author_id` WHERE `t3`.`id` IS NOT NULL AND `t3`.`name` = ?) AS `t1` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `t1`.`id` SET `t0`.`title` = `t1`.`orm value 0`
        mysql: UPDATE (SELECT DISTINCT `t2`.`id`, ? AS `orm value 0` FROM `book` AS `t2` LEFT JOIN `author` AS `t3` ON `t3`.`id` = `t2`.`author_id` WHERE `t3`.`id` IS NOT NULL AND `t3`.`name` = ?) AS `t1` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `t1`.`id` SET `t0`.`title` = `t1`.`orm value 0`
    "#]],
    );
    check(
        &book.delete_where(met()),
        &expect![[r#"
        sqlite: DELETE FROM "book" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = ?)) IS TRUE
        postgres: DELETE FROM "book" AS "t0" WHERE EXISTS(SELECT 1 FROM "book" AS "t1" LEFT JOIN "author" AS "t2" ON "t2"."id" = "t1"."author_id" WHERE "t1"."id" = "t0"."id" AND ("t2"."id" IS NOT NULL AND "t2"."name" = $1))
        mariadb: DELETE `t0` FROM (SELECT DISTINCT `t2`.`id` FROM `book` AS `t2` LEFT JOIN `author` AS `t3` ON `t3`.`id` = `t2`.`author_id` WHERE `t3`.`id` IS NOT NULL AND `t3`.`name` = ?) AS `t1` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `t1`.`id`
        mysql: DELETE `t0` FROM (SELECT DISTINCT `t2`.`id` FROM `book` AS `t2` LEFT JOIN `author` AS `t3` ON `t3`.`id` = `t2`.`author_id` WHERE `t3`.`id` IS NOT NULL AND `t3`.`name` = ?) AS `t1` STRAIGHT_JOIN `book` AS `t0` ON `t0`.`id` = `t1`.`id`
    "#]],
    );
    check(
        &book.delete_where(book.eq("title", text("x"))),
        &expect![[r#"
        sqlite: DELETE FROM "book" AS "t0" WHERE "t0"."title" = ?
        postgres: DELETE FROM "book" AS "t0" WHERE "t0"."title" = $1
        mariadb: DELETE `t0` FROM `book` AS `t0` WHERE `t0`.`title` = ?
        mysql: DELETE `t0` FROM `book` AS `t0` WHERE `t0`.`title` = ?
    "#]],
    );
    check(
        &book.delete_where(Expression::always()),
        &expect![[r#"
        sqlite: DELETE FROM "book"
        postgres: DELETE FROM "book"
        mariadb: DELETE FROM `book`
        mysql: DELETE FROM `book`
    "#]],
    );
}

#[test]
fn links_that_exist_stay() {
    let links = vec![(key([int(1)]), key([text("a")])), (key([int(1)]), key([text("b")]))];
    check(
        &Write::Link(on("Book").links("tags", links)),
        &expect![[r#"
        sqlite: INSERT INTO "book_tags" ("book_id", "tag_name") SELECT "k"."value" ->> 0, "k"."value" ->> 1 FROM json_each(?) AS "k" WHERE 1 = 1 ON CONFLICT  DO NOTHING
        postgres: INSERT INTO "book_tags" ("book_id", "tag_name") SELECT "k"."c0", "k"."c1" FROM (SELECT * FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS u (c0, c1, ord)) AS "k" WHERE 1 = 1 ON CONFLICT  DO NOTHING
        mariadb: INSERT INTO `book_tags` (`book_id`, `tag_name`) VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE `book_tags`.`book_id` = IF(`book_tags`.`book_id` = VALUES(`book_tags`.`book_id`) AND `book_tags`.`tag_name` = VALUES(`book_tags`.`tag_name`), `book_tags`.`book_id`, (SELECT 1 UNION ALL SELECT 2))
        mysql: INSERT INTO `book_tags` (`book_id`, `tag_name`) VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE `book_tags`.`book_id` = IF(`book_tags`.`book_id` = VALUES(`book_tags`.`book_id`) AND `book_tags`.`tag_name` = VALUES(`book_tags`.`tag_name`), `book_tags`.`book_id`, (SELECT 1 UNION ALL SELECT 2))
    "#]],
    );
}

#[test]
fn a_lock_is_on_the_rows_of_the_root() {
    let mut shown = String::new();
    for (name, statements) in databases() {
        for strength in [LockStrength::Share, LockStrength::Update] {
            let mut select = on("Tag").select(on("Tag").eq("name", text("a")));
            select.lock = Some(RowLock { strength, wait: LockWait::SkipLocked });
            shown += &format!("{name}: {}\n", statements.select(&select).unwrap().sql);
        }
    }
    expect![[r#"
        sqlite: SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" = ?
        sqlite: SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" = ?
        postgres: SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" = $1 FOR SHARE OF "t0" SKIP LOCKED
        postgres: SELECT "t0"."name" FROM "tag" AS "t0" WHERE "t0"."name" = $1 FOR UPDATE OF "t0" SKIP LOCKED
        mariadb: SELECT `t0`.`name` FROM `tag` AS `t0` WHERE `t0`.`name` = ? LOCK IN SHARE MODE SKIP LOCKED
        mariadb: SELECT `t0`.`name` FROM `tag` AS `t0` WHERE `t0`.`name` = ? FOR UPDATE SKIP LOCKED
        mysql: SELECT `t0`.`name` FROM `tag` AS `t0` WHERE `t0`.`name` = ? FOR SHARE OF `t0` SKIP LOCKED
        mysql: SELECT `t0`.`name` FROM `tag` AS `t0` WHERE `t0`.`name` = ? FOR UPDATE OF `t0` SKIP LOCKED
    "#]]
    .assert_eq(&shown);
}

#[test]
fn tables_of_the_family() {
    let schema = Schema::of(&metadata());
    let mut shown = String::new();
    for (name, statements) in databases() {
        if name.starts_with('m') {
            let all = statements.create_schema(&schema).unwrap();
            let all = all.into_iter().chain(statements.drop_schema(&schema).unwrap());
            all.for_each(|sql| shown += &format!("{name}: {sql}\n"));
        }
    }
    expect![[r#"
        mariadb: CREATE TABLE `author` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `name` varchar(41) NOT NULL, `email` varchar(256), `rating` double, `active` boolean NOT NULL DEFAULT TRUE, CONSTRAINT `author_name_length` CHECK (char_length(`name`) <= 40), CONSTRAINT `author_email_length` CHECK (char_length(`email`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE UNIQUE INDEX `author_email_unique` ON `author` (`email`)
        mariadb: CREATE TABLE `category` ( `id` bigint NOT NULL, `name` longtext NOT NULL, `parent_id` bigint, PRIMARY KEY (`id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `category_parent_id_index` ON `category` (`parent_id`)
        mariadb: CREATE TABLE `a "note"` ( `the ?key` varbinary(256) NOT NULL, `select` longtext NOT NULL, PRIMARY KEY (`the ?key`), CONSTRAINT `a "note"_the ?key_length` CHECK (octet_length(`the ?key`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE TABLE `book` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `title` varchar(256) NOT NULL, `price` decimal(65,30), `author_id` bigint NOT NULL, `editor_id` bigint, `version` int NOT NULL, CONSTRAINT `book_title_length` CHECK (char_length(`title`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `book_author_id_index` ON `book` (`author_id`)
        mariadb: CREATE INDEX `book_editor_id_index` ON `book` (`editor_id`)
        mariadb: ALTER TABLE `book` ADD COLUMN `one "title" each_met0` bigint AS (CASE WHEN (price is not null) THEN `author_id` END) VIRTUAL INVISIBLE, ADD COLUMN `one "title" each_met1` varchar(256) AS (CASE WHEN (price is not null) THEN `title` END) VIRTUAL INVISIBLE, ADD UNIQUE INDEX `one "title" each` (`one "title" each_met0`, `one "title" each_met1`)
        mariadb: CREATE TABLE `profile` ( `id` binary(16) NOT NULL, `author_id` bigint NOT NULL, `born` date, `photo` longblob, PRIMARY KEY (`id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE UNIQUE INDEX `profile_author_id_unique` ON `profile` (`author_id`)
        mariadb: CREATE TABLE `seat` ( `room` bigint NOT NULL, `number` varchar(256) NOT NULL, PRIMARY KEY (`room`, `number`), CONSTRAINT `seat_number_length` CHECK (char_length(`number`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE TABLE `booking` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `seat_room` bigint, `seat_number` varchar(256), `at` datetime(6) NOT NULL ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `booking_seat_room_seat_number_index` ON `booking` (`seat_room`, `seat_number`)
        mariadb: CREATE TABLE `tag` ( `name` varchar(256) NOT NULL, PRIMARY KEY (`name`), CONSTRAINT `tag_name_length` CHECK (char_length(`name`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE TABLE `category_similar` ( `category_1_id` bigint NOT NULL, `category_2_id` bigint NOT NULL, PRIMARY KEY (`category_1_id`, `category_2_id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `category_similar_category_2_id_index` ON `category_similar` (`category_2_id`)
        mariadb: CREATE TABLE `booking_reserves` ( `booking_id` bigint NOT NULL, `seat_room` bigint NOT NULL, `seat_number` varchar(256) NOT NULL, PRIMARY KEY (`booking_id`, `seat_room`, `seat_number`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `booking_reserves_seat_room_seat_number_index` ON `booking_reserves` (`seat_room`, `seat_number`)
        mariadb: CREATE TABLE `book_tags` ( `book_id` bigint NOT NULL, `tag_name` varchar(256) NOT NULL, PRIMARY KEY (`book_id`, `tag_name`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
        mariadb: CREATE INDEX `book_tags_tag_name_index` ON `book_tags` (`tag_name`)
        mariadb: ALTER TABLE `category` ADD CONSTRAINT `category_parent_id_foreign` FOREIGN KEY (`parent_id`) REFERENCES `category` (`id`)
        mariadb: ALTER TABLE `book` ADD CONSTRAINT `book_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`)
        mariadb: ALTER TABLE `book` ADD CONSTRAINT `book_editor_id_foreign` FOREIGN KEY (`editor_id`) REFERENCES `author` (`id`) ON DELETE SET NULL
        mariadb: ALTER TABLE `profile` ADD CONSTRAINT `profile_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`) ON DELETE CASCADE
        mariadb: ALTER TABLE `booking` ADD CONSTRAINT `booking_seat_room_seat_number_foreign` FOREIGN KEY (`seat_room`, `seat_number`) REFERENCES `seat` (`room`, `number`)
        mariadb: ALTER TABLE `category_similar` ADD CONSTRAINT `category_similar_category_1_id_foreign` FOREIGN KEY (`category_1_id`) REFERENCES `category` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE `category_similar` ADD CONSTRAINT `category_similar_category_2_id_foreign` FOREIGN KEY (`category_2_id`) REFERENCES `category` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE `booking_reserves` ADD CONSTRAINT `booking_reserves_booking_id_foreign` FOREIGN KEY (`booking_id`) REFERENCES `booking` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE `booking_reserves` ADD CONSTRAINT `booking_reserves_seat_room_seat_number_foreign` FOREIGN KEY (`seat_room`, `seat_number`) REFERENCES `seat` (`room`, `number`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE `book_tags` ADD CONSTRAINT `book_tags_book_id_foreign` FOREIGN KEY (`book_id`) REFERENCES `book` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE `book_tags` ADD CONSTRAINT `book_tags_tag_name_foreign` FOREIGN KEY (`tag_name`) REFERENCES `tag` (`name`) ON DELETE CASCADE ON UPDATE CASCADE
        mariadb: ALTER TABLE IF EXISTS `book_tags` DROP FOREIGN KEY IF EXISTS `book_tags_book_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `book_tags` DROP FOREIGN KEY IF EXISTS `book_tags_tag_name_foreign`
        mariadb: ALTER TABLE IF EXISTS `booking_reserves` DROP FOREIGN KEY IF EXISTS `booking_reserves_booking_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `booking_reserves` DROP FOREIGN KEY IF EXISTS `booking_reserves_seat_room_seat_number_foreign`
        mariadb: ALTER TABLE IF EXISTS `category_similar` DROP FOREIGN KEY IF EXISTS `category_similar_category_1_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `category_similar` DROP FOREIGN KEY IF EXISTS `category_similar_category_2_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `booking` DROP FOREIGN KEY IF EXISTS `booking_seat_room_seat_number_foreign`
        mariadb: ALTER TABLE IF EXISTS `profile` DROP FOREIGN KEY IF EXISTS `profile_author_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `book` DROP FOREIGN KEY IF EXISTS `book_author_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `book` DROP FOREIGN KEY IF EXISTS `book_editor_id_foreign`
        mariadb: ALTER TABLE IF EXISTS `category` DROP FOREIGN KEY IF EXISTS `category_parent_id_foreign`
        mariadb: DROP TABLE IF EXISTS `book_tags`, `booking_reserves`, `category_similar`, `tag`, `booking`, `seat`, `profile`, `book`, `a "note"`, `category`, `author`
        mysql: CREATE TABLE `author` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `name` varchar(41) NOT NULL, `email` varchar(256), `rating` double, `active` boolean NOT NULL DEFAULT TRUE, CONSTRAINT `author_name_length` CHECK (char_length(`name`) <= 40), CONSTRAINT `author_email_length` CHECK (char_length(`email`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE UNIQUE INDEX `author_email_unique` ON `author` (`email`)
        mysql: CREATE TABLE `category` ( `id` bigint NOT NULL, `name` longtext NOT NULL, `parent_id` bigint, PRIMARY KEY (`id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `category_parent_id_index` ON `category` (`parent_id`)
        mysql: CREATE TABLE `a "note"` ( `the ?key` varbinary(256) NOT NULL, `select` longtext NOT NULL, PRIMARY KEY (`the ?key`), CONSTRAINT `a "note"_the ?key_length` CHECK (octet_length(`the ?key`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE TABLE `book` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `title` varchar(256) NOT NULL, `price` decimal(65,30), `author_id` bigint NOT NULL, `editor_id` bigint, `version` int NOT NULL, CONSTRAINT `book_title_length` CHECK (char_length(`title`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `book_author_id_index` ON `book` (`author_id`)
        mysql: CREATE INDEX `book_editor_id_index` ON `book` (`editor_id`)
        mysql: CREATE UNIQUE INDEX `one "title" each` ON `book` ((CASE WHEN (price is not null) THEN `author_id` END), (CASE WHEN (price is not null) THEN `title` END))
        mysql: CREATE TABLE `profile` ( `id` binary(16) NOT NULL, `author_id` bigint NOT NULL, `born` date, `photo` longblob, PRIMARY KEY (`id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE UNIQUE INDEX `profile_author_id_unique` ON `profile` (`author_id`)
        mysql: CREATE TABLE `seat` ( `room` bigint NOT NULL, `number` varchar(256) NOT NULL, PRIMARY KEY (`room`, `number`), CONSTRAINT `seat_number_length` CHECK (char_length(`number`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE TABLE `booking` ( `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT, `seat_room` bigint, `seat_number` varchar(256), `at` datetime(6) NOT NULL ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `booking_seat_room_seat_number_index` ON `booking` (`seat_room`, `seat_number`)
        mysql: CREATE TABLE `tag` ( `name` varchar(256) NOT NULL, PRIMARY KEY (`name`), CONSTRAINT `tag_name_length` CHECK (char_length(`name`) <= 255) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE TABLE `category_similar` ( `category_1_id` bigint NOT NULL, `category_2_id` bigint NOT NULL, PRIMARY KEY (`category_1_id`, `category_2_id`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `category_similar_category_2_id_index` ON `category_similar` (`category_2_id`)
        mysql: CREATE TABLE `booking_reserves` ( `booking_id` bigint NOT NULL, `seat_room` bigint NOT NULL, `seat_number` varchar(256) NOT NULL, PRIMARY KEY (`booking_id`, `seat_room`, `seat_number`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `booking_reserves_seat_room_seat_number_index` ON `booking_reserves` (`seat_room`, `seat_number`)
        mysql: CREATE TABLE `book_tags` ( `book_id` bigint NOT NULL, `tag_name` varchar(256) NOT NULL, PRIMARY KEY (`book_id`, `tag_name`) ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin
        mysql: CREATE INDEX `book_tags_tag_name_index` ON `book_tags` (`tag_name`)
        mysql: ALTER TABLE `category` ADD CONSTRAINT `category_parent_id_foreign` FOREIGN KEY (`parent_id`) REFERENCES `category` (`id`)
        mysql: ALTER TABLE `book` ADD CONSTRAINT `book_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`)
        mysql: ALTER TABLE `book` ADD CONSTRAINT `book_editor_id_foreign` FOREIGN KEY (`editor_id`) REFERENCES `author` (`id`) ON DELETE SET NULL
        mysql: ALTER TABLE `profile` ADD CONSTRAINT `profile_author_id_foreign` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`) ON DELETE CASCADE
        mysql: ALTER TABLE `booking` ADD CONSTRAINT `booking_seat_room_seat_number_foreign` FOREIGN KEY (`seat_room`, `seat_number`) REFERENCES `seat` (`room`, `number`)
        mysql: ALTER TABLE `category_similar` ADD CONSTRAINT `category_similar_category_1_id_foreign` FOREIGN KEY (`category_1_id`) REFERENCES `category` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: ALTER TABLE `category_similar` ADD CONSTRAINT `category_similar_category_2_id_foreign` FOREIGN KEY (`category_2_id`) REFERENCES `category` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: ALTER TABLE `booking_reserves` ADD CONSTRAINT `booking_reserves_booking_id_foreign` FOREIGN KEY (`booking_id`) REFERENCES `booking` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: ALTER TABLE `booking_reserves` ADD CONSTRAINT `booking_reserves_seat_room_seat_number_foreign` FOREIGN KEY (`seat_room`, `seat_number`) REFERENCES `seat` (`room`, `number`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: ALTER TABLE `book_tags` ADD CONSTRAINT `book_tags_book_id_foreign` FOREIGN KEY (`book_id`) REFERENCES `book` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: ALTER TABLE `book_tags` ADD CONSTRAINT `book_tags_tag_name_foreign` FOREIGN KEY (`tag_name`) REFERENCES `tag` (`name`) ON DELETE CASCADE ON UPDATE CASCADE
        mysql: DROP TABLE IF EXISTS `book_tags`, `booking_reserves`, `category_similar`, `tag`, `booking`, `seat`, `profile`, `book`, `a "note"`, `category`, `author`
    "#]].assert_eq(&shown);
}

#[test]
fn values_that_the_family_does_not_hold_are_refused() {
    let statements = Statements::mysql(MySqlFlavor::MySql);
    let insert = |value| on("Author").insert(&["rating"], vec![vec![value]], &[]);
    assert!(statements.write(&insert(Value::Float(f64::INFINITY))).is_err());
    assert!(statements.write(&insert(Value::Float(-0.0))).is_ok());
}

fn databases() -> [(&'static str, Statements); 4] {
    [
        ("sqlite", Statements::sqlite()),
        ("postgres", Statements::postgres()),
        ("mariadb", Statements::mysql(MySqlFlavor::MariaDb)),
        ("mysql", Statements::mysql(MySqlFlavor::MySql)),
    ]
}

#[track_caller]
fn check(write: &Write, expected: &Expect) {
    let mut shown = String::new();
    for (name, statements) in databases() {
        for written in statements.write(write).unwrap() {
            shown += &format!("{name}: {}\n", written.statement.sql);
            if let Some(question) = written.question {
                shown += &format!("{name}? {}\n", question.statement.sql);
            }
        }
    }
    expected.assert_eq(&shown);
}
