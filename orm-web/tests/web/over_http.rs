//! The same over HTTP, as clients meet it.

use std::net::SocketAddr;

use axum::Router;
use axum::routing;
use orm_web::{Em, RequestContextLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::detached::{Gate, gone, shelving_at};
use crate::library::{Book, Failure, Library, Probe, shelve};

/// Serves until the runtime of the test ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// Sends a request, and leaves the connection open.
pub(crate) async fn request(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: library\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// All that the server sends.
pub(crate) async fn response(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// What one request saves the next one finds, in a context of its own.
#[tokio::test]
async fn requests_save_and_find() {
    async fn count(em: Em) -> Result<String, Failure> {
        assert_eq!(em.managed_count()?, 0);
        Ok(em.find_all::<Book>().await?.len().to_string())
    }

    let library = Library::open().await;
    let app = Router::new()
        .route("/count", routing::get(count))
        .route("/shelve", routing::get(async |em: Em| shelve(&em, "Lavinia").map_err(Failure::from)))
        .layer(RequestContextLayer::new(&library.orm).flush_on_success(true));
    let address = serve(app).await;

    let shelved = response(request(address, "/shelve").await).await;
    assert!(shelved.starts_with("HTTP/1.1 200 OK\r\n") && shelved.ends_with("Lavinia"), "{shelved}");
    let counted = response(request(address, "/count").await).await;
    assert!(counted.ends_with("\r\n\r\n3"), "{counted}");
    let refused = response(request(address, "/shelve").await).await;
    assert!(refused.starts_with("HTTP/1.1 500 "), "{refused}");
    assert!(refused.contains("content-length: 0\r\n") && refused.ends_with("\r\n\r\n"), "{refused}");
}

/// A client that hangs up ends its handler, or does not where that is detached; the context goes either way.
#[tokio::test]
async fn a_client_hangs_up() {
    for (detaches, books) in [(false, 2), (true, 3)] {
        let library = Library::open().await;
        let (gate, probe) = (Gate::new(), Probe::default());
        let marks = probe.clone();
        let layer = RequestContextLayer::new(&library.orm)
            .detached(detaches)
            .on_enter(move |em, _| em.set(marks.mark()));
        let address = serve(shelving_at(&gate, layer)).await;

        let client = request(address, "/").await;
        gate.arrival().await;
        assert_eq!(probe.contexts(), 1);
        drop(client);
        if detaches {
            gate.open();
        }
        gone(&probe).await;

        assert_eq!(library.titles().await.len(), books, "detached: {detaches}");
    }
}

/// A panic costs one connection: the client gets no response, and the next one is served.
#[tokio::test]
async fn a_panic_costs_one_connection() {
    async fn panicking(em: Em) -> Result<(), Failure> {
        em.transactional(async |em| {
            shelve(&em, "Lavinia")?;
            em.flush().await?;
            panic!("in the middle of a transaction")
        })
        .await?;
        Ok(())
    }

    let library = Library::open().await;
    let probe = Probe::default();
    let marks = probe.clone();
    let app = Router::new()
        .route("/panic", routing::get(panicking))
        .route("/shelve", routing::get(async |em: Em| shelve(&em, "Lavinia").map_err(Failure::from)))
        .layer(
            RequestContextLayer::new(&library.orm)
                .flush_on_success(true)
                .on_enter(move |em, _| em.set(marks.mark())),
        );
    let address = serve(app).await;

    assert_eq!(response(request(address, "/panic").await).await, "");
    gone(&probe).await;
    assert_eq!(library.titles().await.len(), 2);
    let shelved = response(request(address, "/shelve").await).await;
    assert!(shelved.starts_with("HTTP/1.1 200 OK\r\n"), "{shelved}");
    assert_eq!(library.titles().await.len(), 3);
}
