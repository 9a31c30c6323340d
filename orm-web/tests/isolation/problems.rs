//! The two problems of one shared identity map, asked of the service over HTTP.

use std::fmt::Display;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::breaks::Break;
use crate::http::Connection;
use crate::library::Book;
use crate::options::Options;
use crate::run::{Folder, Served, runtime, settled_bytes};
use crate::witness::{Check, Witness};
use crate::{Outcome, after};

/// After so many requests memory is as after `ROUNDS`.
const WARM_UP: usize = 200;
pub(crate) const ROUNDS: usize = 2_000;
/// Clients that ask at the same time, and how often each does.
const CLIENTS: usize = 16;
const QUESTIONS: usize = 50;

/// Live bytes after the warm-up and at the end.
pub(crate) fn run(options: &Options, witness: &Arc<Witness>) -> Outcome<[usize; 2]> {
    let bytes = on_service(options, witness, true)?;
    // What a response is depends on types alone: also where all requests share one identity map.
    let shared = Options { breaks: Some(Break::SharedContext), ..options.clone() };
    on_service(&shared, witness, false)?;
    Ok(bytes)
}

/// Whether memory grows where all requests share one identity map, as a check that can fail.
pub(crate) fn run_shared(options: &Options, witness: &Arc<Witness>) -> Outcome<()> {
    let shared = Options { breaks: Some(Break::SharedContext), ..options.clone() };
    on_service(&shared, witness, true).map(drop)
}

fn on_service(options: &Options, witness: &Arc<Witness>, asks_of_memory: bool) -> Outcome<[usize; 2]> {
    let folder = Folder::new()?;
    let runtime = runtime(2)?;
    runtime.block_on(async {
        let served = Served::start(&folder.database(), options, Arc::clone(witness), 0).await?;
        stable_responses(&served, witness).await?;
        if asks_of_memory { flat_memory(&served, witness).await } else { Ok([0; 2]) }
    })
}

/// "This will result in growing memory footprint, as every entity that became managed at some point in time would be
/// kept in the Identity Map."
async fn flat_memory(served: &Served, witness: &Witness) -> Outcome<[usize; 2]> {
    let mut connection = Connection::open(served.address).await?;
    let mut bytes = [0; 2];
    for round in 1..=ROUNDS {
        let managed = ask(&mut connection, "/everything").await?;
        witness
            .check(Check::FlatMemory, managed == "0 24", || format!("round {round} has {managed} entities"));
        if round == WARM_UP {
            bytes[0] = settled_bytes().await?;
        }
    }
    bytes[1] = settled_bytes().await?;
    let is_flat = bytes[1].abs_diff(bytes[0]) * 100 < bytes[0];
    witness.check(Check::FlatMemory, is_flat, || format!("{} bytes, then {}", bytes[0], bytes[1]));
    drop(connection);
    after::settle(&served.service, std::time::Duration::from_secs(10)).await;
    Ok(bytes)
}

/// "`GET /book/1` returns `Book` without populating its property `author`", and does so again after somebody has asked for
/// the book with its author.
async fn stable_responses(served: &Served, witness: &Arc<Witness>) -> Outcome<()> {
    let em = served.service.orm.em().fork();
    em.disable_filters()?;
    let books = em.find(Book::TENANT.eq(1)).order_by(Book::ID.asc()).limit(4).select(Book::ID).await?;
    let mut connection = Connection::open(served.address).await?;
    let mut known = Vec::new();
    for id in books {
        let plain = ask(&mut connection, book(id)).await?;
        let with_author = ask(&mut connection, book_with_author(id)).await?;
        let again = ask(&mut connection, book(id)).await?;
        witness.check(Check::StableResponse, plain == again, || format!("{plain}, then {again}"));
        let author = |json: &str| -> Outcome<serde_json::Value> {
            Ok(serde_json::from_str::<serde_json::Value>(json)?["author"].take())
        };
        let is_apart = author(&plain)?.is_number() && author(&with_author)?["name"].is_string();
        witness.check(Check::StableResponse, is_apart, || format!("{plain} and {with_author}"));
        known.push((book(id), plain));
        known.push((book_with_author(id), with_author));
    }
    drop(connection);

    let known = Arc::new(known);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (known, witness, address) = (Arc::clone(&known), Arc::clone(witness), served.address);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for question in 0..QUESTIONS {
                let (path, expected) = &known[(client + question * 3) % known.len()];
                let body = ask(&mut connection, path).await?;
                witness
                    .check(Check::StableResponse, body == *expected, || format!("{expected}, then {body}"));
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

fn book(id: i64) -> String {
    format!("/books/{id}")
}

fn book_with_author(id: i64) -> String {
    format!("/books-with-author/{id}")
}

/// The body of the response, for tenant 1.
async fn ask(connection: &mut Connection, path: impl Display) -> Outcome<String> {
    let text = format!("GET {path} HTTP/1.1\r\nhost: library\r\nrequest: 0\r\ntenant: 1\r\n\r\n");
    connection.send(text.as_bytes()).await?;
    let response = connection.receive().await?.ok_or("the connection ended")?;
    match response.status {
        200 => Ok(response.body),
        status => Err(format!("{path}: {status} {}", response.body).into()),
    }
}
