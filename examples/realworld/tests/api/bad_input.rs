//! What is not as it should be, each with an error that says so.

use serde_json::{Value, json};

use crate::client;
use crate::server::{Api, TestResult};

pub(crate) async fn bodies(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    for body in [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        "{}",
        r#"{"article": 1}"#,
        r#"{"article": {"title": 1}}"#,
        r#"{"article": {"title": "a", "description": "b", "body": "c", "tagList": "d"}}"#,
        r#"{"article": {"title": "a", "title": "b"}}"#,
        "{\"article\": {\"title\": \"\u{d}\n\"}}",
    ] {
        let answer = api.send_text("POST /articles", Some(&token), body.to_owned()).await;
        answer.expect_error(422, "body");
    }
    let article = json!({ "article": { "title": "a", "description": "b", "body": "c" } });
    let headers = [("authorization", format!("Token {token}"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = client::send(api.address, "POST /articles", &headers, article.to_string()).await;
    let answer = answer.expect_error(422, "body");
    assert!(answer.text("/errors/body/0").contains("application/json"));
    let invalid = [&headers[..], &[("content-type", "application/json")]].concat();
    client::send(api.address, "POST /articles", &invalid, &b"{\"\xff\""[..]).await.expect_error(422, "body");

    // As large as a body may be, and larger.
    let sized = |size: usize| {
        let article = |body: &str| json!({ "article": { "title": "a", "description": "b", "body": body } });
        let around = article("").to_string().len();
        article(&"x".repeat(size - around)).to_string()
    };
    let limit = 1024 * 1024;
    let answer = api.send_text("POST /articles", Some(&token), sized(limit)).await;
    answer.expect_error(422, "body"); // It is read, and its text is too long.
    api.send_text("POST /articles", Some(&token), sized(1_000_000)).await.expect(201);
    let answer = api.send_text("POST /articles", Some(&token), sized(limit + 1)).await;
    assert_eq!(answer.expect_error(413, "body").text("/errors/body/0"), "is too large");
    Ok(())
}

pub(crate) async fn queries(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    for list in ["/articles", "/articles/feed"] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=ten", "limit"),
            ("limit=1.5", "limit"),
            ("limit=9223372036854775808", "limit"),
            ("offset=-1", "offset"),
            ("offset=1e3", "offset"),
            ("limit=1&limit=2", "query"),
            ("tag=a%00b", "tag"),
        ] {
            api.ask(&format!("GET {list}?{query}"), Some(&token)).await.expect_error(422, field);
        }
        let answer = api.ask(&format!("GET {list}?limit=0&offset=-1"), Some(&token)).await;
        assert_eq!(answer.expect_error(422, "limit").at("/errors/body").as_array().map(Vec::len), Some(2));
    }
    Ok(())
}

pub(crate) async fn paths(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    for (request, status, field) in [
        ("GET /nothing", 404, "path"),
        ("GET /articles/a/b", 404, "path"),
        ("PATCH /articles", 405, "method"),
        ("DELETE /users", 405, "method"),
        ("GET /articles/%FF", 422, "path"),
        ("GET /articles/a%00b", 404, "path"),
        ("GET /profiles/a%00b", 404, "path"),
        ("POST /profiles/a%00b/follow", 404, "path"),
        ("GET /articles/a%27%20or%201=1--", 404, "article"),
        ("DELETE /articles/a/comments/99999999999999999999", 422, "path"),
    ] {
        api.ask(request, Some(&token)).await.expect_error(status, field);
    }
    Ok(())
}

/// What is no text of the field, or has no room in its column.
pub(crate) async fn texts(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let long = |length: usize| Value::from("ä".repeat(length));
    for (field, value) in [
        ("username", json!(" ")),
        ("username", long(101)),
        ("username", json!("a\0b")),
        ("email", json!("nobody")),
        ("email", json!(format!("{}@example.org", "x".repeat(250)))),
        ("password", json!("")),
        ("password", json!(null)),
    ] {
        let mut user = json!({ "username": "bob", "email": "bob@example.org", "password": "secret" });
        user[field] = value;
        api.send("POST /users", None, json!({ "user": user })).await.expect_error(422, field);
    }
    for (field, value) in [
        ("title", json!("")),
        ("title", json!("?!")),
        ("title", long(201)),
        ("title", json!("a\0b")),
        ("description", json!(null)),
        ("body", json!("\n\t")),
        ("body", json!("a\0b")),
        ("tagList", json!(["a", " "])),
    ] {
        let mut article = json!({ "title": "a", "description": "b", "body": "c" });
        article[field] = value;
        let answer = api.send("POST /articles", Some(&token), json!({ "article": article })).await;
        answer.expect_error(422, field);
    }
    // All of it is said at once, and a text that just fits is taken.
    let answer = api.send("POST /users", None, json!({ "user": {} })).await.expect_error(422, "email");
    assert_eq!(answer.at("/errors/body").as_array().map(Vec::len), Some(3));
    let article = json!({ "title": long(200), "description": "b", "body": "c", "tagList": [long(100)] });
    api.send("POST /articles", Some(&token), json!({ "article": article })).await.expect(201);
    Ok(())
}

/// Front ends of other hosts ask first, and may.
pub(crate) async fn other_hosts(api: &Api) -> TestResult {
    let headers = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = client::send(api.address, "OPTIONS /user", &headers, "").await.expect(200);
    for name in ["allow-origin", "allow-methods", "allow-headers"] {
        assert_eq!(answer.headers[format!("access-control-{name}")], "*");
    }
    let answer = client::send(api.address, "GET /tags", &headers[..1], "").await.expect(200);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    Ok(())
}
