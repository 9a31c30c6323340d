//! WebSockets, which live on in a task of the framework after the handler has returned.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing;
use futures::{SinkExt, StreamExt};
use orm_core::{Orm, RequestContext};
use orm_web::RequestContextLayer;
use tokio_tungstenite::tungstenite;

use crate::detached::gone;
use crate::library::{Author, Library, Probe, is_guarded};
use crate::over_http::serve;

/// What is said of an author that is found by the number in a message.
async fn answer(orm: &Orm, message: &str) -> String {
    let found = orm.em().find_by_id_or_fail::<Author>(message.parse::<i64>().unwrap()).await;
    match found {
        Ok(author) => format!("{} in {}", author.get().name, orm.em().id()),
        Err(error) => error.to_string(),
    }
}

/// Answers each message where it is called.
async fn talk(orm: Orm, mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let said = answer(&orm, &text).await;
        socket.send(Message::Text(said.into())).await.unwrap();
    }
}

/// Answers each message in a context of its own.
async fn talk_apart(orm: Orm, mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let said = RequestContext::create(&orm, answer(&orm, &text)).await;
        socket.send(Message::Text(said.into())).await.unwrap();
    }
}

/// In the request's context, which the upgrade takes along.
async fn carried(State(orm): State<Orm>, upgrade: WebSocketUpgrade) -> Response {
    let context = RequestContext::current().unwrap();
    upgrade.on_upgrade(move |socket| async move { context.scope(talk(orm, socket)).await })
}

async fn lost(State(orm): State<Orm>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| talk(orm, socket))
}

async fn apart(State(orm): State<Orm>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| talk_apart(orm, socket))
}

/// Sends messages one after the other, and hangs up. Returns the answers.
async fn ask(url: &str, messages: &[&str]) -> Vec<String> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut answers = Vec::new();
    for message in messages {
        socket.send(tungstenite::Message::text(*message)).await.unwrap();
        answers.push(socket.next().await.unwrap().unwrap().into_text().unwrap().to_string());
    }
    socket.close(None).await.unwrap();
    answers
}

/// Carried in, all messages share the request's identity map; with a context for each they do not; and outside of both the
/// guard says where it was lost.
#[tokio::test]
async fn a_socket_is_in_the_context_that_it_is_given() {
    let library = Library::open().await;
    let probe = Probe::default();
    let set = probe.clone();
    let app = Router::new()
        .route("/carried", routing::any(carried))
        .route("/lost", routing::any(lost))
        .route("/apart", routing::any(apart))
        .layer(RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(set.mark())))
        .with_state(library.orm.clone());
    let address = serve(app).await;

    let answers = ask(&format!("ws://{address}/carried"), &["1", "1"]).await;
    assert!(answers[0].starts_with("Le Guin in ") && answers[0] == answers[1], "{answers:?}");
    assert_eq!(library.statements.reads(), 1, "the second one is answered by the identity map");

    let answers = ask(&format!("ws://{address}/apart"), &["1", "1"]).await;
    assert!(answers[1].starts_with("Le Guin in ") && answers[0] != answers[1], "{answers:?}");
    assert_eq!(library.statements.reads(), 3);

    let answers = ask(&format!("ws://{address}/lost"), &["1"]).await;
    assert!(is_guarded(&answers[0], "find_by_id"), "{answers:?}");
    // With the sockets their contexts are gone.
    gone(&probe).await;
}
