//! Values come back as they went in, and what does not fit is told.

use orm_core::condition::Expression;
use orm_core::driver::{Driver, RowReader, RowSink, RowSinkError};
use orm_core::value::{ColumnType, Value, ValueError};
use orm_sqlx::Sqlite;

use crate::database::{execute, open, read, rows, write};
use crate::operations::{decimal, int, key, on, text};

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let (driver, _) = open().await;
    let author = on("Author");
    for (at, number) in [
        0.0,
        0.1,
        -1.5,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        2_f64.powi(53) + 2.0,
    ]
    .into_iter()
    .enumerate()
    {
        let id = int(i64::try_from(at).unwrap());
        let row = vec![id.clone(), text("é\0\u{10ffff}"), Value::Float(number), Value::Bool(at % 2 == 0)];
        let names = ["id", "name", "rating", "active"];
        write(&driver, &author.insert(&names, vec![row.clone()], &[])).await.unwrap();
        let found = rows(&driver, &author.select(author.eq("id", id))).await.unwrap();
        assert_eq!([0, 1, 3, 4].map(|column| found[0][column].clone()).to_vec(), row);
    }
    let profile = on("Profile");
    for (at, (days, photo)) in
        [(-719_528, vec![]), (-1, vec![0]), (0, vec![255; 1 << 20]), (2_932_896, b"x".to_vec())]
            .into_iter()
            .enumerate()
    {
        let id = Value::Uuid(u128::MAX - at as u128);
        let row = vec![id.clone(), int(i64::try_from(at).unwrap()), Value::Date(days), Value::Bytes(photo)];
        write(&driver, &profile.insert(&["id", "author_id", "born", "photo"], vec![row.clone()], &[]))
            .await
            .unwrap();
        assert_eq!(rows(&driver, &profile.select(profile.eq("id", id))).await.unwrap(), [row]);
    }
    let booking = on("Booking");
    for micros in [-62_167_219_200_000_000, -1, 0, 1, 253_402_300_799_999_999] {
        let insert = booking.insert(&["at"], vec![vec![Value::Timestamp(micros)]], &["at"]);
        assert_eq!(write(&driver, &insert).await.unwrap().returned, [[Value::Timestamp(micros)]]);
    }
    let book = on("Book");
    for price in ["-0.00", "12.50", "79228162514264337593543950335", "0.0000000000000000000000000001"] {
        let insert = book.insert(
            &["title", "price", "author_id", "version"],
            vec![vec![text(price), decimal(price), int(1), int(1)]],
            &["price"],
        );
        assert_eq!(write(&driver, &insert).await.unwrap().returned, [[decimal(price)]]);
    }
}

#[tokio::test]
async fn dates_and_times_compare_as_points_in_time() {
    let (driver, _) = open().await;
    let booking = on("Booking");
    let points = [-62_167_219_200_000_000, -1_000_000, -1, 0, 1, 999_999, 1_000_000, 253_402_300_799_999_999];
    let all = points.iter().rev().map(|at| vec![Value::Timestamp(*at)]).collect();
    write(&driver, &booking.insert(&["at"], all, &[])).await.unwrap();
    for at in points {
        let less = booking.compare("at", orm_core::condition::Comparison::Less, Value::Timestamp(at));
        let found = rows(&driver, &booking.select(less)).await.unwrap();
        assert_eq!(found.len(), points.iter().filter(|other| **other < at).count(), "{at}");
    }
}

#[tokio::test]
async fn strict_tables_refuse_what_does_not_fit() {
    let (driver, _) = open().await;
    let refused = ["INSERT INTO author (name, rating) VALUES ('a', 'much')".to_owned()];
    let error = driver.acquire().await.unwrap().execute_schema(&refused).await.unwrap_err();
    let violation = error.violation().unwrap();
    assert_eq!(
        (violation.table.as_deref(), &violation.columns[..]),
        (Some("author"), &["rating".to_owned()][..])
    );
}

/// What a column of SQLite's own `literal` reads as.
async fn stored(driver: &Sqlite, literal: &str, column_type: ColumnType) -> Result<Value, ValueError> {
    struct First(ColumnType, Option<Result<Value, ValueError>>);
    impl RowSink for First {
        fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
            self.1 = Some(read(row, 1, self.0));
            Ok(())
        }
    }
    execute(
        driver,
        &[
            "DELETE FROM \"a \"\"note\"\"\"",
            &format!("INSERT INTO \"a \"\"note\"\"\" VALUES (x'', {literal})"),
        ],
    )
    .await;
    let mut first = First(column_type, None);
    let select = on("Note").select(Expression::always());
    driver.acquire().await.unwrap().select(&select, &mut first).await.unwrap();
    first.1.unwrap()
}

/// A database of another program: no types, so that SQLite keeps what it is given.
async fn foreign() -> Sqlite {
    let (driver, _) = open().await;
    execute(
        &driver,
        &["DROP TABLE \"a \"\"note\"\"\"", "CREATE TABLE \"a \"\"note\"\"\" (\"the ?key\", \"select\")"],
    )
    .await;
    driver
}

#[tokio::test]
async fn values_of_other_programs_are_read_where_nothing_is_lost() {
    let driver = foreign().await;
    for (literal, column_type, expected) in [
        ("NULL", ColumnType::Int(64), Value::Null),
        ("9223372036854775807", ColumnType::Int(64), int(i64::MAX)),
        ("1", ColumnType::Bool, Value::Bool(true)),
        ("2", ColumnType::Double, Value::Float(2.0)),
        ("9007199254740992", ColumnType::Double, Value::Float(9_007_199_254_740_992.0)),
        (
            "x'000102030405060708090a0b0c0d0e0f'",
            ColumnType::Uuid,
            Value::Uuid(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f),
        ),
        (
            "'000102030405060708090A0B0C0D0E0F'",
            ColumnType::Uuid,
            Value::Uuid(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f),
        ),
        ("'12:30'", ColumnType::Time, Value::Time(45_000_000_000)),
        ("'1970-01-01T00:00:01'", ColumnType::DateTime, Value::DateTime(1_000_000)),
        ("datetime(1, 'unixepoch')", ColumnType::Timestamp, Value::Timestamp(1_000_000)),
        ("'1970-01-01T01:00:00.5+01:00'", ColumnType::Timestamp, Value::Timestamp(500_000)),
        ("12", ColumnType::Decimal, decimal("12")),
        ("0.1", ColumnType::Decimal, decimal("0.1")),
        ("1e300", ColumnType::Decimal, decimal(&format!("1{}", "0".repeat(300)))),
        ("'{}'", ColumnType::Json, Value::Json("{}".to_owned())),
        ("x''", ColumnType::Bytes, Value::Bytes(vec![])),
        ("''", ColumnType::Text, text("")),
    ] {
        assert_eq!(stored(&driver, literal, column_type).await, Ok(expected), "{literal}");
    }
}

#[tokio::test]
async fn values_that_do_not_fit_are_told_without_showing_them() {
    let driver = foreign().await;
    for (literal, column_type, message) in [
        ("'secret'", ColumnType::Int(64), "expected integer, found TEXT"),
        ("1.0", ColumnType::Int(64), "expected integer, found REAL"),
        ("2", ColumnType::Bool, "the number is out of range for `bool, which is 0 or 1`"),
        (
            "9007199254740993",
            ColumnType::Double,
            "the number is out of range for `a float, without losing digits`",
        ),
        ("'0.5'", ColumnType::Double, "expected float, found TEXT"),
        ("5", ColumnType::Text, "expected text, found INTEGER"),
        ("x'ff'", ColumnType::Text, "expected text, found BLOB"),
        (
            "CAST(x'61ff' AS TEXT)",
            ColumnType::Text,
            "not a valid text: invalid utf-8 sequence of 1 bytes from index 1",
        ),
        ("'secret'", ColumnType::Bytes, "expected bytes, found TEXT"),
        ("x'00'", ColumnType::Uuid, "not a valid UUID: it needs 16 bytes"),
        ("'secret'", ColumnType::Uuid, "not a valid UUID: it needs 32 hexadecimal digits"),
        ("1700000000", ColumnType::Timestamp, "expected timestamp, found INTEGER"),
        (
            "'2024-01-01 00:00:00.1234567Z'",
            ColumnType::Timestamp,
            "not a valid timestamp: it is finer than a microsecond",
        ),
        ("'2024-02-30'", ColumnType::Date, "not a valid date: expected YYYY-MM-DD"),
        ("'twelve'", ColumnType::Decimal, "not a valid decimal: it is no number"),
        ("9e999", ColumnType::Decimal, "not a valid decimal: it is no number"),
        ("x'00'", ColumnType::Json, "expected JSON, found BLOB"),
    ] {
        let error = stored(&driver, literal, column_type).await.unwrap_err();
        assert_eq!(error.to_string(), message, "{literal}");
    }
}

#[tokio::test]
async fn what_sqlite_would_change_is_refused_before_it_is_sent() {
    let (driver, statements) = open().await;
    let author = on("Author");
    let error = write(
        &driver,
        &author.insert(&["name", "rating"], vec![vec![text("a"), Value::Float(f64::NAN)]], &[]),
    )
    .await
    .unwrap_err();
    assert_eq!(error.to_string(), "a value for Author.rating can't be stored");
    let far = on("Profile").delete(vec![key([Value::Date(i32::MAX)])]);
    assert!(write(&driver, &far).await.is_err());
    assert_eq!(statements.count(), 0);
}
