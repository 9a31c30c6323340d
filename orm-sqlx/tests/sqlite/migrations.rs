//! What SQLite needs of migrations: foreign keys off while a table is made anew.

use orm_core::Orm;
use orm_core::sql::Sql;
use orm_sqlx::Sqlite;
use orm_sqlx::migration::{MigrationError, Migrator};

const REBUILD: &str = "PRAGMA foreign_keys = OFF;\nCREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO new \
                       SELECT id, 'a' FROM shelf;\nDROP TABLE shelf;\nALTER TABLE new RENAME TO shelf;\n{}PRAGMA \
                       foreign_key_check;\npragma foreign_keys=on;\n";

struct Library {
    orm: Orm,
    folder: std::path::PathBuf,
}

impl Library {
    /// A shelf with a book, which goes with it.
    async fn open(name: &str) -> Self {
        let sqlite = Sqlite::connect("sqlite::memory:").await.expect("it opens");
        let orm = Orm::builder(sqlite).build().await.expect("it has no entities");
        let folder = std::env::temp_dir().join(format!("orm-sqlx-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it can be made");
        let library = Self { orm, folder };
        library.write(
            "1_first.up.sql",
            "CREATE TABLE shelf (id INTEGER PRIMARY KEY); CREATE TABLE book (shelf INTEGER NOT NULL REFERENCES shelf (id) ON \
             DELETE CASCADE); INSERT INTO shelf VALUES (1); INSERT INTO book VALUES (1)",
        );
        library
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.join(file), text).expect("it can be written");
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let counts: Vec<i64> =
            self.orm.em().fork().sql(Sql::trusted(sql), ()).fetch_as().await.expect("it can be read");
        counts[0]
    }

    fn migrator(&self) -> Migrator {
        Migrator::new(&self.orm, &*self.folder)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn rows_that_refer_to_a_table_stay_while_it_is_made_anew() {
    let library = Library::open("anew").await;
    library.write("2_anew.up.sql", &REBUILD.replace("{}", ""));
    library.migrator().up().await.expect("it is right");
    assert_eq!(library.count("select count(*) from book").await, 1);
    assert_eq!(library.count("select count(*) from shelf where name = 'a'").await, 1);
    assert_eq!(library.count("select foreign_keys from pragma_foreign_keys").await, 1, "they hold again");
}

#[tokio::test]
async fn a_row_that_refers_to_none_any_more_takes_it_all_back() {
    let library = Library::open("none").await;
    library.write("2_anew.up.sql", &REBUILD.replace("{}", "DELETE FROM shelf;\n"));
    let error = library.migrator().up().await.expect_err("the book has no shelf");
    let MigrationError::Failed(failed) = &error else { panic!("{error:?}") };
    assert_eq!((failed.line, failed.is_dirty), (7, false), "{error}");
    assert_eq!(library.count("select count(*) from book").await, 1);
    assert_eq!(library.count("select count(*) from pragma_table_info('shelf')").await, 1);
    assert_eq!(library.count("select foreign_keys from pragma_foreign_keys").await, 1, "they hold again");
}

#[tokio::test]
async fn what_has_no_effect_in_a_transaction_is_refused_there() {
    let library = Library::open("inside").await;
    library.write("2_anew.up.sql", "select 1;\npragma foreign_keys = off;\nselect 2");
    let error = library.migrator().up().await.expect_err("it would have no effect");
    assert!(
        error.to_string().starts_with("2_anew.up.sql, line 2: this has no effect in a transaction"),
        "{error}"
    );
}
