//! Migrations: each once, in order, all or nothing, or said.

use std::pin::pin;
use std::time::Duration;

use orm_core::schema::Unknown;
use orm_core::sql::Sql;
use orm_core::{Error, Result};
use orm_sqlx::migration::{Direction, Embedded, MigrationError, MigrationState, Migrator, Resolution, embed};

use crate::fixtures::blog::{self, Author, Tag};
use crate::fixtures::renovation::{after, before};
use crate::folder::Folder;
use crate::model::polls::poll_times;
use crate::{Backend, TestDb};

/// A database without tables, with room for runners side by side.
async fn empty<B: Backend>() -> Result<TestDb> {
    TestDb::open_pool::<B>(5, |builder| builder).await
}

/// Three tables, one a migration.
fn three_tables() -> Result<Folder> {
    let folder = Folder::new()?;
    for (version, table) in [(1, "shelf"), (2, "book"), (3, "page")] {
        folder.write(
            &format!("{version}_add_{table}.up.sql"),
            format!(
                "-- The table of {table}s; with a comment.\nCREATE TABLE {table} (id INTEGER NOT NULL PRIMARY KEY, name \
                 VARCHAR(20));\nINSERT INTO {table} (id, name) VALUES (1, 'a;b'), (2, 'it''s');\n"
            ),
        )?;
        folder.write(&format!("{version}_add_{table}.down.sql"), format!("DROP TABLE {table};"))?;
    }
    Ok(folder)
}

fn migrator(db: &TestDb, folder: &Folder) -> Migrator {
    Migrator::new(&db.orm, folder.path())
}

async fn applied(migrator: &Migrator) -> Result<Vec<i64>> {
    let all = migrator.list().await?;
    let applied = all.iter().filter(|one| matches!(one.state, MigrationState::Applied { .. }));
    Ok(applied.map(|one| one.version).collect())
}

/// The tables that are there, without that of the migrations and what SQLite counts keys in.
async fn tables<B: Backend>(db: &TestDb) -> Result<Vec<String>> {
    let all: Vec<String> = db.em().sql(Sql::trusted(B::facts().tables), ()).fetch_as().await?;
    let is_own = |table: &String| !table.contains("orm_migrations") && !table.contains("sqlite_sequence");
    Ok(all.into_iter().filter(is_own).collect())
}

async fn rows(db: &TestDb, table: &str) -> Result<i64> {
    let sql = Sql::trusted(format!("select count(*) from {table}"));
    let counts: Vec<i64> = db.em().sql(sql, ()).fetch_as().await?;
    Ok(counts[0])
}

/// In the order of versions, each once; what was done is told.
pub async fn what_is_pending_is_applied_in_order<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    assert_eq!(migrator.pending().await?.len(), 3);
    assert!(
        matches!(migrator.check().await, Err(MigrationError::Pending { versions }) if versions == [1, 2, 3])
    );
    let done = migrator.up().await?;
    let shown: Vec<_> = done.iter().map(|one| (one.version, &*one.name, one.direction)).collect();
    assert_eq!(
        shown,
        [(1, "add_shelf", Direction::Up), (2, "add_book", Direction::Up), (3, "add_page", Direction::Up)]
    );
    assert_eq!(rows(&db, "page").await?, 2);
    migrator.check().await?;
    assert!(migrator.up().await?.is_empty());
    folder.write("10_more.up.sql", "INSERT INTO page (id) VALUES (3)")?;
    assert_eq!(migrator.up().await?[0].version, 10);
    assert_eq!(rows(&db, "page").await?, 3);
    let all = migrator.list().await?;
    let MigrationState::Applied { at, .. } = &all[0].state else { panic!("{:?}", all[0]) };
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    Ok(())
}

/// Down to nothing and up again leaves what was there.
pub async fn down_and_up_again_is_where_it_began<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    let nothing = tables::<B>(&db).await?;
    migrator.up().await?;
    let all = tables::<B>(&db).await?;
    let down = migrator.down_to(0).await?;
    assert_eq!(
        down.iter().map(|one| (one.version, one.direction)).collect::<Vec<_>>(),
        [(3, Direction::Down), (2, Direction::Down), (1, Direction::Down),]
    );
    assert_eq!(tables::<B>(&db).await?, nothing);
    assert!(migrator.down().await?.is_empty());
    migrator.up().await?;
    assert_eq!(tables::<B>(&db).await?, all);
    Ok(())
}

/// To a version from either side, and one by one.
pub async fn any_version_can_be_gone_to<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    migrator.up_to(2).await?;
    assert_eq!(applied(&migrator).await?, [1, 2]);
    migrator.to(3).await?;
    assert_eq!(applied(&migrator).await?, [1, 2, 3]);
    migrator.down().await?;
    assert_eq!(applied(&migrator).await?, [1, 2]);
    migrator.to(1).await?;
    assert_eq!(applied(&migrator).await?, [1]);
    migrator.to(0).await?;
    assert_eq!(applied(&migrator).await?, [0; 0]);
    for unknown in [migrator.up_to(7).await, migrator.down_to(7).await, migrator.to(7).await] {
        let said = unknown.expect_err("there is none").to_string();
        assert_eq!(said, "there is no migration with the version 7; there are 1, 2, 3");
    }
    Ok(())
}

/// Where the database can take it back nothing of a failed migration stays; elsewhere that is said, and resolved by hand.
pub async fn a_failed_migration_leaves_nothing_or_is_reported<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    let broken = "CREATE TABLE book (id INTEGER NOT NULL PRIMARY KEY);\n\nINSERT INTO nowhere VALUES (1);\n";
    folder.write("2_add_book.up.sql", broken)?;
    let error = migrator.up().await.expect_err("it fails");
    let said = error.to_string();
    let MigrationError::Failed(failed) = &error else { panic!("{error:?}") };
    assert_eq!((failed.version, failed.line, failed.number, failed.of), (2, 3, 2, 2), "{said}");
    assert!(
        said.starts_with("2_add_book.up.sql, line 3: statement 2 of 2 failed, `INSERT INTO nowhere"),
        "{said}"
    );
    assert_eq!(failed.is_dirty, !B::facts().takes_back_schema);
    assert_eq!(applied(&migrator).await?, [1]);
    if failed.is_dirty {
        let again = migrator.up().await.expect_err("it is dirty");
        assert!(
            matches!(again, MigrationError::Dirty { version: 2, direction: Direction::Up, done: 1, .. }),
            "{again:?}"
        );
        assert!(matches!(migrator.check().await, Err(MigrationError::Dirty { .. })));
        db.run(&["DROP TABLE book"]).await?;
        migrator.resolve(2, Resolution::Pending).await?;
    }
    assert!(!tables::<B>(&db).await?.iter().any(|table| table.contains("book")));
    folder.write("2_add_book.up.sql", "CREATE TABLE book (id INTEGER NOT NULL PRIMARY KEY)")?;
    migrator.up().await?;
    assert_eq!(applied(&migrator).await?, [1, 2, 3]);
    db.begin_and_roll_back().await
}

/// As is one that is taken back.
pub async fn a_failed_way_back_leaves_everything_or_is_reported<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    migrator.up().await?;
    folder.write("3_add_page.down.sql", "DELETE FROM page; DROP TABLE nowhere; DROP TABLE page")?;
    let error = migrator.down().await.expect_err("it fails");
    let MigrationError::Failed(failed) = &error else { panic!("{error:?}") };
    assert_eq!((failed.version, failed.number, failed.is_dirty), (3, 2, !B::facts().takes_back_schema));
    if failed.is_dirty {
        assert_eq!(rows(&db, "page").await?, 0);
        let again = migrator.down().await.expect_err("it is dirty");
        assert!(
            matches!(again, MigrationError::Dirty { direction: Direction::Down, done: 1, .. }),
            "{again:?}"
        );
        migrator.resolve(3, Resolution::Applied).await?;
    } else {
        assert_eq!(rows(&db, "page").await?, 2);
    }
    assert_eq!(applied(&migrator).await?, [1, 2, 3]);
    Ok(())
}

/// What says that it can't be in a transaction is not in one, and is reported where it stops in the middle.
pub async fn a_migration_may_be_without_a_transaction<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    folder.write(
        "2_add_book.up.sql",
        "-- orm: no-transaction\nCREATE TABLE book (id INTEGER NOT NULL PRIMARY KEY);\nINSERT INTO nowhere VALUES (1)",
    )?;
    let error = migrator.up().await.expect_err("it fails");
    assert!(matches!(&error, MigrationError::Failed(failed) if failed.is_dirty), "{error:?}");
    let dirty = migrator.up().await.expect_err("it is dirty");
    assert_eq!(
        dirty.to_string(),
        "migration 2 (add_book) stopped while it was applied, after 1 of its statements; look at the database, do or undo \
         the rest by hand, and resolve it as applied or as pending"
    );
    assert_eq!(rows(&db, "book").await?, 0);
    migrator.resolve(2, Resolution::Applied).await?;
    migrator.up().await?;
    assert_eq!(applied(&migrator).await?, [1, 2, 3]);
    folder.write("2_add_book.down.sql", "-- orm: no-transaction\nDROP TABLE book")?;
    migrator.down_to(1).await?;
    assert_eq!(applied(&migrator).await?, [1]);
    Ok(())
}

/// A file that is another one than was applied is found, and may be accepted by hand; how its lines end does not matter.
pub async fn a_changed_file_is_found<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    folder.write("1_add_shelf.up.sql", "CREATE TABLE shelf\n(id INTEGER NOT NULL PRIMARY KEY)")?;
    migrator.up_to(2).await?;
    folder.write("1_add_shelf.up.sql", "\u{feff}CREATE TABLE shelf\r\n(id INTEGER NOT NULL PRIMARY KEY)")?;
    folder.write("1_add_shelf.down.sql", "DROP TABLE shelf -- otherwise")?;
    assert!(matches!(migrator.check().await, Err(MigrationError::Pending { .. })));
    folder.write("1_add_shelf.up.sql", "CREATE TABLE shelf (id INTEGER NOT NULL)")?;
    for refused in [migrator.up().await.map(drop), migrator.check().await] {
        let error = refused.expect_err("it was changed");
        assert!(
            matches!(&error, MigrationError::Changed { version: 1, path } if path == "1_add_shelf.up.sql"),
            "{error:?}"
        );
    }
    assert_eq!(migrator.list().await?[0].state, MigrationState::Changed);
    migrator.resolve(1, Resolution::Applied).await?;
    migrator.up().await?;
    migrator.check().await.map_err(Error::from)
}

/// A file that is gone is found, and forgotten by hand only.
pub async fn a_missing_file_is_found<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    migrator.up_to(2).await?;
    folder.remove("2_add_book.up.sql")?;
    folder.remove("2_add_book.down.sql")?;
    for refused in [migrator.up().await, migrator.down().await] {
        let error = refused.expect_err("it is gone");
        assert!(
            matches!(&error, MigrationError::Missing { version: 2, name } if name == "add_book"),
            "{error:?}"
        );
    }
    assert_eq!(migrator.list().await?[1].state, MigrationState::Missing);
    migrator.resolve(2, Resolution::Pending).await?;
    migrator.up().await?;
    assert_eq!(applied(&migrator).await?, [1, 3]);
    Ok(())
}

/// A migration that comes late is refused unless it is allowed.
pub async fn order_matters_unless_it_may_not<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    let late = std::fs::read(folder.path().join("2_add_book.up.sql")).map_err(Error::other)?;
    folder.remove("2_add_book.up.sql")?;
    folder.remove("2_add_book.down.sql")?;
    migrator.up().await?;
    folder.write("2_add_book.up.sql", late)?;
    let error = migrator.up().await.expect_err("it is late");
    assert_eq!(
        error.to_string(),
        "2_add_book.up.sql is older than migration 3, which is applied; give it a later version, or allow it with \
         `allow_out_of_order` (`--out-of-order`)"
    );
    migrator.clone().allow_out_of_order().up().await?;
    assert_eq!(applied(&migrator).await?, [1, 2, 3]);
    Ok(())
}

/// Nothing is run while a later script has a mistake that can be seen.
pub async fn mistakes_in_scripts_are_found_before_anything_is_run<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    let nothing = tables::<B>(&db).await?;
    let mistakes: [(&[u8], &str); 7] = [
        (b"select 1;\nselect 'a", "3_add_page.up.sql, line 2: a quote or a comment is not closed; close it"),
        (b"\n\n/* a", "3_add_page.up.sql, line 3: a quote or a comment is not closed; close it"),
        (b"select 1;\ncommit;", "3_add_page.up.sql, line 2: `commit` would begin or end a transaction"),
        (b"DELIMITER //\nselect 1//", "3_add_page.up.sql, line 1: `delimiter` is a command of a client"),
        (b"", "3_add_page.up.sql has no statement"),
        (b" ; -- nothing\n/* at all */", "3_add_page.up.sql has no statement"),
        (b"select '\xff'", "3_add_page.up.sql is no UTF-8 at byte 8"),
    ];
    for (text, begins) in mistakes {
        folder.write("3_add_page.up.sql", text)?;
        let said = migrator.up().await.expect_err("it is wrong").to_string();
        assert!(said.starts_with(begins), "{said}");
        assert_eq!(tables::<B>(&db).await?, nothing);
    }
    Ok(())
}

/// Folders and files that can't be read, or say nothing, are named.
pub async fn files_that_are_wrong_are_named<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let nowhere = Migrator::new(&db.orm, folder.path().join("nowhere"));
    let said = nowhere.up().await.expect_err("there is none").to_string();
    assert!(said.ends_with("nowhere can't be read"), "{said}");
    assert!(nowhere.list().await.is_err());
    let wrong = [
        ("4_later.sql", "4_later.sql: it says neither up nor down; name it like"),
        ("later.up.sql", "later.up.sql: it has no name behind a version"),
        ("03_again.up.sql", "03_again.up.sql and 3_add_page.down.sql have the same version"),
        ("4_later.down.sql", "4_later.down.sql has no `.up.sql` beside it"),
    ];
    for (file, begins) in wrong {
        folder.write(file, "select 1")?;
        let said = migrator(&db, &folder).up().await.expect_err("it is wrong").to_string();
        assert!(said.starts_with(begins), "{said}");
        folder.remove(file)?;
    }
    folder.write("postgresql/4_later.up.sql", "select 1")?;
    let said = migrator(&db, &folder).up().await.expect_err("no database has this folder").to_string();
    assert!(
        said.contains(
            "postgresql: no database has a folder of this name; call it sqlite, postgres, mariadb, mysql"
        ),
        "{said}"
    );
    folder.remove("postgresql/4_later.up.sql")?;
    #[cfg(unix)]
    {
        let path = folder.path().join("4_later.up.sql");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).map_err(Error::other)?;
        let said = migrator(&db, &folder).up().await.expect_err("it leads nowhere").to_string();
        assert!(said.ends_with("4_later.up.sql can't be read"), "{said}");
        folder.remove("4_later.up.sql")?;
    }
    for name in ["", "a-b", "1a", "a;b", "a.b", "\u{e4}"] {
        let refused = migrator(&db, &folder).table(name).up().await;
        assert!(matches!(refused, Err(MigrationError::TableName { .. })), "{refused:?}");
    }
    Ok(())
}

/// A migration whose way back says nothing stays.
pub async fn what_can_not_be_taken_back_says_so<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    migrator.up().await?;
    folder.remove("3_add_page.down.sql")?;
    let said = migrator.down().await.expect_err("there is no way back").to_string();
    assert_eq!(
        said,
        "migration 3 (add_page) can't be taken back: 3_add_page.down.sql has no statement; write some"
    );
    folder.write("2_add_book.down.sql", "-- Nothing.")?;
    folder.write("3_add_page.down.sql", "DROP TABLE page")?;
    assert!(matches!(migrator.down_to(1).await, Err(MigrationError::Irreversible { version: 2, .. })));
    assert_eq!(applied(&migrator).await?, [1, 2, 3], "it is found before anything is taken back");
    Ok(())
}

/// A database that was made without migrations is taken as it is.
pub async fn a_database_may_be_taken_as_migrated<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder).table("versions");
    db.run(&["CREATE TABLE shelf (id INTEGER NOT NULL PRIMARY KEY)"]).await?;
    migrator.resolve(1, Resolution::Applied).await?;
    assert_eq!(migrator.up().await?.len(), 2);
    assert!(matches!(
        migrator.resolve(9, Resolution::Applied).await,
        Err(MigrationError::UnknownVersion { .. })
    ));
    assert!(matches!(
        migrator.resolve(9, Resolution::Pending).await,
        Err(MigrationError::UnknownVersion { .. })
    ));
    Ok(())
}

/// What is embedded needs no folder.
pub async fn migrations_may_be_embedded<B: Backend>() -> Result<()> {
    const MIGRATIONS: Embedded = embed!("migrations");
    let db = empty::<B>().await?;
    let migrator = Migrator::new(&db.orm, MIGRATIONS);
    let done = migrator.up().await?;
    assert_eq!(
        done.iter().map(|one| (one.version, &*one.name)).collect::<Vec<_>>(),
        [(1, "add_shelf"), (2, "add_book")]
    );
    assert_eq!(rows(&db, "book").await?, 1);
    migrator.check().await?;
    migrator.down_to(0).await?;
    assert!(tables::<B>(&db).await?.is_empty());
    Ok(())
}

/// What the entities need and the database lacks is written as a migration, which brings it there and back.
pub async fn a_migration_is_written_from_what_the_entities_need<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(blog::entities).await?;
    let folder = Folder::new()?;
    let migrator = migrator(&db, &folder);
    let nothing = tables::<B>(&db).await?;
    let created = migrator.create("Add the blog!", Unknown::Left).await?.expect("there is nothing yet");
    assert!(created.up.ends_with(format!("{}_add_the_blog.up.sql", created.version)), "{created:?}");
    assert!(created.destructive.is_empty() && tables::<B>(&db).await? == nothing, "nothing is run");
    let pending = migrator.create("again", Unknown::Left).await;
    assert!(matches!(pending, Err(MigrationError::Pending { .. })), "{pending:?}");
    migrator.up().await?;
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    em.flush().await?;
    assert_eq!(migrator.create("again", Unknown::Left).await?, None);
    let blank = migrator.create_blank("Later").await?;
    assert!(blank.version > created.version);
    assert!(matches!(migrator.up().await, Err(MigrationError::Empty { .. })));
    std::fs::remove_file(&blank.up).and_then(|()| std::fs::remove_file(&blank.down)).map_err(Error::other)?;
    migrator.down().await?;
    assert_eq!(tables::<B>(&db).await?, nothing);
    Ok(())
}

/// A later version of the program finds what its entities need beyond the migrations that are there.
pub async fn a_later_migration_is_written_from_what_has_changed<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(before).await?;
    let folder = Folder::new()?;
    let first = migrator(&db, &folder);
    first.create("first", Unknown::Left).await?.expect("there is nothing yet");
    first.up().await?;
    let now = db.beside(after).await?;
    let second = migrator(&now, &folder);
    assert!(!second.diff(Unknown::Left).await?.is_empty());
    let created = second.create("second", Unknown::Left).await?.expect("the entities have changed");
    assert!(created.destructive.is_empty(), "{created:?}");
    second.up().await?;
    assert_eq!(second.create("third", Unknown::Left).await?, None);
    second.down().await?;
    assert!(first.diff(Unknown::Left).await?.is_empty(), "{}", first.diff(Unknown::Left).await?);
    Ok(())
}

/// What was read before is not what is there.
pub async fn cached_results_are_voided<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let folder = Folder::new()?;
    let count = || db.em().count_all::<Tag>().cache(Duration::from_secs(60));
    assert_eq!(count().await?, 0);
    folder.write("1_first_tag.up.sql", "INSERT INTO tag (label) VALUES ('ice')")?;
    migrator(&db, &folder).up().await?;
    assert_eq!(count().await?, 1);
    Ok(())
}

/// Sixteen runners at the same time do each migration once.
pub async fn runners_at_the_same_time_do_each_migration_once<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    for round in 0..3 {
        let mut tasks = Vec::new();
        for _ in 0..16 {
            let migrator = migrator(&db, &folder);
            tasks.push(tokio::spawn(async move {
                if round == 1 { migrator.down_to(0).await } else { migrator.up().await }
            }));
        }
        let mut done = Vec::new();
        for task in tasks {
            let ran = task.await.map_err(Error::other)?;
            done.extend(ran?.into_iter().map(|one| one.version));
        }
        done.sort_unstable();
        assert_eq!(done, [1, 2, 3]);
    }
    db.begin_and_roll_back().await
}

/// Who waits for another runner for too long is told for whom.
pub async fn a_runner_that_waits_too_long_says_for_whom<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    migrator(&db, &folder).up_to(1).await?;
    // The other one can't go on before this transaction has ended.
    let em = db.em();
    em.begin().await?;
    em.sql("update shelf set name = 'c'", ()).execute().await?;
    folder.write("2_add_book.up.sql", "UPDATE shelf SET name = 'd'")?;
    let runner = migrator(&db, &folder);
    let other = tokio::spawn(async move { runner.up_to(2).await });
    let impatient = migrator(&db, &folder).lock_timeout(Duration::ZERO);
    let mut locked = None;
    while locked.is_none() && !other.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // There is nothing to do up to here.
        locked = impatient.up_to(1).await.err();
    }
    let locked = locked.expect("it met the other one").to_string();
    assert!(locked.starts_with("the migrations are locked by ") && locked.contains("connect"), "{locked}");
    em.rollback().await?;
    assert_eq!(other.await.map_err(Error::other)??.len(), 1);
    assert_eq!(impatient.up().await?.len(), 1);
    Ok(())
}

/// Dropped at any await, a run leaves a version, with all of it or nothing, or what it says is dirty.
pub async fn a_run_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    let (db, folder) = (empty::<B>().await?, three_tables()?);
    let migrator = migrator(&db, &folder);
    db.recorder.give_way();
    // Where each change of the schema is durable by itself it takes long, and every few awaits have to do.
    let step = if B::facts().takes_back_schema { 1 } else { 11 };
    let (mut polls, mut is_over) = (0, false);
    while !is_over {
        polls += step;
        is_over = {
            let mut up = pin!(migrator.up());
            poll_times(&mut up, polls).await.transpose()?.is_some()
        };
        // Before what is applied is read: a commit that was cut off may still arrive.
        let there = tables::<B>(&db).await?;
        for status in migrator.list().await? {
            let table = status.name.trim_start_matches("add_").to_owned();
            let is_there = there.iter().any(|one| one.contains(&table));
            match status.state {
                MigrationState::Pending => assert!(!is_there, "{polls}: {status}"),
                MigrationState::Applied { .. } => {
                    assert_eq!(rows(&db, &table).await?, 2, "{polls}: {status}")
                }
                MigrationState::Dirty { .. } => {
                    assert!(!B::facts().takes_back_schema, "{polls}: {status}");
                    db.run(&[&format!("DROP TABLE IF EXISTS {table}")]).await?;
                    migrator.resolve(status.version, Resolution::Pending).await?;
                }
                state => panic!("{polls}: {state}"),
            }
        }
        migrator.down_to(0).await?;
    }
    assert!(polls > 10, "{polls}");
    Ok(())
}
