//! Conditions on the elements of lists, as every database is sent them.

use std::sync::Arc;

use expect_test::{Expect, expect};
use orm_core::Entity;
use orm_core::condition::{Comparison, Expression, Function, ListMatch, Term};
use orm_core::driver::{DriverErrorKind, Select};
use orm_core::metadata::Metadata;
use orm_core::value::{ColumnType, Value};
use orm_sql::{MySqlFlavor, Statements};
use rust_decimal::Decimal;

use crate::fixture::metadata_of;

#[derive(Entity, Clone, Debug, Default)]
struct Shelf {
    #[entity(id, auto)]
    id: i64,
    labels: Vec<String>,
    sizes: Option<Vec<i32>>,
    prices: Vec<Decimal>,
}

const LABELS: usize = 1;
const SIZES: usize = 2;
const PRICES: usize = 3;

fn metadata() -> Arc<Metadata> {
    metadata_of::<Shelf>(|builder| builder.entity::<Shelf>())
}

fn select(condition: Expression) -> Select {
    let metadata = metadata();
    let entity = metadata.entities().next().unwrap().id;
    Select { condition, ..Select::new(metadata, entity) }
}

fn list(property: usize, matching: ListMatch, element: &'static ColumnType, of: Vec<Value>) -> Expression {
    Expression::List { property, matching, list: Value::Array(element, of) }
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::Text((*text).to_owned())).collect()
}

/// The condition in the text of every database, and what it binds.
#[track_caller]
fn check(condition: Expression, expected: &Expect) {
    let select = select(condition);
    let databases = [
        ("sqlite", Statements::sqlite()),
        ("postgres", Statements::postgres()),
        ("mariadb", Statements::mysql(MySqlFlavor::MariaDb)),
        ("mysql", Statements::mysql(MySqlFlavor::MySql)),
    ];
    let mut shown = String::new();
    for (name, statements) in databases {
        let statement = statements.select(&select).unwrap();
        let (_, condition) = statement.sql.split_once(" WHERE ").unwrap();
        shown += &format!("{name}: {condition} -- {:?}\n", statement.values);
    }
    expected.assert_eq(&shown);
}

#[test]
fn elements_are_all_there() {
    check(
        list(LABELS, ListMatch::ContainsAll, &ColumnType::Text, texts(&["a", "b\""])),
        &expect![[r#"
        sqlite: (CASE WHEN ("t0"."labels" IS NOT NULL) THEN NOT EXISTS(SELECT "k"."value" FROM json_each(?) AS "k" EXCEPT SELECT "k"."value" FROM json_each("t0"."labels") AS "k") END) -- [["a", "b\""]]
        postgres: "t0"."labels" @> $1 -- [["a", "b\""]]
        mariadb: IF(`t0`.`labels` IS NULL, NULL, NOT EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v LONGTEXT CHARACTER SET utf8mb4 PATH '$' ERROR ON ERROR)) AS `w` WHERE NOT EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`labels`, '$[*]' COLUMNS (v LONGTEXT CHARACTER SET utf8mb4 PATH '$' ERROR ON ERROR)) AS `k` WHERE CAST(`k`.`v` AS BINARY) = CAST(`w`.`v` AS BINARY)))) -- [["a", "b\""]]
        mysql: JSON_CONTAINS(`t0`.`labels`, ?) -- [["a", "b\""]]
    "#]],
    );
}

#[test]
fn one_element_at_least_is_there() {
    let sizes = vec![Value::Int(1), Value::Int(i64::MAX)];
    check(
        list(SIZES, ListMatch::Overlaps, &ColumnType::Int(32), sizes),
        &expect![[r#"
        sqlite: (CASE WHEN ("t0"."sizes" IS NOT NULL) THEN EXISTS(SELECT 1 FROM json_each("t0"."sizes") AS "k" WHERE "k"."value" IN (SELECT "k"."value" FROM json_each(?) AS "k")) END) -- [[1, 9223372036854775807]]
        postgres: "t0"."sizes" && $1 -- [[1, 9223372036854775807]]
        mariadb: IF(`t0`.`sizes` IS NULL, NULL, EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`sizes`, '$[*]' COLUMNS (v BIGINT PATH '$' ERROR ON ERROR)) AS `k` WHERE EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v BIGINT PATH '$' ERROR ON ERROR)) AS `w` WHERE `k`.`v` = `w`.`v`))) -- [[1, 9223372036854775807]]
        mysql: JSON_OVERLAPS(`t0`.`sizes`, ?) -- [[1, 9223372036854775807]]
    "#]],
    );
}

#[test]
fn decimals_are_compared_as_numbers() {
    let prices = || vec![Value::Decimal("1.50".to_owned())];
    check(
        list(PRICES, ListMatch::ContainsAll, &ColumnType::Decimal, prices()),
        &expect![[r#"
        sqlite: (CASE WHEN ("t0"."prices" IS NOT NULL) THEN NOT EXISTS(SELECT "k"."value" COLLATE orm_decimal FROM json_each(?) AS "k" EXCEPT SELECT "k"."value" FROM json_each("t0"."prices") AS "k") END) -- [[1.50]]
        postgres: "t0"."prices" @> $1 -- [[1.50]]
        mariadb: IF(`t0`.`prices` IS NULL, NULL, NOT EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `w` WHERE NOT EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`prices`, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `k` WHERE `k`.`v` = `w`.`v`))) -- [[1.50]]
        mysql: IF(`t0`.`prices` IS NULL, NULL, NOT EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `w` WHERE NOT EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`prices`, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `k` WHERE `k`.`v` = `w`.`v`))) -- [[1.50]]
    "#]],
    );
    check(
        list(PRICES, ListMatch::Overlaps, &ColumnType::Decimal, prices()),
        &expect![[r#"
        sqlite: (CASE WHEN ("t0"."prices" IS NOT NULL) THEN EXISTS(SELECT 1 FROM json_each("t0"."prices") AS "k" WHERE ("k"."value" COLLATE orm_decimal) IN (SELECT "k"."value" FROM json_each(?) AS "k")) END) -- [[1.50]]
        postgres: "t0"."prices" && $1 -- [[1.50]]
        mariadb: IF(`t0`.`prices` IS NULL, NULL, EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`prices`, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `k` WHERE EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `w` WHERE `k`.`v` = `w`.`v`))) -- [[1.50]]
        mysql: IF(`t0`.`prices` IS NULL, NULL, EXISTS(SELECT 1 FROM JSON_TABLE(`t0`.`prices`, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `k` WHERE EXISTS(SELECT 1 FROM JSON_TABLE(?, '$[*]' COLUMNS (v DECIMAL(65,30) PATH '$' ERROR ON ERROR)) AS `w` WHERE `k`.`v` = `w`.`v`))) -- [[1.50]]
    "#]],
    );
}

#[test]
fn a_list_has_a_length() {
    let length = Term::Call { function: Function::ListLength, arguments: vec![Term::property(SIZES)] };
    let is_empty = Expression::CompareTerms {
        left: length,
        comparison: Comparison::Equal,
        right: Term::Value(Value::Int(0)),
    };
    check(
        is_empty,
        &expect![[r#"
        sqlite: json_array_length("t0"."sizes") = ? -- [0]
        postgres: cardinality("t0"."sizes") = CAST($1 AS bigint) -- [0]
        mariadb: json_length(`t0`.`sizes`) = CAST(? AS SIGNED) -- [0]
        mysql: json_length(`t0`.`sizes`) = CAST(? AS SIGNED) -- [0]
    "#]],
    );
}

/// However many elements are asked for, there is one text; what is done with them is another one.
#[test]
fn a_text_serves_any_number_of_elements() {
    let statements = Statements::sqlite();
    let text = |matching, of| {
        let condition = list(LABELS, matching, &ColumnType::Text, of);
        statements.select(&select(condition)).unwrap().sql
    };
    let none = text(ListMatch::ContainsAll, Vec::new());
    assert_eq!(none, text(ListMatch::ContainsAll, texts(&["a", "b", "c"])));
    assert_ne!(none, text(ListMatch::Overlaps, Vec::new()));
}

#[test]
fn what_is_no_list_or_no_element_is_refused() {
    let refused = |condition, reason: &str| {
        let error = Statements::sqlite().select(&select(condition)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (DriverErrorKind::Unsupported, reason));
    };
    let matching = ListMatch::Overlaps;
    refused(list(0, matching, &ColumnType::Int(64), Vec::new()), "Shelf.id is no list");
    let infinite = vec![Value::Float(f64::INFINITY)];
    refused(
        list(LABELS, matching, &ColumnType::Double, infinite),
        "a value for Shelf.labels can't be stored",
    );
}
