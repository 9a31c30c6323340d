//! Users: what only one may have, passwords, tokens and profiles.

use std::time::SystemTime;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client;
use crate::server::{Api, SECRET, TestResult};

fn user(name: &str, email: &str) -> Value {
    json!({ "user": { "username": name, "email": email, "password": "secret" } })
}

pub(crate) async fn are_unique(api: &Api) -> TestResult {
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    for (name, email, field, value) in [
        ("ann", "new@example.org", "username", "ann"),
        ("new", "ann@example.org", "email", "ann@example.org"),
    ] {
        let answer = api.send("POST /users", None, user(name, email)).await.expect_error(422, field);
        assert_eq!(answer.text(&format!("/errors/{field}/0")), "has already been taken");
        assert_eq!(answer.text("/errors/body/0"), format!("{field} has already been taken"));
        let change = json!({ "user": { field: value } });
        api.send("PUT /user", Some(&bob), change).await.expect_error(422, field);
    }
    // One's own name is nobody else's.
    api.send("PUT /user", Some(&ann), user("ann", "ann@example.org")).await.expect(200);

    let mut at_once = JoinSet::new();
    for _ in 0..4 {
        let api = api.clone();
        at_once
            .spawn(async move { api.send("POST /users", None, user("eve", "eve@example.org")).await.status });
    }
    let mut statuses = at_once.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422]);
    Ok(())
}

pub(crate) async fn keep_their_password(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let em = api.orm.em().fork();
    let (kept,): (String,) = em.sql("select password from users", ()).fetch_one_as().await?;
    assert!(kept.starts_with("$argon2id$") && !kept.contains("secret"), "{kept}");
    let login = |password: &str| {
        let user = json!({ "user": { "email": "ann@example.org", "password": password } });
        async move { api.send("POST /users/login", None, user).await }
    };
    login("secret").await.expect(200);
    for password in ["Secret", "secret ", &kept] {
        login(password).await.expect_error(401, "email or password");
    }
    login("").await.expect_error(422, "password");
    let change = json!({ "user": { "password": "another" } });
    api.send("PUT /user", Some(&token), change).await.expect(200);
    login("another").await.expect(200);
    login("secret").await.expect(401);
    Ok(())
}

pub(crate) async fn change(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let change = |fields: Value| {
        let token = &token;
        async move { api.send("PUT /user", Some(token), json!({ "user": fields })).await }
    };
    let answer = change(json!({ "username": "anne", "bio": "Writes", "image": "https://x/a.png" })).await;
    let answer = answer.expect(200);
    assert_eq!((answer.text("/user/username"), answer.text("/user/email")), ("anne", "ann@example.org"));
    assert_eq!((answer.text("/user/bio"), answer.text("/user/image")), ("Writes", "https://x/a.png"));
    let answer = change(json!({ "bio": null, "image": "" })).await.expect(200);
    assert_eq!((answer.at("/user/bio"), answer.at("/user/image")), (&Value::Null, &Value::Null));
    assert_eq!(answer.text("/user/username"), "anne");
    for (fields, field) in [
        (json!({ "email": null }), "email"),
        (json!({ "email": "nowhere" }), "email"),
        (json!({ "username": " " }), "username"),
        (json!({ "password": "" }), "password"),
        (json!({}), "user"),
        (json!({ "unknown": 1 }), "user"),
    ] {
        change(fields).await.expect_error(422, field);
    }
    // The token is of the user, and not of the name.
    let answer = api.ask("GET /user", Some(&token)).await.expect(200);
    assert_eq!(answer.text("/user/username"), "anne");
    Ok(())
}

pub(crate) async fn tokens(api: &Api) -> TestResult {
    let ann = api.register("ann").await;
    api.write("First", &[], &ann).await;
    let gone = api.register("gone").await;
    api.delete_user("gone").await?;

    let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let signed = |secret: &str, claims: Value| {
        encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())?)
    };
    let (header_and_claims, signature) = ann.rsplit_once('.').unwrap_or_default();
    let unsigned =
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{}.", ann.split('.').nth(1).unwrap_or_default());
    let bad = [
        gone,
        signed(SECRET, json!({ "sub": "1", "exp": now - 3600 }))?,
        signed(SECRET, json!({ "sub": "1" }))?,
        signed(SECRET, json!({ "sub": "ann", "exp": now + 3600 }))?,
        signed("another secret, as long", json!({ "sub": "1", "exp": now + 3600 }))?,
        format!("{header_and_claims}.{}", signature.chars().rev().collect::<String>()),
        unsigned,
        "nonsense".to_owned(),
        String::new(),
    ];
    for token in &bad {
        for request in
            ["GET /user", "GET /articles/feed", "GET /articles", "GET /profiles/ann", "POST /articles"]
        {
            let answer = api.ask(request, Some(token)).await.expect_error(401, "token");
            assert_eq!(answer.text("/errors/token/0"), "is invalid", "{token}");
        }
        // Everybody may see an article and the tags.
        api.ask("GET /articles/first", Some(token)).await.expect(200);
        api.ask("GET /tags", Some(token)).await.expect(200);
    }
    api.ask("GET /user", None).await.expect_error(401, "token");
    let own = signed(SECRET, json!({ "sub": "1", "exp": now + 3600 }))?;
    for (header, status) in [
        (format!("Token {own}"), 200),
        (format!("Bearer {own}"), 200),
        (format!("Basic {own}"), 401),
        (own, 401),
        ("Token".to_owned(), 401),
        ("Token \u{e4}".to_owned(), 401),
    ] {
        let headers = [("authorization", header.as_str())];
        let answer = client::send(api.address, "GET /user", &headers, "").await;
        assert_eq!(answer.status, status, "{header}");
    }
    Ok(())
}

pub(crate) async fn follow(api: &Api) -> TestResult {
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let follows = |token: Option<String>, name: &'static str| async move {
        let answer = api.ask(&format!("GET /profiles/{name}"), token.as_deref()).await.expect(200);
        answer.at("/profile/following").clone()
    };
    for _ in 0..2 {
        let answer = api.ask("POST /profiles/ann/follow", Some(&bob)).await.expect(200);
        assert_eq!(
            answer.json,
            json!({ "profile": { "username": "ann", "bio": null, "image": null, "following": true } })
        );
    }
    assert_eq!(follows(Some(bob.clone()), "ann").await, json!(true));
    assert_eq!(follows(Some(ann.clone()), "bob").await, json!(false));
    assert_eq!(follows(Some(ann.clone()), "ann").await, json!(false));
    assert_eq!(follows(None, "ann").await, json!(false));
    for _ in 0..2 {
        let answer = api.ask("DELETE /profiles/ann/follow", Some(&bob)).await.expect(200);
        assert_eq!(answer.at("/profile/following"), &json!(false));
    }
    assert_eq!(follows(Some(bob), "ann").await, json!(false));
    Ok(())
}
