//! Rows that share a statement are written as they would be one by one, and what comes back is each row's own.

use orm_core::condition::Expression;
use orm_core::driver::{DeleteRow, Driver, DriverErrorKind, OnConflict, TransactionStep, UpdateRow};
use orm_core::value::Value;
use orm_sqlx::Sqlite;

use crate::database::{BEGIN, count, execute, open, open_with, rows, step, write};
use crate::operations::{Random, int, key, on, text};
use crate::options::File;

fn bits(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn difficult_texts() -> Vec<String> {
    let control: String = (0..=0x20_u8).map(char::from).collect();
    let texts = [
        "",
        "\0",
        "a\0b",
        "\"",
        "\\",
        "\\\"",
        "\\u0041",
        "'",
        "[1,2]",
        "{\"a\":null}",
        "null",
        "1e3",
        "é",
        "😀",
    ];
    let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(["\u{2028}\u{7f}\u{fffd}\u{feff}".to_owned(), control, "\u{10ffff}".repeat(3)]);
    texts
}

/// What SQLite stores: zero has no sign.
fn stored(value: &Value) -> Value {
    match value {
        Value::Float(number) if *number == 0.0 => Value::Float(0.0),
        other => other.clone(),
    }
}

#[tokio::test]
async fn integers_and_texts_arrive_as_they_were_sent() {
    let (driver, statements) = open().await;
    let numbers = [0, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1, -(1 << 62)];
    let seats: Vec<Vec<Value>> = difficult_texts()
        .iter()
        .flat_map(|number| numbers.map(|room| vec![int(room), text(number)]))
        .collect();
    write(&driver, &on("Seat").insert(&["room", "number"], seats.clone(), &[])).await.unwrap();
    assert_eq!(statements.writes(), 1);
    let mut found = rows(&driver, &on("Seat").select(Expression::always())).await.unwrap();
    let (mut sent, order) = (seats, |row: &Vec<Value>| format!("{row:?}"));
    found.sort_by_cached_key(order);
    sent.sort_by_cached_key(order);
    assert_eq!(found, sent);
}

#[tokio::test]
async fn floats_arrive_to_the_last_bit() {
    let (driver, _) = open().await;
    let mut state = 88_172_645_463_325_252;
    let mut floats = vec![
        0.0,
        -0.0,
        0.1,
        -0.3,
        1.0 / 3.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::EPSILON,
        1e22,
        1e23,
        9_007_199_254_740_993.0,
        f64::from(f32::MAX),
        f64::from(f32::MIN_POSITIVE),
    ];
    for _ in 0..2_000 {
        let any = f64::from_bits(bits(&mut state));
        let f32 = f64::from(f32::from_bits(u32::try_from(bits(&mut state) >> 32).unwrap()));
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let price = (bits(&mut state) % 100_000_000) as f64 / 100.0;
        floats.extend([any, f32, price].into_iter().filter(|number| !number.is_nan()));
    }
    let author = on("Author");
    let rated: Vec<Vec<Value>> = floats
        .iter()
        .enumerate()
        .map(|(at, float)| vec![text(&at.to_string()), Value::Float(*float)])
        .collect();
    let outcome = write(&driver, &author.insert(&["name", "rating"], rated, &["id"])).await.unwrap();
    assert_eq!(outcome.returned.len(), floats.len());
    check_ratings(&driver, &outcome.returned, &floats).await;
    // Updates hand over the same values, in the opposite order.
    let other: Vec<f64> = floats.iter().rev().copied().collect();
    let changed = outcome.returned.iter().zip(&other).map(|(id, float)| UpdateRow {
        key: key([id[0].clone()]),
        values: vec![Value::Float(*float)],
        expected: vec![],
    });
    let update = author.update(&["rating"], changed.collect(), &[]);
    assert_eq!(write(&driver, &update).await.unwrap().matched, vec![true; floats.len()]);
    check_ratings(&driver, &outcome.returned, &other).await;
}

async fn check_ratings(driver: &Sqlite, ids: &[Vec<Value>], floats: &[f64]) {
    let found = rows(driver, &on("Author").select(Expression::always())).await.unwrap();
    assert_eq!(found.len(), floats.len());
    for row in found {
        let at = ids.iter().position(|id| id[0] == row[0]).unwrap();
        assert_eq!(row[3], stored(&Value::Float(floats[at])), "{}", floats[at]);
    }
}

#[tokio::test]
async fn bytes_arrive_as_they_were_sent() {
    let (driver, _) = open().await;
    let every: Vec<u8> = (0..=255).collect();
    let blobs = [vec![], vec![0], vec![0, 0], every.clone(), every.repeat(500), b"\"\\[".to_vec()];
    let notes = blobs.iter().map(|blob| vec![Value::Bytes(blob.clone()), text("a")]).collect();
    write(&driver, &on("Note").insert(&["the ?key", "select"], notes, &[])).await.unwrap();
    let found = rows(&driver, &on("Note").select(Expression::always())).await.unwrap();
    for blob in &blobs {
        assert!(found.iter().any(|row| row[0] == Value::Bytes(blob.clone())), "{} bytes", blob.len());
    }
    let changed = blobs.iter().map(|blob| UpdateRow {
        key: key([Value::Bytes(blob.clone())]),
        values: vec![text(&blob.len().to_string())],
        expected: vec![text("a")],
    });
    let update = on("Note").update(&["select"], changed.collect(), &["select"]);
    assert_eq!(write(&driver, &update).await.unwrap().matched, [true; 6]);
    for row in rows(&driver, &on("Note").select(Expression::always())).await.unwrap() {
        let Value::Bytes(blob) = &row[0] else { panic!("{row:?}") };
        assert_eq!(row[1], text(&blob.len().to_string()));
    }
}

/// One by one and together, random rows of all types give the same tables.
#[tokio::test]
async fn together_is_as_one_by_one() {
    let (one, _) = open().await;
    let (together, _) = open().await;
    let mut random = Random::new(11);
    for name in ["Tag", "Seat", "Note"] {
        let on = on(name);
        let entity = on.entity();
        let columns: Vec<&str> = entity.columns.iter().map(|column| column.name.as_str()).collect();
        let mut given: Vec<Vec<Value>> = Vec::new();
        for _ in 0..60 {
            let row: Vec<Value> =
                entity.columns.iter().map(|column| random.value(column.column_type)).collect();
            let key =
                |row: &Vec<Value>| -> Vec<Value> { entity.key_columns().map(|at| row[at].clone()).collect() };
            if given.iter().all(|other| key(other) != key(&row)) {
                given.push(row);
            }
        }
        for row in &given {
            write(&one, &on.insert(&columns, vec![row.clone()], &[])).await.unwrap();
        }
        write(&together, &on.insert(&columns, given, &[])).await.unwrap();
        let sorted = async |driver: &Sqlite| {
            let mut rows = rows(driver, &on.select(Expression::always())).await.unwrap();
            rows.sort_by_cached_key(|row| format!("{row:?}"));
            rows
        };
        assert_eq!(sorted(&together).await, sorted(&one).await);
    }
    let moments = |driver: Sqlite| async move {
        let at = [0, -1, 1, 1_700_000_000_000_001].map(|at| vec![Value::Timestamp(at)]);
        write(&driver, &on("Booking").insert(&["at"], at.to_vec(), &["id", "at"])).await.unwrap().returned
    };
    let found = moments(together).await;
    assert_eq!(found, moments(one).await);
    assert_eq!(found[3], [int(4), Value::Timestamp(1_700_000_000_000_001)]);
}

#[tokio::test]
async fn a_new_table_begins_with_one_and_goes_on_after_every_key_it_had() {
    let (driver, statements) = open().await;
    let author = on("Author");
    let two = || author.insert(&["name"], vec![vec![text("a")], vec![text("b")]], &["id", "active"]);
    let keys = async || -> Vec<Value> {
        let outcome = write(&driver, &two()).await.unwrap();
        outcome.returned.into_iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(keys().await, [int(1), int(2)]);
    write(&driver, &author.insert(&["id", "name"], vec![vec![int(10), text("c")]], &[])).await.unwrap();
    assert_eq!(keys().await, [int(11), int(12)]);
    // A key that was used is never used again, not even when its row is gone.
    write(&driver, &author.delete(vec![key([int(11)]), key([int(12)])])).await.unwrap();
    assert_eq!(keys().await, [int(13), int(14)]);
    write(&driver, &author.delete_where(Expression::always())).await.unwrap();
    assert_eq!(keys().await, [int(15), int(16)]);
    // One alone, whose key SQLite makes, and several, whose keys the statement counts, follow each other.
    let one = author.insert(&["name"], vec![vec![text("a")]], &["id"]);
    assert_eq!(write(&driver, &one).await.unwrap().returned, [[int(17)]]);
    assert_eq!(keys().await, [int(18), int(19)]);
    assert_eq!(statements.writes(), 9);
    // Keys that were rolled back can be used again.
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    assert_eq!(connection.write(&two()).await.unwrap().returned[0][0], int(20));
    step(&mut *connection, TransactionStep::Rollback).await;
    drop(connection);
    assert_eq!(keys().await, [int(20), int(21)]);
}

#[tokio::test]
async fn rows_of_defaults_only_get_their_keys() {
    let driver = open_without_tables().await;
    execute(
        &driver,
        &["CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, active INTEGER DEFAULT 1)"],
    )
    .await;
    let outcome =
        write(&driver, &on("Author").insert(&[], vec![vec![]; 3], &["id", "active"])).await.unwrap();
    assert_eq!(outcome.returned, [1, 2, 3].map(|id| vec![int(id), Value::Bool(true)]));
    assert_eq!(outcome.statements, 1);
}

async fn open_without_tables() -> Sqlite {
    Sqlite::options().connect().await.unwrap()
}

/// Tables of other programs, without a record of the last key, in names that differ in case.
#[tokio::test]
async fn keys_are_counted_without_a_record_too() {
    let driver = open_without_tables().await;
    execute(&driver, &["CREATE TABLE Author (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"]).await;
    let author = on("Author");
    let two = author.insert(&["name"], vec![vec![text("a")], vec![text("b")]], &["id"]);
    assert_eq!(write(&driver, &two).await.unwrap().returned, [[int(1)], [int(2)]]);
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    assert_eq!(connection.write(&two).await.unwrap().returned, [[int(3)], [int(4)]]);
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    // With a record of the same name in another case.
    execute(
        &driver,
        &[
            "DROP TABLE Author",
            "CREATE TABLE AUTHOR (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL)",
        ],
    )
    .await;
    write(&driver, &two).await.unwrap();
    write(&driver, &author.delete_where(Expression::always())).await.unwrap();
    assert_eq!(write(&driver, &two).await.unwrap().returned, [[int(3)], [int(4)]]);
}

#[tokio::test]
async fn a_table_that_has_had_the_last_key_is_full() {
    let (driver, _) = open().await;
    let author = on("Author");
    let last = author.insert(&["id", "name"], vec![vec![int(i64::MAX - 1), text("a")]], &[]);
    write(&driver, &last).await.unwrap();
    let insert = |rows: usize| author.insert(&["name"], vec![vec![text("b")]; rows], &["id"]);
    let error = write(&driver, &insert(2)).await.unwrap_err();
    assert!(error.to_string().ends_with("database or disk is full"), "{error}");
    assert_eq!(count(&driver, &author.select(Expression::always())).await, 1);
    assert_eq!(write(&driver, &insert(1)).await.unwrap().returned, [[int(i64::MAX)]]);
    assert!(write(&driver, &insert(1)).await.is_err());
    assert!(write(&driver, &insert(3)).await.is_err());
}

#[tokio::test]
async fn triggers_do_not_mix_up_the_keys() {
    let (driver, _) = open().await;
    execute(
        &driver,
        &["CREATE TRIGGER noted AFTER INSERT ON author BEGIN INSERT INTO category (id, name) \
             VALUES (100 - new.id, new.name); END"],
    )
    .await;
    let author = on("Author");
    let names = ["a", "b", "c"].map(|name| vec![text(name)]).to_vec();
    let outcome = write(&driver, &author.insert(&["name"], names.clone(), &["id"])).await.unwrap();
    assert_eq!(outcome.returned, [[int(1)], [int(2)], [int(3)]]);
    assert_eq!(count(&driver, &on("Category").select(Expression::always())).await, 3);
    // One that leaves rows out: nobody can say which.
    execute(
        &driver,
        &["CREATE TRIGGER picky BEFORE INSERT ON author WHEN new.name = 'b' BEGIN SELECT RAISE(IGNORE); END"],
    )
    .await;
    let error = write(&driver, &author.insert(&["name"], names, &["id"])).await.unwrap_err();
    assert!(error.to_string().starts_with("the rows that the database gave back"), "{error}");
}

/// Several writers on one table, each of which inserts its rows shuffled, and looks each up by the key it was given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_is_its_rows_own_while_others_write() {
    let file = File::new("keys");
    let options = Sqlite::options().path(&file.path).max_connections(3);
    let (driver, _) = open_with(options.busy_timeout(std::time::Duration::from_secs(60))).await;
    let tasks = (0..5_u64).map(|task| {
        let driver = driver.clone();
        tokio::spawn(async move {
            let author = on("Author");
            let mut state = 7_919 * (task + 1);
            let mut names: Vec<String> = (0..1_000).map(|number| format!("{task}-{number}")).collect();
            for at in (1..names.len()).rev() {
                let other = usize::try_from(bits(&mut state) % (at as u64 + 1)).unwrap();
                names.swap(at, other);
            }
            let mut given = Vec::new();
            let mut rest = names.as_slice();
            while !rest.is_empty() {
                let size = usize::try_from(bits(&mut state) % 300 + 1).unwrap().min(rest.len());
                let (batch, others) = rest.split_at(size);
                rest = others;
                let insert =
                    author.insert(&["name"], batch.iter().map(|name| vec![text(name)]).collect(), &["id"]);
                let returned = write(&driver, &insert).await.unwrap().returned;
                given.extend(batch.iter().cloned().zip(returned.into_iter().map(|mut row| row.remove(0))));
                if bits(&mut state).is_multiple_of(2) {
                    // Gaps, and a last row that goes.
                    let (_, last) = given.pop().unwrap();
                    write(&driver, &author.delete(vec![key([last])])).await.unwrap();
                }
            }
            given
        })
    });
    let mut given = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        given.extend(task.await.unwrap());
    }
    let found = rows(&driver, &on("Author").select(Expression::always())).await.unwrap();
    assert_eq!(found.len(), given.len());
    let names: std::collections::HashMap<Value, Value> =
        found.into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect();
    for (name, id) in given {
        assert_eq!(names.get(&id), Some(&text(&name)));
    }
}

#[tokio::test]
async fn what_is_expected_may_be_null() {
    let (driver, _) = open().await;
    let author = on("Author");
    let authors =
        [text("a@x.org"), Value::Null, text("c@x.org"), Value::Null].map(|email| vec![text("a"), email]);
    write(&driver, &author.insert(&["name", "email"], authors.to_vec(), &[])).await.unwrap();
    let row = |(id, email): (i64, Value)| UpdateRow {
        key: key([int(id)]),
        values: vec![text("b")],
        expected: vec![email],
    };
    let expected =
        [(1, Value::Null), (2, Value::Null), (3, text("c@x.org")), (4, text("d@x.org")), (5, Value::Null)];
    let update = author.update(&["name"], expected.clone().map(row).to_vec(), &["email"]);
    let outcome = write(&driver, &update).await.unwrap();
    assert_eq!((outcome.matched, outcome.affected), (vec![false, true, true, false, false], 2));
    for (at, expected) in expected.clone().into_iter().enumerate() {
        let one = author.update(&["name"], vec![row(expected)], &["email"]);
        assert_eq!(write(&driver, &one).await.unwrap().matched, [[false, true, true, false, false][at]]);
    }
    let gone = |(id, email): (i64, Value)| DeleteRow { key: key([int(id)]), expected: vec![email] };
    let one = author.delete_expecting(vec![gone(expected[0].clone())], &["email"]);
    assert_eq!(write(&driver, &one).await.unwrap().matched, [false]);
    let delete = author.delete_expecting(expected.map(gone).to_vec(), &["email"]);
    let outcome = write(&driver, &delete).await.unwrap();
    assert_eq!(
        (outcome.matched, outcome.affected, outcome.statements),
        (vec![false, true, true, false, false], 2, 1)
    );
    assert_eq!(count(&driver, &author.select(Expression::always())).await, 2);
}

/// Two authors, `ann` with books 1 and 2, and `bob` with book 3.
async fn books() -> Sqlite {
    let (driver, _) = open().await;
    let authors = ["ann", "bob"].map(|name| vec![text(name)]).to_vec();
    write(&driver, &on("Author").insert(&["name"], authors, &["id"])).await.unwrap();
    let books = [(1, "x"), (1, "y"), (2, "z")].map(|(author, title)| vec![text(title), int(author), int(1)]);
    write(&driver, &on("Book").insert(&["title", "author_id", "version"], books.to_vec(), &["id"]))
        .await
        .unwrap();
    driver
}

#[tokio::test]
async fn rows_that_do_not_meet_the_guard_are_left() {
    let driver = books().await;
    let book = on("Book");
    let of_ann = || book.is("author", on("Author").eq("name", text("ann")));
    let row = |id: i64| UpdateRow { key: key([int(id)]), values: vec![text("new")], expected: vec![] };
    let update = |ids: &[i64]| book.update(&["title"], ids.iter().map(|id| row(*id)).collect(), &[]);
    let guarded = book.guarded(update(&[3, 2, 1]), of_ann());
    assert_eq!(write(&driver, &guarded).await.unwrap().matched, [false, true, true]);
    assert_eq!(write(&driver, &book.guarded(update(&[3]), of_ann())).await.unwrap().matched, [false]);
    let keys = |ids: &[i64]| ids.iter().map(|id| key([int(*id)])).collect();
    let guarded = book.guarded(book.delete(keys(&[1, 3, 7])), of_ann());
    assert_eq!(write(&driver, &guarded).await.unwrap().matched, [true, false, false]);
    let guarded = book.guarded(book.delete(keys(&[3])), of_ann());
    assert_eq!(write(&driver, &guarded).await.unwrap().matched, [false]);
    assert_eq!(count(&driver, &book.select(Expression::always())).await, 2);
}

#[tokio::test]
async fn everything_that_meets_a_condition_is_changed_or_goes() {
    let driver = books().await;
    let (author, book) = (on("Author"), on("Book"));
    let of = |name: &str| book.is("author", author.eq("name", text(name)));
    let outcome =
        write(&driver, &book.update_where(&[("title", text("t")), ("version", int(7))], of("ann"))).await;
    assert_eq!(outcome.unwrap().affected, 2);
    assert_eq!(count(&driver, &book.select(book.eq("title", text("t")))).await, 2);
    let outcome = write(&driver, &book.update_where(&[("price", Value::Null)], Expression::always())).await;
    assert_eq!(outcome.unwrap().affected, 3);
    assert_eq!(write(&driver, &book.delete_where(of("bob"))).await.unwrap().affected, 1);
    let without_books = author.related("books", orm_core::condition::Quantifier::None, Expression::always());
    assert_eq!(write(&driver, &author.delete_where(without_books)).await.unwrap().affected, 1);
    assert_eq!(write(&driver, &book.delete_where(Expression::always())).await.unwrap().affected, 2);
}

#[tokio::test]
async fn an_upsert_gives_back_what_it_wrote() {
    let (driver, _) = open().await;
    let author = on("Author");
    let row = |name: &str, email: &str| vec![text(name), text(email)];
    let upsert = |rows: Vec<Vec<Value>>, action: OnConflict| {
        author.upsert(&["name", "email"], rows, &["email"], action, &["id", "name"])
    };
    let update =
        || OnConflict::Update { columns: author.columns(&["name"]), set: Vec::new(), raised: Vec::new() };
    let first = upsert(vec![row("a", "a@x"), row("b", "b@x")], update());
    let outcome = write(&driver, &first).await.unwrap();
    assert_eq!(outcome.returned, [[int(1), text("a")], [int(2), text("b")]]);
    let again = vec![row("c", "c@x"), row("B", "b@x"), row("A", "a@x")];
    let outcome = write(&driver, &upsert(again.clone(), update())).await.unwrap();
    let ids: Vec<Value> = outcome.returned.iter().map(|row| row[0].clone()).collect();
    assert_eq!((&ids[1..], outcome.affected, outcome.statements), (&[int(2), int(1)][..], 3, 1));
    // Rows that are left come back as nothing.
    let mut more = again;
    more.push(row("d", "d@x"));
    let outcome = write(&driver, &upsert(more.clone(), OnConflict::Ignore)).await.unwrap();
    assert_eq!(outcome.returned.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 2]);
    let guarded = author.guarded(upsert(more, update()), author.eq("name", text("A")));
    let outcome = write(&driver, &guarded).await.unwrap();
    assert_eq!(outcome.returned.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 2, 0]);
    let outcome = write(&driver, &upsert(vec![row("x", "a@x")], OnConflict::Ignore)).await.unwrap();
    assert_eq!(outcome.returned, [Vec::<Value>::new()]);
    // NULL is no conflict.
    let nobody = || vec![text("n"), Value::Null];
    let outcome = write(&driver, &upsert(vec![nobody(), row("z", "z@x"), nobody()], update())).await.unwrap();
    let mut ids: Vec<Value> = outcome.returned.iter().map(|row| row[0].clone()).collect();
    ids.dedup();
    assert_eq!((ids.len(), outcome.affected), (3, 3));
    let same = upsert(vec![row("a", "q@x"), row("b", "q@x")], update());
    assert_eq!(write(&driver, &same).await.unwrap_err().kind(), DriverErrorKind::Unsupported);
}

#[tokio::test]
async fn several_statements_are_written_all_or_none() {
    let (driver, statements) = open().await;
    let author = on("Author");
    // Numbers so far from one do not travel together.
    let row = |name: &str| vec![text(name), Value::Float(f64::MAX)];
    let fails =
        || author.insert(&["name", "rating"], vec![row("a"), row("b"), row(&"too long".repeat(9))], &["id"]);
    assert_eq!(write(&driver, &fails()).await.unwrap_err().kind(), DriverErrorKind::ConstraintViolation);
    assert_eq!(count(&driver, &author.select(Expression::always())).await, 0);
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    connection.write(&author.insert(&["name"], vec![vec![text("kept")]], &[])).await.unwrap();
    connection.write(&fails()).await.unwrap_err();
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    let found = rows(&driver, &author.select(Expression::always())).await.unwrap();
    assert_eq!(found.iter().map(|row| &row[1]).collect::<Vec<_>>(), [&text("kept")]);
    statements.reset();
    let works = author.insert(&["name", "rating"], vec![row("a"), row("b")], &["id"]);
    let outcome = write(&driver, &works).await.unwrap();
    assert_eq!((outcome.statements, statements.count()), (4, 4));
    assert_eq!(outcome.returned, [[int(2)], [int(3)]]);
}

/// A violation in the middle of many rows writes none of them.
#[tokio::test]
async fn a_violation_at_any_place_writes_nothing() {
    let (driver, _) = open().await;
    let author = on("Author");
    write(&driver, &author.insert(&["name", "email"], vec![vec![text("a"), text("taken")]], &[]))
        .await
        .unwrap();
    for place in 0..100 {
        let email = |at: i64| if at == place { text("taken") } else { text(&format!("{at}@x.org")) };
        let authors = (0..100).map(|at| vec![text("b"), email(at)]).collect();
        let error = write(&driver, &author.insert(&["name", "email"], authors, &["id"])).await.unwrap_err();
        let violation = error.violation().unwrap();
        assert_eq!(
            (violation.table.as_deref(), violation.columns.as_slice()),
            (Some("author"), &["email".to_owned()][..])
        );
    }
    assert_eq!(count(&driver, &author.select(Expression::always())).await, 1);
}
