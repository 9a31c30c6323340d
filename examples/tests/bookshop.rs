//! The commands of migrations, as the program `bookshop` has them, on SQLite.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A database in a folder that goes with it.
struct Shop {
    folder: PathBuf,
}

impl Shop {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("orm-bookshop-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it can be made");
        Self { folder }
    }

    /// Runs the program; gives its code and what it printed, errors last.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let database = format!("sqlite://{}", self.folder.join("shop.db").display());
        let output = bookshop(&[&["--database-url", &database], arguments].concat());
        let printed: String = [output.stdout, output.stderr]
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        // The statements that the program shows are indented.
        let lines: Vec<&str> = printed.lines().filter(|line| !line.starts_with("    ")).collect();
        (output.status.code().expect("it ends by itself"), lines.join("\n"))
    }

    fn migrations(&self) -> Vec<String> {
        let folder = self.folder.join("new/sqlite");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn bookshop(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().expect("it is a program");
    let target = test.parent().and_then(|deps| deps.parent()).expect("it is in a folder of the target");
    let program = target.join("examples").join(format!("bookshop{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&program).args(arguments).output();
    output.unwrap_or_else(|error| {
        panic!("{}: {error}; build it with `cargo build --examples`", program.display())
    })
}

#[track_caller]
fn check((code, printed): (i32, String), expected_code: i32, expected: &[&str]) {
    assert_eq!(code, expected_code, "{printed}");
    for text in expected {
        assert!(printed.contains(text), "{text} is not in: {printed}");
    }
}

#[test]
fn a_database_goes_up_and_down() {
    let shop = Shop::new("up");
    check(shop.run(&["migrate", "status"]), 0, &["add_books: pending", "add_orders: pending"]);
    check(shop.run(&["migrate", "check"]), 3, &["2 migrations are not applied"]);
    check(shop.run(&["migrate", "up"]), 0, &["add_books applied in", "add_orders applied in"]);
    check(shop.run(&["migrate", "up"]), 0, &["everything is applied"]);
    check(shop.run(&["migrate", "status"]), 0, &["add_orders: applied at 20"]);
    check(shop.run(&["migrate", "check"]), 0, &["the database has what the entities need"]);
    check(shop.run(&["migrate", "diff"]), 0, &["nothing to change"]);
    check(shop.run(&["run"]), 0, &["4 books, 17 in stock, 1 ordered for 3750"]);
    check(shop.run(&["migrate", "down"]), 2, &["add_orders: applied", "say --yes"]);
    check(shop.run(&["migrate", "check"]), 0, &[]);
    check(shop.run(&["migrate", "down", "--yes"]), 0, &["add_orders taken back in"]);
    check(shop.run(&["migrate", "down", "--to", "0", "--yes"]), 0, &["add_books taken back in"]);
    check(shop.run(&["migrate", "down", "--yes"]), 0, &["nothing is applied"]);
    check(shop.run(&["migrate", "up", "--to", "7"]), 1, &["error: there is no migration with the version 7"]);
}

#[test]
fn a_migration_is_written_from_what_differs() {
    let shop = Shop::new("create");
    let folder = shop.folder.join("new");
    let new = folder.to_str().expect("it is UTF-8").to_owned();
    check(
        shop.run(&["migrate", "create", "first", "--folder", &new]),
        0,
        &["first.up.sql", "first.down.sql"],
    );
    assert_eq!(shop.migrations().len(), 2);
    let up = std::fs::read_to_string(folder.join("sqlite").join(&shop.migrations()[1])).expect("it is there");
    assert!(up.contains("CREATE TABLE") && up.contains("\"books\""), "{up}");
    check(
        shop.run(&["migrate", "create", "second", "--folder", &new]),
        1,
        &["error: 1 migration is not applied"],
    );
    check(shop.run(&["migrate", "create", "blank", "--blank", "--folder", &new]), 0, &["blank.up.sql"]);
    assert_eq!(shop.migrations().len(), 4);
    check(shop.run(&["migrate", "create", "/", "--folder", &new]), 1, &["it has no letter or digit"]);
    check(shop.run(&["migrate", "up"]), 0, &[]);
}

/// The migrations of the shop, to be added to.
fn copy_migrations(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bookshop/migrations/sqlite");
    let to = to.join("sqlite");
    std::fs::create_dir_all(&to).expect("it can be made");
    for entry in std::fs::read_dir(from).expect("it is there").flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
    }
}

#[test]
fn what_can_lose_data_is_asked_for() {
    let shop = Shop::new("lose");
    let folder = shop.folder.join("new");
    copy_migrations(&folder);
    let own = folder.to_str().expect("it is UTF-8").to_owned();
    let write = |file: &str, text: &str| {
        std::fs::write(folder.join("sqlite").join(file), text).expect("it can be written");
    };
    let migrate = |arguments: &[&str]| shop.run(&[&["--migrations", &own, "migrate"], arguments].concat());
    write("20261201000000_add_pages.up.sql", "ALTER TABLE books ADD COLUMN pages INTEGER");
    write("20261201000000_add_pages.down.sql", "ALTER TABLE books DROP COLUMN pages");
    check(migrate(&["up"]), 0, &["add_pages applied"]);
    check(migrate(&["check"]), 3, &["write a migration with `create`", "pages"]);
    check(
        migrate(&["create", "drop pages"]),
        0,
        &["drop_pages.up.sql", "look at it before you run it", "pages"],
    );
    check(migrate(&["up"]), 2, &["drop_pages: pending", "say --yes"]);
    check(migrate(&["up", "--yes"]), 0, &["drop_pages applied"]);
    check(migrate(&["check"]), 0, &[]);
    check(migrate(&["create", "again"]), 0, &["there is nothing to do"]);
    check(migrate(&["down", "--yes"]), 0, &["drop_pages taken back"]);
    check(migrate(&["diff"]), 0, &["pages"]);

    write("20261201000000_add_pages.up.sql", "ALTER TABLE books ADD COLUMN pages BIGINT");
    check(migrate(&["up", "--yes"]), 1, &["error: sqlite/20261201000000_add_pages.up.sql was changed"]);
    check(migrate(&["status"]), 0, &["its file was changed since"]);
    check(migrate(&["resolve", "20261201000000", "--applied"]), 0, &["20261201000000 is noted as applied"]);
    write("20300101000000_wrong.up.sql", "select 1;\nselect * from nowhere");
    let (code, printed) = migrate(&["up", "--yes"]);
    assert_eq!(code, 1, "{printed}");
    for text in ["drop_pages applied", "line 2: statement 2 of 2 failed", "no such table: nowhere"] {
        assert!(printed.contains(text), "{text} is not in: {printed}");
    }
}

#[test]
fn wrong_arguments_say_what_is_right() {
    let shop = Shop::new("wrong");
    let (code, help) = shop.run(&["migrate", "--help"]);
    assert_eq!(code, 0);
    for command in ["create", "up", "down", "status", "diff", "check", "resolve"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
    }
    check(shop.run(&["migrate", "sideways"]), 2, &["sideways"]);
    check(shop.run(&["migrate", "resolve", "1"]), 2, &["--applied"]);
    check(
        shop.run(&["migrate", "resolve", "1", "--pending"]),
        1,
        &["there is no migration with the version 1"],
    );
    check(shop.run(&["migrate", "create"]), 2, &["<NAME>"]);
}
