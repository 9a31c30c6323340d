//! Each status of each endpoint.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::server::{Api, TestResult};

/// What the specification says that each endpoint can answer: the statuses of its OpenAPI file, and those that its prose
/// gives for what is forbidden and for what is not there.
const SPECIFIED: [(&str, &[u16]); 19] = [
    ("POST /users", &[201, 422]),
    ("POST /users/login", &[200, 401, 422]),
    ("GET /user", &[200, 401]),
    ("PUT /user", &[200, 401, 422]),
    ("GET /profiles/{}", &[200, 401, 404]),
    ("POST /profiles/{}/follow", &[200, 401, 404]),
    ("DELETE /profiles/{}/follow", &[200, 401, 404]),
    ("GET /articles", &[200, 401, 422]),
    ("GET /articles/feed", &[200, 401, 422]),
    ("POST /articles", &[201, 401, 422]),
    ("GET /articles/{}", &[200, 404]),
    ("PUT /articles/{}", &[200, 401, 403, 404, 422]),
    ("DELETE /articles/{}", &[204, 401, 403, 404]),
    ("POST /articles/{}/comments", &[200, 401, 404, 422]),
    ("GET /articles/{}/comments", &[200, 401, 404]),
    ("DELETE /articles/{}/comments/{}", &[204, 401, 403, 404, 422]),
    ("POST /articles/{}/favorite", &[200, 401, 404]),
    ("DELETE /articles/{}/favorite", &[200, 401, 404]),
    ("GET /tags", &[200]),
];

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum By {
    Nobody,
    /// Somebody with a token that is none.
    Forger,
    /// Who wrote the article and the comment.
    Ann,
    Bob,
}
use By::{Ann, Bob, Forger, Nobody};

/// What is asked, with names in the braces of the endpoint, and what is answered.
type Case = (&'static str, By, Value, u16);

pub(crate) async fn are_as_specified(api: &Api) -> TestResult {
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    api.write("First", &["tag"], &ann).await;
    let comment = json!({ "comment": { "body": "Well" } });
    let comment = api.send("POST /articles/first/comments", Some(&ann), comment).await.expect(200);
    let comment = comment.at("/comment/id").to_string();

    let mut answered: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for (request, by, body, status) in cases() {
        let token = match by {
            Nobody => None,
            Forger => Some("forged.token.here"),
            Ann => Some(&*ann),
            Bob => Some(&*bob),
        };
        let (endpoint, request) = (endpoint_of(request), request.replace("{own}", &comment));
        let request = request.replace(['{', '}'], "");
        let answer = match body {
            Value::Null => api.ask(&request, token).await,
            body => api.send(&request, token, body).await,
        };
        assert_eq!(answer.status, status, "{request} by {by:?}: {}", answer.json);
        match status {
            200 | 201 => assert!(answer.json.get("errors").is_none() && answer.json.is_object()),
            204 => assert_eq!(answer.json, Value::Null),
            401 => assert_eq!(answer.expect_error(401, "body").headers["www-authenticate"], "Token"),
            status => drop(answer.expect_error(status, "body")),
        }
        answered.entry(endpoint).or_default().insert(status);
    }
    let specified =
        SPECIFIED.map(|(endpoint, statuses)| (endpoint.to_owned(), statuses.iter().copied().collect()));
    assert_eq!(answered, BTreeMap::from(specified));
    Ok(())
}

/// A request without its names and its query: `GET /articles/{first}` is of `GET /articles/{}`.
fn endpoint_of(request: &str) -> String {
    let mut endpoint = String::new();
    let mut is_name = false;
    for character in request.chars().take_while(|character| *character != '?') {
        is_name &= character != '}';
        if !is_name {
            endpoint.push(character);
        }
        is_name |= character == '{';
    }
    endpoint
}

/// In this order: what comes last takes away what comes before.
fn cases() -> Vec<Case> {
    let none = || Value::Null;
    let user = |fields: Value| json!({ "user": fields });
    let article = |fields: Value| json!({ "article": fields });
    let said = |body: &str| json!({ "comment": { "body": body } });
    let new = || article(json!({ "title": "Second", "description": "d", "body": "b" }));
    let more = || article(json!({ "body": "More" }));
    vec![
        ("POST /users", Nobody, user(json!({ "username": "cy", "email": "cy@x", "password": "p" })), 201),
        ("POST /users", Nobody, user(json!({ "username": "cy", "email": "dy@x", "password": "p" })), 422),
        ("POST /users", Nobody, user(json!({ "username": "dy", "email": "cy@x", "password": "p" })), 422),
        ("POST /users", Nobody, user(json!({ "username": "", "email": "dy@x", "password": "p" })), 422),
        ("POST /users/login", Nobody, user(json!({ "email": "cy@x", "password": "p" })), 200),
        ("POST /users/login", Nobody, user(json!({ "email": "cy@x", "password": "q" })), 401),
        ("POST /users/login", Nobody, user(json!({ "email": "dy@x", "password": "p" })), 401),
        ("POST /users/login", Nobody, user(json!({ "email": "cy@x" })), 422),
        ("GET /user", Ann, none(), 200),
        ("GET /user", Nobody, none(), 401),
        ("GET /user", Forger, none(), 401),
        ("PUT /user", Ann, user(json!({ "bio": "Writes" })), 200),
        ("PUT /user", Nobody, user(json!({ "bio": "Writes" })), 401),
        ("PUT /user", Ann, user(json!({ "email": "bob@example.org" })), 422),
        ("PUT /user", Ann, user(json!({})), 422),
        ("GET /profiles/{ann}", Nobody, none(), 200),
        ("GET /profiles/{ann}", Forger, none(), 401),
        ("GET /profiles/{nothing}", Bob, none(), 404),
        ("GET /articles", Nobody, none(), 200),
        ("GET /articles", Forger, none(), 401),
        ("GET /articles?limit=0", Nobody, none(), 422),
        ("GET /articles/feed", Bob, none(), 200),
        ("GET /articles/feed", Nobody, none(), 401),
        ("GET /articles/feed?offset=-1", Bob, none(), 422),
        ("POST /articles", Ann, new(), 201),
        ("POST /articles", Nobody, new(), 401),
        ("POST /articles", Ann, article(json!({ "title": "Third" })), 422),
        ("GET /articles/{first}", Nobody, none(), 200),
        ("GET /articles/{first}", Forger, none(), 200),
        ("GET /articles/{nothing}", Nobody, none(), 404),
        ("PUT /articles/{first}", Ann, more(), 200),
        ("PUT /articles/{first}", Nobody, more(), 401),
        ("PUT /articles/{first}", Bob, more(), 403),
        ("PUT /articles/{nothing}", Ann, more(), 404),
        ("PUT /articles/{first}", Ann, article(json!({ "body": " " })), 422),
        ("POST /articles/{first}/comments", Bob, said("Hm"), 200),
        ("POST /articles/{first}/comments", Nobody, said("Hm"), 401),
        ("POST /articles/{nothing}/comments", Bob, said("Hm"), 404),
        ("POST /articles/{first}/comments", Bob, said(""), 422),
        ("GET /articles/{first}/comments", Nobody, none(), 200),
        ("GET /articles/{first}/comments", Forger, none(), 401),
        ("GET /articles/{nothing}/comments", Nobody, none(), 404),
        ("GET /tags", Nobody, none(), 200),
        ("GET /tags", Forger, none(), 200),
        ("POST /profiles/{ann}/follow", Bob, none(), 200),
        ("POST /profiles/{ann}/follow", Bob, none(), 200),
        ("POST /profiles/{ann}/follow", Nobody, none(), 401),
        ("POST /profiles/{nothing}/follow", Bob, none(), 404),
        ("DELETE /profiles/{ann}/follow", Bob, none(), 200),
        ("DELETE /profiles/{ann}/follow", Bob, none(), 200),
        ("DELETE /profiles/{ann}/follow", Nobody, none(), 401),
        ("DELETE /profiles/{nothing}/follow", Bob, none(), 404),
        ("POST /articles/{first}/favorite", Bob, none(), 200),
        ("POST /articles/{first}/favorite", Bob, none(), 200),
        ("POST /articles/{first}/favorite", Nobody, none(), 401),
        ("POST /articles/{nothing}/favorite", Bob, none(), 404),
        ("DELETE /articles/{first}/favorite", Bob, none(), 200),
        ("DELETE /articles/{first}/favorite", Bob, none(), 200),
        ("DELETE /articles/{first}/favorite", Nobody, none(), 401),
        ("DELETE /articles/{nothing}/favorite", Bob, none(), 404),
        ("DELETE /articles/{first}/comments/{own}", Nobody, none(), 401),
        ("DELETE /articles/{first}/comments/{own}", Bob, none(), 403),
        ("DELETE /articles/{first}/comments/{99}", Ann, none(), 404),
        ("DELETE /articles/{second}/comments/{own}", Ann, none(), 404),
        ("DELETE /articles/{first}/comments/{one}", Ann, none(), 422),
        ("DELETE /articles/{first}/comments/{own}", Ann, none(), 204),
        ("DELETE /articles/{first}", Nobody, none(), 401),
        ("DELETE /articles/{first}", Bob, none(), 403),
        ("DELETE /articles/{nothing}", Ann, none(), 404),
        ("DELETE /articles/{first}", Ann, none(), 204),
    ]
}
