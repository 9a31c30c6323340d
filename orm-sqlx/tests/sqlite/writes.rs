//! Writes do what they say, and say what they did.

use orm_core::condition::Expression;
use orm_core::driver::{UpdateRow, Write};
use orm_core::metadata::Side;
use orm_core::value::Value;

use crate::database::{count, open, rows, write};
use crate::operations::{int, key, on, text};

#[tokio::test]
async fn generated_keys_come_back_in_the_order_of_the_rows() {
    let (driver, statements) = open().await;
    let author = on("Author");
    let names = ["c", "a", "b"].map(|name| vec![text(name)]).to_vec();
    let outcome = write(&driver, &author.insert(&["name"], names, &["id", "active"])).await.unwrap();
    assert_eq!(outcome.returned, [1, 2, 3].map(|id| vec![int(id), Value::Bool(true)]));
    assert_eq!((outcome.affected, outcome.statements, statements.writes()), (3, 1, 1));
    let stored = rows(&driver, &author.select(author.eq("name", text("a")))).await.unwrap();
    assert_eq!(stored[0][0], int(2));
}

#[tokio::test]
async fn rows_share_a_statement_whatever_their_number() {
    let (driver, statements) = open().await;
    let seats = (0..40_000).map(|room| vec![int(room), text("a")]).collect();
    let outcome = write(&driver, &on("Seat").insert(&["room", "number"], seats, &[])).await.unwrap();
    assert_eq!((outcome.affected, outcome.statements, statements.writes()), (40_000, 1, 1));
    assert_eq!(count(&driver, &on("Seat").select(Expression::always())).await, 40_000);
}

#[tokio::test]
async fn a_generated_key_is_never_used_again() {
    let (driver, _) = open().await;
    let author = on("Author");
    let insert = author.insert(&["name"], vec![vec![text("a")]], &["id"]);
    assert_eq!(write(&driver, &insert).await.unwrap().returned, [[int(1)]]);
    write(&driver, &author.delete(vec![key([int(1)])])).await.unwrap();
    assert_eq!(write(&driver, &insert).await.unwrap().returned, [[int(2)]]);
}

#[tokio::test]
async fn an_update_says_which_rows_were_found() {
    let (driver, _) = open().await;
    let book = on("Book");
    write(&driver, &on("Author").insert(&["name"], vec![vec![text("a")]], &[])).await.unwrap();
    let books = (1..=3).map(|version| vec![text("old"), int(1), int(version)]).collect();
    write(&driver, &book.insert(&["title", "author_id", "version"], books, &[])).await.unwrap();
    let row = |id: i64| UpdateRow {
        key: key([int(id)]),
        values: vec![text("new"), int(3)],
        expected: vec![int(2)],
    };
    let update = book.update(&["title", "version"], [1, 2, 3, 4].map(row).to_vec(), &["version"]);
    let outcome = write(&driver, &update).await.unwrap();
    assert_eq!(
        (outcome.matched, outcome.affected, outcome.statements),
        (vec![false, true, false, false], 1, 1)
    );
    let unchanged = UpdateRow { key: key([int(2)]), values: vec![text("new")], expected: vec![] };
    let outcome = write(&driver, &book.update(&["title"], vec![unchanged], &[])).await.unwrap();
    assert_eq!(outcome.matched, [true], "a row is found though nothing in it changes");
}

#[tokio::test]
async fn rows_go_by_their_keys_in_one_statement() {
    let (driver, _) = open().await;
    let seat = on("Seat");
    let seats = (0..1_000).map(|room| vec![int(room), text("a")]).collect();
    write(&driver, &seat.insert(&["room", "number"], seats, &[])).await.unwrap();
    let keys = (0..50_000).map(|room| key([int(room * 2), text("a")])).collect();
    let outcome = write(&driver, &seat.delete(keys)).await.unwrap();
    assert_eq!((outcome.affected, outcome.statements), (500, 1));
    assert_eq!(count(&driver, &seat.select(Expression::always())).await, 500);
}

#[tokio::test]
async fn links_are_added_once_and_go_without_complaint() {
    let (driver, _) = open().await;
    let (booking, seat) = (on("Booking"), on("Seat"));
    let seats = (0..300).map(|room| vec![int(room), text("1")]).collect();
    write(&driver, &seat.insert(&["room", "number"], seats, &[])).await.unwrap();
    write(&driver, &booking.insert(&["at"], vec![vec![Value::Timestamp(0)]; 2], &[])).await.unwrap();
    let links = |rooms: std::ops::Range<i64>| {
        let link = |room: i64| (key([int(1 + room % 2)]), key([int(room), text("1")]));
        booking.links("reserves", rooms.map(link).collect())
    };
    let outcome = write(&driver, &Write::Link(links(0..200))).await.unwrap();
    assert_eq!((outcome.affected, outcome.statements), (200, 1));
    let outcome = write(&driver, &Write::Link(links(100..300))).await.unwrap();
    assert_eq!(outcome.affected, 100);
    assert_eq!(write(&driver, &Write::Link(links(7..8))).await.unwrap().affected, 0);
    let outcome = write(&driver, &Write::Unlink(links(150..400))).await.unwrap();
    assert_eq!((outcome.affected, outcome.statements), (150, 1));
    let of_first = seat.linked(booking.relation("reserves"), Side::Owner, vec![key([int(1)])]);
    assert_eq!(count(&driver, &of_first).await, 75);
    assert_eq!(rows(&driver, &of_first).await.unwrap()[0][..2], [int(1), int(0)]);
}

#[tokio::test]
async fn writes_without_rows_send_nothing() {
    let (driver, statements) = open().await;
    let author = on("Author");
    for empty in [
        author.delete(vec![]),
        author.update(&["name"], vec![], &[]),
        author.insert(&["name"], vec![], &["id"]),
    ] {
        let outcome = write(&driver, &empty).await.unwrap();
        assert_eq!((outcome.affected, outcome.statements), (0, 0));
    }
    assert_eq!(statements.count(), 0);
}
