//! Articles: their slugs, lists, tags and changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::server::{Api, TestResult};

/// Articles of one title have slugs of their own, also when they are written at once.
pub(crate) async fn collide(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let mut slugs = BTreeSet::from([api.write("Same title", &["tag"], &token).await]);
    assert!(slugs.contains("same-title"));
    let mut at_once = JoinSet::new();
    for _ in 0..4 {
        let (api, token) = (api.clone(), token.clone());
        at_once.spawn(async move { api.write("Same title!", &["tag", "new"], &token).await });
    }
    slugs.extend(at_once.join_all().await);
    assert_eq!(slugs.len(), 5);
    for slug in &slugs {
        let answer = api.ask(&format!("GET /articles/{slug}"), None).await.expect(200);
        assert!(slug.starts_with("same-title") && answer.text("/article/slug") == slug);
    }

    // So does one that gets the title later, and keeps all else.
    let other = api.write("Another title", &["tag"], &token).await;
    let change = json!({ "article": { "title": "Same title", "body": "New" } });
    let answer = api.send(&format!("PUT /articles/{other}"), Some(&token), change).await.expect(200);
    let slug = answer.text("/article/slug");
    assert!(slug.starts_with("same-title-") && !slugs.contains(slug), "{slug}");
    assert_eq!((answer.text("/article/body"), answer.at("/article/tagList")), ("New", &json!(["tag"])));
    api.ask(&format!("GET /articles/{other}"), None).await.expect_error(404, "article");
    let listed = api.ask("GET /articles", None).await.expect(200);
    assert_eq!(listed.at("/articlesCount"), &json!(6));
    assert_eq!(api.ask("GET /tags", None).await.json, json!({ "tags": ["new", "tag"] }));
    Ok(())
}

/// The address of the feed is no article's.
pub(crate) async fn feed_is_no_slug(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let slug = api.write("Feed", &[], &token).await;
    assert!(slug.starts_with("feed-"), "{slug}");
    api.ask(&format!("GET /articles/{slug}"), None).await.expect(200);
    assert_eq!(api.write("Straße 9", &[], &token).await, "straße-9");
    api.ask("GET /articles/stra%C3%9Fe-9", None).await.expect(200);
    Ok(())
}

pub(crate) async fn are_listed(api: &Api) -> TestResult {
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    for number in 1..=25 {
        let (tag, token) = if number % 2 == 0 { ("even", &ann) } else { ("odd", &bob) };
        api.write(&format!("Number {number}"), &[tag, "all"], token).await;
    }
    for slug in ["number-3", "number-4"] {
        api.ask(&format!("POST /articles/{slug}/favorite"), Some(&ann)).await.expect(200);
    }
    api.ask("POST /articles/number-4/favorite", Some(&bob)).await.expect(200);
    // The newest first.
    for (query, count, slugs) in [
        ("limit=2", 25, &[25, 24][..]),
        ("limit=2&offset=3", 25, &[22, 21]),
        ("offset=24", 25, &[1]),
        ("offset=25", 25, &[]),
        ("limit=9223372036854775807&offset=9223372036854775807", 25, &[]),
        ("tag=even&limit=2", 12, &[24, 22]),
        ("author=bob&limit=1", 13, &[25]),
        ("favorited=ann", 2, &[4, 3]),
        ("favorited=ann&author=ann&tag=all", 1, &[4]),
        ("favorited=ann&tag=nothing", 0, &[]),
        ("author=nobody", 0, &[]),
    ] {
        let answer = api.ask(&format!("GET /articles?{query}"), None).await.expect(200);
        let articles = answer.at("/articles").as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = articles.iter().filter_map(|article| article["slug"].as_str()).collect();
        let expected: Vec<String> = slugs.iter().map(|number| format!("number-{number}")).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(answer.at("/articlesCount"), &json!(count), "{query}");
    }
    let answer = api.ask("GET /articles", None).await.expect(200);
    assert_eq!(answer.at("/articles").as_array().map(Vec::len), Some(20));
    let answer = api.ask("GET /articles?favorited=bob", Some(&bob)).await.expect(200);
    assert_eq!(
        (answer.at("/articles/0/favorited"), answer.at("/articles/0/favoritesCount")),
        (&json!(true), &json!(2))
    );
    let answer = api.ask("GET /articles?favorited=bob", None).await.expect(200);
    assert_eq!(
        (answer.at("/articles/0/favorited"), answer.at("/articles/0/favoritesCount")),
        (&json!(false), &json!(2))
    );
    Ok(())
}

pub(crate) async fn are_fed(api: &Api) -> TestResult {
    let (ann, bob, cy) = (api.register("ann").await, api.register("bob").await, api.register("cy").await);
    for (title, token) in [("One", &ann), ("Two", &bob), ("Three", &ann)] {
        api.write(title, &[], token).await;
    }
    let feed = |query: &'static str| {
        let cy = cy.clone();
        async move {
            let answer = api.ask(&format!("GET /articles/feed{query}"), Some(&cy)).await.expect(200);
            let articles = answer.at("/articles").as_array().cloned().unwrap_or_default();
            let slugs: Vec<Value> = articles.into_iter().map(|article| article["slug"].clone()).collect();
            (json!(slugs), answer.at("/articlesCount").clone())
        }
    };
    assert_eq!(feed("").await, (json!([]), json!(0)));
    api.ask("POST /profiles/ann/follow", Some(&cy)).await.expect(200);
    assert_eq!(feed("").await, (json!(["three", "one"]), json!(2)));
    assert_eq!(feed("?limit=1&offset=1").await, (json!(["one"]), json!(2)));
    api.ask("DELETE /profiles/ann/follow", Some(&cy)).await.expect(200);
    assert_eq!(feed("").await, (json!([]), json!(0)));
    Ok(())
}

pub(crate) async fn change(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    api.write("A title", &["b", "a"], &token).await;
    let before = api.ask("GET /articles/a-title", None).await.expect(200);
    let change = |slug: &'static str, fields: Value| {
        let token = &token;
        async move {
            let change = json!({ "article": fields });
            api.send(&format!("PUT /articles/{slug}"), Some(token), change).await
        }
    };
    let after = change("a-title", json!({ "description": "New" })).await.expect(200);
    assert_eq!((after.text("/article/description"), after.text("/article/slug")), ("New", "a-title"));
    for field in ["title", "body", "tagList", "createdAt", "author"] {
        let pointer = format!("/article/{field}");
        assert_eq!(after.at(&pointer), before.at(&pointer));
    }
    assert!(after.text("/article/updatedAt") >= before.text("/article/updatedAt"));
    // The slug follows the title, and stays where that does not change it.
    let after = change("a-title", json!({ "title": "Other" })).await.expect(200);
    assert_eq!((after.text("/article/slug"), after.text("/article/title")), ("other", "Other"));
    let after = change("other", json!({ "title": "Other!" })).await.expect(200);
    assert_eq!((after.text("/article/slug"), after.text("/article/title")), ("other", "Other!"));
    for fields in [json!({ "title": null }), json!({ "title": "?!" }), json!({ "title": "" })] {
        change("other", fields).await.expect_error(422, "title");
    }
    change("other", json!({ "body": null })).await.expect_error(422, "body");
    assert_eq!(change("other", json!({})).await.expect(200).json, after.json);
    Ok(())
}

/// Each once, by name; those that no article has are not listed.
pub(crate) async fn have_tags(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let slug = api.write("One", &["b", "a", "b"], &token).await;
    let request = format!("PUT /articles/{slug}");
    for (tags, expected) in [(json!(["c", "a"]), json!(["a", "c"])), (json!([]), json!([]))] {
        let change = json!({ "article": { "tagList": tags } });
        let answer = api.send(&request, Some(&token), change).await.expect(200);
        assert_eq!(answer.at("/article/tagList"), &expected);
        assert_eq!(api.ask("GET /tags", None).await.at("/tags"), &expected);
    }
    for tags in [json!([""]), json!(["x".repeat(101)]), json!(vec!["x"; 51])] {
        let change = json!({ "article": { "tagList": tags } });
        api.send(&request, Some(&token), change).await.expect_error(422, "tagList");
    }
    Ok(())
}

/// An article goes with its comments and favourites, and with its author.
pub(crate) async fn go_with_what_belongs_to_them(api: &Api) -> TestResult {
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let em = api.orm.em().fork();
    for title in ["One", "Two"] {
        let slug = api.write(title, &["tag"], &ann).await;
        let comment = json!({ "comment": { "body": "Well" } });
        api.send(&format!("POST /articles/{slug}/comments"), Some(&bob), comment).await.expect(200);
        api.ask(&format!("POST /articles/{slug}/favorite"), Some(&bob)).await.expect(200);
    }
    let left = async || -> Result<Vec<i64>, orm_core::Error> {
        let count = "select (select count(*) from articles) + 10 * (select count(*) from comments) \
                     + 100 * (select count(*) from favourites) + 1000 * (select count(*) from article_tags)";
        em.sql(count, ()).fetch_as().await
    };
    assert_eq!(left().await?, [2222]);
    api.ask("DELETE /articles/one", Some(&ann)).await.expect(204);
    assert_eq!(left().await?, [1111]);
    api.delete_user("ann").await?;
    assert_eq!(left().await?, [0]);
    api.ask("GET /articles/two", Some(&bob)).await.expect_error(404, "article");
    Ok(())
}

/// Requests that want the same tags, favourites and slugs at the same time all get what they want.
pub(crate) async fn change_at_once(api: &Api) -> TestResult {
    let token = api.register("ann").await;
    let mut at_once = JoinSet::new();
    for number in 0..6 {
        api.write(&format!("Number {number}"), &[], &token).await;
    }
    for number in 0..6 {
        let change = json!({ "article": { "title": "Same", "body": "New", "tagList": ["b", "new", "a"] } });
        let (api, token, other) = (api.clone(), token.clone(), token.clone());
        let user = api.clone();
        at_once.spawn(async move {
            api.send(&format!("PUT /articles/number-{number}"), Some(&token), change).await
        });
        at_once.spawn(async move { user.ask("POST /profiles/ann/follow", Some(&other)).await });
    }
    for answer in at_once.join_all().await {
        answer.expect(200);
    }
    let answer = api.ask("GET /articles?tag=new", Some(&token)).await.expect(200);
    let articles = answer.at("/articles").as_array().cloned().unwrap_or_default();
    let slugs: BTreeSet<&str> = articles.iter().filter_map(|article| article["slug"].as_str()).collect();
    assert!(slugs.len() == 6 && slugs.contains("same"), "{slugs:?}");
    for article in &articles {
        assert_eq!((&article["tagList"], &article["title"]), (&json!(["a", "b", "new"]), &json!("Same")));
    }
    let mut at_once = JoinSet::new();
    for _ in 0..6 {
        let (api, token) = (api.clone(), token.clone());
        at_once.spawn(async move { api.ask("POST /articles/same/favorite", Some(&token)).await });
    }
    for answer in at_once.join_all().await {
        assert_eq!(answer.expect(200).at("/article/favoritesCount"), &json!(1));
    }
    Ok(())
}
