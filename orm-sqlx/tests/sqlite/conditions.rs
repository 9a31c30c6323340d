//! Conditions mean what the core says, compared with an evaluation that knows no SQL.

use orm_core::condition::{Comparison, Expression};
use orm_core::driver::{Select, Selection};
use orm_core::value::Value;

use crate::database::{count, open, rows, write};
use crate::operations::{Random, decimal, int, key, not, on, text};
use crate::world::World;

/// Links have no order beyond the row's, so that ties are put in one.
fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn show(select: &Select) -> String {
    let sql = orm_sql::Statements::sqlite().select(select).unwrap().sql;
    let Select { condition, order, limit, offset, .. } = select;
    format!(
        "{} where {condition:?} order {order:?} limit {limit:?} offset {offset:?}\n{sql}",
        select.entity()
    )
}

#[tokio::test]
async fn random_queries_give_the_rows_that_they_describe() {
    let (mut queries, mut with_rows) = (0, 0);
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let world = World::random(&mut random, 9);
        let (driver, _) = open().await;
        world.store(&driver).await;
        for _ in 0..300 {
            let select = random.select();
            let expected = world.select(&select, true);
            let whole = Select { limit: None, offset: None, ..select.clone() };
            let found = rows(&driver, &whole).await.unwrap();
            assert_eq!(sorted(found), sorted(expected.clone()), "{}", show(&select));
            assert_eq!(count(&driver, &select).await, expected.len() as u64, "{}", show(&select));
            if !matches!(select.selection, Selection::Linked(_)) {
                assert_eq!(
                    rows(&driver, &select).await.unwrap(),
                    world.select(&select, false),
                    "{}",
                    show(&select)
                );
            }
            queries += 1;
            with_rows += usize::from(!expected.is_empty());
        }
    }
    // A test of empty results would prove nothing.
    assert!(with_rows * 2 > queries, "{with_rows} of {queries} gave rows");
}

#[tokio::test]
async fn two_hundred_thousand_keys_fit_one_statement() {
    let (driver, statements) = open().await;
    let author = on("Author");
    let names = (0..1_000).map(|at| vec![int(at * 200), text("a")]).collect();
    write(&driver, &author.insert(&["id", "name"], names, &[])).await.unwrap();
    let select = author.select(author.keys(None, (0..200_000).map(|id| key([int(id)]))));
    statements.reset();
    assert_eq!(rows(&driver, &select).await.unwrap().len(), 1_000);
    assert_eq!(statements.count(), 1);
}

#[tokio::test]
async fn keys_of_every_kind_are_found_exactly() {
    let (driver, _) = open().await;
    let ints = [i64::MIN, i64::MIN + 1, -1, 0, 1 << 53, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
    let category = on("Category");
    let found_by = |keys: &[i64]| category.select(category.keys(None, keys.iter().map(|id| key([int(*id)]))));
    let all = ints.map(|id| vec![int(id), text("")]).to_vec();
    write(&driver, &category.insert(&["id", "name"], all, &[])).await.unwrap();
    for id in ints {
        // Twice, so that the set form is taken.
        assert_eq!(rows(&driver, &found_by(&[id, id])).await.unwrap().len(), 1, "{id}");
    }

    let texts = [
        "",
        "a",
        "A",
        "10",
        "1e1",
        "10.0",
        "\u{0}",
        "a\u{0}b",
        "\"",
        "\\u0041",
        "é",
        "e\u{301}",
        "\u{10ffff}",
        "\n\t\u{7f}",
    ];
    let tag = on("Tag");
    let all = texts.map(|name| vec![text(name)]).to_vec();
    write(&driver, &tag.insert(&["name"], all, &[])).await.unwrap();
    for name in texts {
        let select = tag.select(tag.keys(None, [key([text(name)]), key([text(name)])]));
        assert_eq!(rows(&driver, &select).await.unwrap(), [[text(name)]], "{name:?}");
    }

    let blobs = [vec![], vec![0], vec![0, 0], vec![255; 300], b"10".to_vec()];
    let note = on("Note");
    let bytes = |blob: &Vec<u8>| Value::Bytes(blob.clone());
    let all = blobs.iter().map(|blob| vec![bytes(blob), text("")]).collect();
    write(&driver, &note.insert(&["the ?key", "select"], all, &[])).await.unwrap();
    for blob in &blobs {
        let select = note.select(note.keys(None, [key([bytes(blob)]), key([bytes(blob)])]));
        assert_eq!(rows(&driver, &select).await.unwrap().len(), 1, "{blob:?}");
    }

    let seat = on("Seat");
    let seats: Vec<_> = ints.iter().flat_map(|room| texts.map(|number| [int(*room), text(number)])).collect();
    let all = seats.iter().map(|seat| seat.to_vec()).collect();
    write(&driver, &seat.insert(&["room", "number"], all, &[])).await.unwrap();
    for pair in seats.windows(2) {
        let select = seat.select(seat.keys(None, pair.iter().map(|seat| key(seat.clone()))));
        let mut found = rows(&driver, &select).await.unwrap();
        found.sort_by_key(|row| row[..] == pair[1]);
        assert_eq!(found, pair);
    }
}

#[tokio::test]
async fn floats_are_found_exactly() {
    let (driver, _) = open().await;
    let author = on("Author");
    let floats = [
        0.1,
        0.1 + f64::EPSILON,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -7.081_367_110_556_693e-305,
    ];
    let all = floats.map(|rating| vec![text(""), Value::Float(rating)]).to_vec();
    write(&driver, &author.insert(&["name", "rating"], all, &[])).await.unwrap();
    for rating in floats {
        for condition in [
            author.in_("rating", [Value::Float(rating), Value::Float(rating)]),
            author.eq("rating", Value::Float(rating)),
        ] {
            let found = rows(&driver, &author.select(condition)).await.unwrap();
            assert_eq!(found.len(), 1, "{rating}");
            assert_eq!(found[0][3], Value::Float(rating));
        }
    }
    let none = author.select(author.in_("rating", (0..20_000).map(|at| Value::Float(f64::from(at)))));
    assert!(rows(&driver, &none).await.is_err());
}

#[tokio::test]
async fn the_deepest_condition_that_is_let_through_is_understood() {
    let (driver, _) = open().await;
    let category = on("Category");
    let named = || category.eq("name", text("a"));
    // Eight in a chain at every level is the most that a level adds to SQLite's own tree.
    let wide = |inner: Expression| (0..8).map(|_| named()).chain([inner]).reduce(Expression::and).unwrap();
    let flat = (0..23).fold(named(), |inner, _| named().or(wide(inner)));
    rows(&driver, &category.select(flat)).await.unwrap();
    let nested =
        (0..15).fold(named(), |inner, _| category.some("similar", not(category.is("parent", inner))));
    rows(&driver, &category.select(nested)).await.unwrap();
    let long = (0..20_000).map(|_| named()).reduce(Expression::or).unwrap();
    rows(&driver, &category.select(long)).await.unwrap();
}

/// SQLite 3.51 answers the bare EXISTS with the second author.
#[tokio::test]
async fn an_offset_counts_rows_and_not_their_items() {
    let (driver, _) = open().await;
    let (author, book) = (on("Author"), on("Book"));
    let authors = (1..=2).map(|id| vec![int(id), text("")]).collect();
    write(&driver, &author.insert(&["id", "name"], authors, &[])).await.unwrap();
    let books = [1, 2, 2].map(|of| vec![text(""), int(of), int(1)]).to_vec();
    write(&driver, &book.insert(&["title", "author_id", "version"], books, &[])).await.unwrap();
    let with_books = author.select(author.some("books", Expression::always()));
    assert_eq!(rows(&driver, &with_books).await.unwrap().len(), 2);
    let third = Select { offset: Some(2), ..with_books };
    assert_eq!(rows(&driver, &third).await.unwrap(), [[]; 0]);
}

#[tokio::test]
async fn a_missing_relation_is_false_and_its_opposite_true() {
    let (driver, _) = open().await;
    let category = on("Category");
    let categories = vec![vec![int(1), text("root"), Value::Null], vec![int(2), text("leaf"), int(1)]];
    write(&driver, &category.insert(&["id", "name", "parent_id"], categories, &[])).await.unwrap();
    let ids = async |condition| {
        let found = rows(&driver, &category.select(condition)).await.unwrap();
        found.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>()
    };
    let under = |name: &str| category.is("parent", category.eq("name", text(name)));
    assert_eq!(ids(under("root")).await, [int(2)]);
    assert_eq!(ids(not(under("root"))).await, [int(1)]);
    assert_eq!(ids(not(under("other"))).await, [int(1), int(2)]);
    assert_eq!(ids(category.is("parent", category.is_null("parent"))).await, [int(2)]);
    assert_eq!(ids(not(category.is("parent", Expression::always()))).await, [int(1)]);
}

#[tokio::test]
async fn decimals_are_found_and_ordered_as_numbers() {
    let (driver, _) = open().await;
    let book = on("Book");
    write(&driver, &on("Author").insert(&["name"], vec![vec![text("a")]], &[])).await.unwrap();
    let prices = ["10", "9.50", "-1", "100.0", "9.5", "0.001"];
    let books = prices.iter().map(|price| vec![text(price), decimal(price), int(1), int(1)]).collect();
    write(&driver, &book.insert(&["title", "price", "author_id", "version"], books, &[])).await.unwrap();
    let prices = async |condition| {
        let order =
            vec![book.order(&[], book.field("price"), false), book.order(&[], book.field("id"), false)];
        let select = Select { order, ..book.select(condition) };
        let found = rows(&driver, &select).await.unwrap();
        found.into_iter().map(|row| format!("{:?}", row[2])).collect::<Vec<_>>()
    };
    assert_eq!(prices(Expression::always()).await, ["-1", "0.001", "9.50", "9.5", "10", "100.0"]);
    assert_eq!(prices(book.eq("price", decimal("9.500"))).await, ["9.50", "9.5"]);
    assert_eq!(prices(book.in_("price", ["1e1", "100"].map(decimal))).await, ["10", "100.0"]);
    let above = book.compare("price", Comparison::Greater, decimal("9.5"));
    assert_eq!(prices(above).await, ["10", "100.0"]);
}
