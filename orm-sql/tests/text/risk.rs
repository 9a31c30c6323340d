//! Which changes of a database are safe, and which wait until they are asked for: a rule a test.

use expect_test::{Expect, expect};
use orm_core::schema::database::DatabaseName;
use orm_core::schema::{SchemaComparison, SchemaRenames};
use orm_sql::{Statements, sqlite};

/// The changes from one side to the other, each of them a list of statements.
#[track_caller]
fn check(before: &[&str], after: &[&str], expected: &Expect) {
    check_renamed(before, after, SchemaRenames::default(), expected);
}

#[track_caller]
fn check_renamed(before: &[&str], after: &[&str], renames: SchemaRenames, expected: &Expect) {
    let [live, wanted] = [before, after].map(|statements| {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        sqlite::described(&statements).unwrap()
    });
    let comparison = SchemaComparison { live, wanted, renames, ..SchemaComparison::default() };
    expected.assert_eq(&Statements::sqlite().diff_schema(&comparison).unwrap().to_string());
}

/// A table with a key and what else is given.
fn table(name: &str, parts: &str) -> String {
    format!("CREATE TABLE \"{name}\" (\"id\" INTEGER NOT NULL, {parts}, PRIMARY KEY (\"id\"))")
}

/// A column with a check.
fn checked(name: &str, expression: &str) -> String {
    format!("\"c\" TEXT, CONSTRAINT \"{name}\" CHECK ({expression})")
}

#[test]
fn labels_may_come_and_not_go() {
    let labels = |list: &str| table("t", &checked("t_c_labels", &format!("\"c\" IN ({list})")));
    check(
        &[&labels("'a', 'b'")],
        &[&labels("'b', 'x', 'a'")],
        &expect![[r#"
        t: drop the check t_c_labels
        t: add the check t_c_labels
    "#]],
    );
    check(
        &[&labels("'a', 'b'")],
        &[&labels("'a', 'x'")],
        &expect![[r#"
        t: drop the check t_c_labels (destructive: rows with what is allowed no more are refused)
        t: add the check t_c_labels (destructive: rows with what is allowed no more are refused)
    "#]],
    );
    check(
        &[&labels("'a', 'b'")],
        &[&table("t", "\"c\" TEXT")],
        &expect![[r#"
        t: drop the check t_c_labels
    "#]],
    );
}

#[test]
fn labels_and_lengths_are_asked_for_where_a_column_had_none() {
    let plain = table("t", "\"c\" TEXT");
    let labelled = table("t", &checked("t_c_labels", "\"c\" IN ('a')"));
    check(
        &[&plain],
        &[&labelled],
        &expect![[r#"
        t: add the check t_c_labels (destructive: rows with what is allowed no more are refused)
    "#]],
    );
    let bounded = table("t", &checked("t_c_length", "length(\"c\") <= 9"));
    check(
        &[&plain],
        &[&bounded],
        &expect![[r#"
        t: add the check t_c_length (destructive: rows with what is allowed no more are refused)
    "#]],
    );
    let without = table("t", "\"d\" TEXT");
    let with = table("t", &format!("\"d\" TEXT, {}", checked("t_c_length", "length(\"c\") <= 9")));
    check(
        &[&without],
        &[&with],
        &expect![[r#"
        t: add the column c TEXT
        t: add the check t_c_length
    "#]],
    );
}

#[test]
fn lengths_may_grow_and_not_shrink() {
    let bounded = |length: u32| table("t", &checked("t_c_length", &format!("length(\"c\") <= {length}")));
    check(
        &[&bounded(9)],
        &[&bounded(10)],
        &expect![[r#"
        t: drop the check t_c_length
        t: add the check t_c_length
    "#]],
    );
    check(
        &[&bounded(9)],
        &[&bounded(8)],
        &expect![[r#"
        t: drop the check t_c_length (destructive: rows with what is allowed no more are refused)
        t: add the check t_c_length (destructive: rows with what is allowed no more are refused)
    "#]],
    );
    check(
        &[&bounded(9)],
        &[&table("t", "\"c\" TEXT")],
        &expect![[r#"
        t: drop the check t_c_length
    "#]],
    );
}

#[test]
fn the_check_of_a_renamed_column_is_known_again() {
    let before = table("t", "\"old\" TEXT, CONSTRAINT \"t_old_length\" CHECK (length(\"old\") <= 9)");
    let after = |length: u32| table("t", &checked("t_c_length", &format!("length(\"c\") <= {length}")));
    let column = (DatabaseName::new(None, "t"), "c".to_owned(), "old".to_owned());
    let renames = SchemaRenames { tables: Vec::new(), columns: vec![column] };
    check_renamed(
        &[&before],
        &[&after(9)],
        renames.clone(),
        &expect![[r#"
        t: rename the column old to c
        t: drop the check t_old_length
        t: add the check t_c_length
    "#]],
    );
    check_renamed(
        &[&before],
        &[&after(8)],
        renames,
        &expect![[r#"
        t: rename the column old to c
        t: drop the check t_old_length (destructive: rows with what is allowed no more are refused)
        t: add the check t_c_length (destructive: rows with what is allowed no more are refused)
    "#]],
    );
}

#[test]
fn what_stands_on_a_column_that_rows_have_no_value_for_waits() {
    check(
        &[&table("t", "\"a\" INTEGER"), &table("u", "\"a\" INTEGER")],
        &[
            &table(
                "t",
                "\"a\" INTEGER, \"c\" INTEGER NOT NULL, \"d\" INTEGER GENERATED ALWAYS AS (\"c\" * 2) VIRTUAL, \
                 CONSTRAINT \"few\" CHECK (\"d\" < 9), FOREIGN KEY (\"c\") REFERENCES \"u\" (\"id\")",
            ),
            "CREATE INDEX \"by_c\" ON \"t\" (\"a\", \"c\")",
            "CREATE INDEX \"by_a\" ON \"t\" (\"a\")",
            &table("u", "\"a\" INTEGER"),
        ],
        &expect![[r#"
            t: add the column c INTEGER not null (destructive: rows that are there have no value for c)
            t: add the column d INTEGER (destructive: rows that are there have no value for c)
            t: add the index by_c on a, c (destructive: rows that are there have no value for c)
            t: add the index by_a on a
            t: add the check few (destructive: rows that are there have no value for c)
            t: add the foreign key c to u (destructive: rows that are there have no value for c)
        "#]],
    );
}

#[test]
fn what_stands_on_another_type_waits_unless_every_value_fits() {
    let before = |type_name: &str| table("t", &format!("\"c\" {type_name}"));
    let after = [
        table(
            "t",
            "\"c\" INTEGER DEFAULT 7, \"d\" INTEGER GENERATED ALWAYS AS (\"c\" * 2) VIRTUAL, CONSTRAINT \"few\" CHECK (\"c\" \
             < 9)",
        ),
        "CREATE INDEX \"by_c\" ON \"t\" (\"c\")".to_owned(),
    ];
    check(
        &[&before("TEXT")],
        &[&after[0], &after[1]],
        &expect![[r#"
        t: change the type of c from TEXT to INTEGER (destructive: values that do not fit the new type are lost or refused)
        t: set the default of c to 7 (destructive: values that do not fit the new type are lost or refused)
        t: add the column d INTEGER (destructive: it refers to what comes with a destructive change)
        t: add the index by_c on c (destructive: it refers to what comes with a destructive change)
        t: add the check few (destructive: it refers to what comes with a destructive change)
    "#]],
    );
    check(
        &[&before("INT")],
        &[&after[0], &after[1]],
        &expect![[r#"
        t: change the type of c from INT to INTEGER
        t: set the default of c to 7
        t: add the column d INTEGER
        t: add the index by_c on c
        t: add the check few
    "#]],
    );
}

#[test]
fn what_belongs_to_a_key_that_changes_waits_with_it() {
    check(
        &["CREATE TABLE \"t\" (\"a\" INTEGER NOT NULL, \"b\" INTEGER, PRIMARY KEY (\"a\"))"],
        &[
            "CREATE TABLE \"t\" (\"a\" INTEGER, \"b\" INTEGER, \"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT)",
        ],
        &expect![[r#"
            t: let a be null (destructive: it goes with the change of the key)
            t: add the column id INTEGER not null (destructive: it is counted as the key that is to change)
            t: change the primary key to id (destructive: rows that agree in the new key are refused)
        "#]],
    );
}

#[test]
fn a_foreign_key_waits_for_the_key_that_it_leads_to() {
    let refers = "\"f\" INTEGER, FOREIGN KEY (\"f\") REFERENCES \"u\" (\"id\")";
    let target = |key: &str| {
        format!(
            "CREATE TABLE \"u\" (\"a\" INTEGER NOT NULL, \"id\" INTEGER NOT NULL, PRIMARY KEY (\"{key}\"))"
        )
    };
    check(
        &[&target("a"), &table("t", "\"c\" TEXT")],
        &[
            &target("id"),
            &table("t", &format!("\"c\" TEXT, {refers}")),
            &table("new", refers),
            &table("newer", "\"f\" INTEGER, FOREIGN KEY (\"f\") REFERENCES \"new\" (\"id\")"),
            &table("free", "\"f\" INTEGER"),
            "CREATE VIEW \"v\" AS SELECT id FROM newer",
            "CREATE VIEW \"w\" AS SELECT id FROM v",
        ],
        &expect![[r#"
            u: change the primary key to id (destructive: rows that agree in the new key are refused)
            t: add the column f INTEGER
            t: add the foreign key f to u (destructive: it refers to what comes with a destructive change)
            create the table new (destructive: it refers to what comes with a destructive change)
            create the table newer (destructive: it refers to what comes with a destructive change)
            create the table free
            create the view v (destructive: it refers to what comes with a destructive change)
            create the view w (destructive: it refers to what comes with a destructive change)
        "#]],
    );
}

#[test]
fn a_foreign_key_waits_for_the_unique_index_that_it_leads_to() {
    check(
        &[&table("u", "\"a\" INTEGER"), &table("t", "\"c\" TEXT")],
        &[
            &table("u", "\"a\" INTEGER, \"code\" INTEGER NOT NULL"),
            "CREATE UNIQUE INDEX \"by_code\" ON \"u\" (\"code\")",
            &table("t", "\"c\" TEXT, \"f\" INTEGER, FOREIGN KEY (\"f\") REFERENCES \"u\" (\"code\")"),
        ],
        &expect![[r#"
            u: add the column code INTEGER not null (destructive: rows that are there have no value for code)
            u: add the unique index by_code on code (destructive: rows that are there have no value for code)
            t: add the column f INTEGER
            t: add the foreign key f to u (destructive: it refers to what comes with a destructive change)
        "#]],
    );
}

#[test]
fn a_foreign_key_may_act_otherwise_and_not_lead_elsewhere() {
    let others = [table("u", "\"a\" INTEGER"), table("v", "\"a\" INTEGER")];
    let refers = |to: &str| table("t", &format!("\"f\" INTEGER, FOREIGN KEY (\"f\") REFERENCES {to}"));
    let [plain, acts, elsewhere] =
        ["\"u\" (\"id\")", "\"u\" (\"id\") ON DELETE CASCADE", "\"v\" (\"id\")"].map(refers);
    let with = |own: &str, expected: &Expect| {
        check(&[&others[0], &others[1], &plain], &[&others[0], &others[1], own], expected);
    };
    with(
        &acts,
        &expect![[r#"
        t: drop the foreign key f to u
        t: add the foreign key f to u
    "#]],
    );
    with(
        &elsewhere,
        &expect![[r#"
        t: drop the foreign key f to u
        t: add the foreign key f to v (destructive: rows that lead nowhere by it are refused)
    "#]],
    );
    with(
        &table("t", "\"f\" INTEGER, \"g\" INTEGER, FOREIGN KEY (\"g\") REFERENCES \"v\" (\"id\")"),
        &expect![[r#"
            t: add the column g INTEGER
            t: drop the foreign key f to u
            t: add the foreign key g to v
        "#]],
    );
}

#[test]
fn both_ends_of_a_foreign_key_keep_one_type() {
    let ends = |id: &str, f: &str| {
        [
            format!("CREATE TABLE \"u\" (\"id\" {id} NOT NULL, PRIMARY KEY (\"id\"))"),
            table("t", &format!("\"c\" TEXT, \"f\" {f}, FOREIGN KEY (\"f\") REFERENCES \"u\" (\"id\")")),
        ]
    };
    let [before, after] = [ends("REAL", "INTEGER"), ends("TEXT", "TEXT")];
    check(
        &[&before[0], &before[1]],
        &[&after[0], &after[1]],
        &expect![[r#"
        u: change the type of id from REAL to TEXT (destructive: values that do not fit the new type are lost or refused)
        t: change the type of f from INTEGER to TEXT (destructive: it refers to what comes with a destructive change)
    "#]],
    );
    let before = ends("INTEGER", "INTEGER");
    check(
        &[&before[0], &before[1]],
        &[&after[0], &table("t", "\"c\" TEXT")],
        &expect![[r#"
        u: change the type of id from INTEGER to TEXT (destructive: it refers to what comes with a destructive change)
        t: drop the column f (destructive: what is in it goes)
        t: drop the foreign key f to u (destructive: it goes with the column f)
    "#]],
    );
}

#[test]
fn a_part_waits_for_the_end_of_the_one_that_has_its_name() {
    check(
        &[
            &table("t", "\"a\" INTEGER, \"c\" INTEGER"),
            "CREATE INDEX \"one\" ON \"t\" (\"a\")",
            "CREATE INDEX \"two\" ON \"t\" (\"a\", \"c\")",
        ],
        &[
            &table("t", "\"a\" INTEGER"),
            "CREATE UNIQUE INDEX \"one\" ON \"t\" (\"a\")",
            "CREATE INDEX \"two\" ON \"t\" (\"a\")",
        ],
        &expect![[r#"
            t: drop the column c (destructive: what is in it goes)
            t: drop the index one on a
            t: drop the index two on a, c (destructive: it goes with the column c)
            t: add the unique index one on a
            t: add the index two on a (destructive: it takes the place of one whose end is destructive)
        "#]],
    );
}

#[test]
fn a_free_name_is_taken_by_a_rename() {
    let own = table("t", "\"a\" INTEGER");
    check(
        &[&own, "CREATE INDEX \"one\" ON \"t\" (\"a\")"],
        &[&own, "CREATE INDEX \"two\" ON \"t\" (\"a\")"],
        &expect![[r#"
            t: rename the index one on a to two
        "#]],
    );
}

#[test]
fn what_is_computed_may_become_plain_and_not_the_other_way_round() {
    let plain = table("t", "\"a\" INTEGER, \"c\" INTEGER");
    let computed = |by: u32| {
        table("t", &format!("\"a\" INTEGER, \"c\" INTEGER GENERATED ALWAYS AS (\"a\" * {by}) STORED"))
    };
    check(
        &[&plain],
        &[&computed(2)],
        &expect![[r#"
        t: compute c as "a" * 2 (destructive: what is in it goes)
    "#]],
    );
    check(
        &[&computed(2)],
        &[&plain],
        &expect![[r#"
        t: compute c no more
    "#]],
    );
    check(
        &[&computed(2)],
        &[&computed(3)],
        &expect![[r#"
        t: compute c as "a" * 3
    "#]],
    );
    check(
        &[&computed(2)],
        &[&table("t", "\"a\" INTEGER")],
        &expect![[r#"
        t: drop the column c
    "#]],
    );
}

#[test]
fn a_view_waits_for_what_it_reads() {
    let view = |columns: &str| format!("CREATE VIEW \"v\" AS SELECT {columns} FROM t");
    check(
        &[&table("t", "\"a\" INTEGER"), &view("id, a")],
        &[
            &table("t", "\"a\" INTEGER, \"c\" INTEGER NOT NULL, \"d\" INTEGER"),
            &view("id, a, c"),
            "CREATE VIEW \"w\" AS SELECT c FROM v",
            "CREATE VIEW \"x\" AS SELECT d FROM t",
        ],
        &expect![[r#"
            t: add the column c INTEGER not null (destructive: rows that are there have no value for c)
            t: add the column d INTEGER
            change the view v (destructive: it refers to what comes with a destructive change)
            create the view w (destructive: it refers to what comes with a destructive change)
            create the view x
        "#]],
    );
}

#[test]
fn what_is_computed_goes_with_what_stands_on_it_alone() {
    let before = table("t", "\"a\" INTEGER, \"c\" INTEGER GENERATED ALWAYS AS (\"a\" * 2) STORED");
    check(
        &[&before, "CREATE INDEX \"by_c\" ON \"t\" (\"c\")"],
        &[&table("t", "\"a\" INTEGER")],
        &expect![[r#"
            t: drop the column c
            t: drop the index by_c on c
        "#]],
    );
    check(
        &[&before, "CREATE INDEX \"by_a\" ON \"t\" (\"a\", \"c\")"],
        &[&table("t", "\"b\" INTEGER")],
        &expect![[r#"
            t: add the column b INTEGER
            t: drop the column a (destructive: what is in it goes)
            t: drop the column c (destructive: it refers to what comes with a destructive change)
            t: drop the index by_a on a, c (destructive: it goes with the column a)
        "#]],
    );
}

#[test]
fn an_index_waits_for_all_that_it_is_of() {
    check(
        &[&table("t", "\"a\" TEXT")],
        &[
            &table("t", "\"a\" INTEGER, \"c\" INTEGER GENERATED ALWAYS AS (\"a\" * 2) VIRTUAL"),
            "CREATE INDEX \"by_c\" ON \"t\" (\"c\")",
        ],
        &expect![[r#"
            t: change the type of a from TEXT to INTEGER (destructive: values that do not fit the new type are lost or refused)
            t: add the column c INTEGER (destructive: it refers to what comes with a destructive change)
            t: add the index by_c on c (destructive: it refers to what comes with a destructive change)
        "#]],
    );
}
