//! A client: one connection for each request.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) json: Value,
}

impl Answer {
    /// What stands at a [pointer](Value::pointer).
    #[track_caller]
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or_else(|| panic!("nothing is at {pointer} of {}", self.json))
    }

    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("no text is at {pointer} of {}", self.json))
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.json);
        self
    }

    /// Whether it is an error of this field, in the form that all have.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, field: &str) -> Self {
        let answer = self.expect(status);
        let errors = answer.at("/errors").as_object().expect("errors are an object");
        assert!(errors.contains_key("body"), "the body has no sentences: {}", answer.json);
        for problems in errors.values() {
            let problems = problems.as_array().expect("a field has a list of problems");
            assert!(!problems.is_empty() && problems.iter().all(Value::is_string), "{}", answer.json);
        }
        assert!(errors.contains_key(field), "{field} is not in {}", answer.json);
        answer
    }
}

/// Sends a request, such as `GET /user`, to the API at `address`.
pub(crate) async fn send(
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let (method, path) = request.split_once(' ').expect("it is a method and a path");
    let mut builder =
        Request::builder().method(method).uri(format!("/api{path}")).header(HOST, address.to_string());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let request = builder.body(Full::new(body.into())).expect("it is a request");
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("it answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.expect("it answers to the end").to_bytes();
    connection.abort();
    let json = match &*body {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("it answers in JSON"),
    };
    if !json.is_null() {
        assert_eq!(headers[CONTENT_TYPE], "application/json; charset=utf-8");
    }
    Answer { status, headers, json }
}

/// The header of a user.
pub(crate) fn authorization(token: &str) -> (&'static str, String) {
    (AUTHORIZATION.as_str(), format!("Token {token}"))
}
