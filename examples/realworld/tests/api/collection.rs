//! What the project's published Postman collection asks for and checks, in its order.

use serde_json::{Value, json};

use crate::server::{Api, TestResult};

pub(crate) async fn passes(api: &Api) -> TestResult {
    let (name, email, password) = ("u1", "u1@mail.com", "password");
    let token = authentication(api, name, email, password).await;
    let token = Some(token.as_str());
    for query in ["", "?author=johnjacob", "?favorited=u1", "?tag=dragons"] {
        lists(api, query, None, 0).await;
    }
    let article = json!({
        "title": "How to train your dragon", "description": "Ever wonder how?", "body": "Very carefully.",
        "tagList": ["training", "dragons"],
    });
    let answer = api.send("POST /articles", token, json!({ "article": article })).await.expect(201);
    is_article(answer.at("/article"));
    let slug = answer.text("/article/slug").to_owned();
    assert_eq!(slug, "how-to-train-your-dragon");
    lists(api, "/feed", token, 0).await;
    for token in [None, token] {
        for query in ["", "?author=u1", "?tag=dragons"] {
            let articles = lists(api, query, token, 1).await;
            assert_eq!(articles[0]["tagList"], json!(["dragons", "training"]));
        }
    }
    is_article(api.ask(&format!("GET /articles/{slug}"), token).await.expect(200).at("/article"));
    let change = json!({ "article": { "body": "With two hands" } });
    let answer = api.send(&format!("PUT /articles/{slug}"), token, change).await.expect(200);
    is_article(answer.at("/article"));
    assert_eq!(answer.text("/article/body"), "With two hands");

    let favorite = format!("/articles/{slug}/favorite");
    let answer = api.ask(&format!("POST {favorite}"), token).await.expect(200);
    is_article(answer.at("/article"));
    assert_eq!(
        (answer.at("/article/favorited"), answer.at("/article/favoritesCount")),
        (&json!(true), &json!(1))
    );
    for token in [None, token] {
        let articles = lists(api, "?favorited=u1", token, 1).await;
        assert_eq!(articles[0]["favoritesCount"], json!(1));
        assert_eq!(articles[0]["favorited"], json!(token.is_some()));
    }
    let answer = api.ask(&format!("DELETE {favorite}"), token).await.expect(200);
    is_article(answer.at("/article"));
    assert_eq!(
        (answer.at("/article/favorited"), answer.at("/article/favoritesCount")),
        (&json!(false), &json!(0))
    );

    let comments = format!("/articles/{slug}/comments");
    let body = json!({ "comment": { "body": "Thank you so much!" } });
    let answer = api.send(&format!("POST {comments}"), token, body).await.expect(200);
    is_comment(answer.at("/comment"));
    let id = answer.at("/comment/id").to_string();
    for token in [token, None] {
        let answer = api.ask(&format!("GET {comments}"), token).await.expect(200);
        is_comment(answer.at("/comments/0"));
    }
    let answer = api.ask(&format!("DELETE {comments}/{id}"), token).await.expect(204);
    assert_eq!(answer.json, Value::Null);
    let answer = api.ask(&format!("DELETE /articles/{slug}"), token).await.expect(204);
    assert_eq!(answer.json, Value::Null);

    profiles(api, token).await;
    let answer = api.ask("GET /tags", None).await.expect(200);
    assert!(answer.at("/tags").is_array());
    Ok(())
}

/// Registration and what comes with it; gives a token.
async fn authentication(api: &Api, name: &str, email: &str, password: &str) -> String {
    let user = json!({ "user": { "email": email, "password": password, "username": name } });
    is_user(api.send("POST /users", None, user).await.expect(201).at("/user"));
    let login = json!({ "user": { "email": email, "password": password } });
    let answer = api.send("POST /users/login", None, login).await.expect(200);
    is_user(answer.at("/user"));
    let token = answer.text("/user/token").to_owned();
    is_user(api.ask("GET /user", Some(&token)).await.expect(200).at("/user"));
    let change = json!({ "user": { "email": email } });
    is_user(api.send("PUT /user", Some(&token), change).await.expect(200).at("/user"));
    token
}

async fn profiles(api: &Api, token: Option<&str>) {
    api.register("celeb_u1").await;
    let follow = json!({ "user": { "email": "u1@mail.com" } });
    for (request, following) in [
        ("GET /profiles/celeb_u1", false),
        ("POST /profiles/celeb_u1/follow", true),
        ("GET /profiles/celeb_u1", true),
        ("DELETE /profiles/celeb_u1/follow", false),
    ] {
        let answer = api.send(request, token, follow.clone()).await.expect(200);
        is_profile(answer.at("/profile"));
        assert_eq!(answer.at("/profile/following"), &json!(following), "{request}");
    }
}

async fn lists(api: &Api, query: &str, token: Option<&str>, count: usize) -> Vec<Value> {
    let answer = api.ask(&format!("GET /articles{query}"), token).await.expect(200);
    assert_eq!(answer.at("/articlesCount"), &json!(count), "{query}");
    let articles = answer.at("/articles").as_array().cloned().unwrap_or_default();
    assert_eq!(articles.len(), count, "{query}");
    articles.iter().for_each(is_line);
    articles
}

#[track_caller]
fn is_user(user: &Value) {
    has(user, &["email", "token", "username", "bio", "image"]);
}

#[track_caller]
fn is_profile(profile: &Value) {
    has(profile, &["username", "bio", "image", "following"]);
}

/// An article in a list, which has no body.
#[track_caller]
fn is_line(article: &Value) {
    const FIELDS: [&str; 9] = [
        "slug",
        "title",
        "description",
        "tagList",
        "createdAt",
        "updatedAt",
        "favorited",
        "favoritesCount",
        "author",
    ];
    has(article, &FIELDS);
    is_timestamp(&article["createdAt"]);
    is_timestamp(&article["updatedAt"]);
    assert!(article["tagList"].is_array() && article["favoritesCount"].is_u64(), "{article}");
    is_profile(&article["author"]);
}

#[track_caller]
fn is_article(article: &Value) {
    let mut line = article.clone();
    let body = line.as_object_mut().and_then(|fields| fields.remove("body"));
    assert!(body.is_some_and(|body| body.is_string()), "it has no body: {article}");
    is_line(&line);
}

#[track_caller]
fn is_comment(comment: &Value) {
    has(comment, &["id", "body", "createdAt", "updatedAt", "author"]);
    assert!(comment["id"].is_u64());
    is_timestamp(&comment["createdAt"]);
    is_timestamp(&comment["updatedAt"]);
    is_profile(&comment["author"]);
}

/// These fields and no others.
#[track_caller]
fn has(object: &Value, fields: &[&str]) {
    let mut there: Vec<&str> =
        object.as_object().expect("it is an object").keys().map(String::as_str).collect();
    let mut fields = fields.to_vec();
    there.sort_unstable();
    fields.sort_unstable();
    assert_eq!(there, fields);
}

/// As `2016-02-18T03:22:56.637Z`: the collection wants a fraction of the second.
#[track_caller]
fn is_timestamp(value: &Value) {
    let text = value.as_str().unwrap_or_default();
    let shape: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{value}");
}
