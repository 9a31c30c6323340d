//! How many statements a list takes.

use serde_json::json;

use crate::server::{Api, TestResult};

/// A signed-in user's list and feed: the user, the articles with their authors, who of these is followed, tags, favourites
/// and their numbers, and the number of all.
pub(crate) async fn do_not_grow_with_the_page(api: &Api) -> TestResult {
    let reader = api.register("reader").await;
    for writer in 0..10 {
        let name = format!("writer{writer}");
        let token = api.register(&name).await;
        for article in 0..10 {
            let slug = api.write(&format!("Article {writer} {article}"), &["all", &name], &token).await;
            if article % 2 == 0 {
                api.ask(&format!("POST /articles/{slug}/favorite"), Some(&reader)).await.expect(200);
            }
        }
        api.ask(&format!("POST /profiles/{name}/follow"), Some(&reader)).await.expect(200);
    }
    for list in ["/articles", "/articles/feed"] {
        for limit in [1, 20, 100] {
            api.statements.reset();
            let answer = api.ask(&format!("GET {list}?limit={limit}"), Some(&reader)).await.expect(200);
            let statements = api.statements.count();
            // Eight are allowed; authors come with their articles.
            assert_eq!(statements, 7, "{list} with {limit} articles");
            let articles = answer.at("/articles").as_array().expect("it is a list");
            assert_eq!((articles.len(), answer.at("/articlesCount")), (limit, &json!(100)));
            for article in articles {
                let author = article["author"]["username"].as_str().unwrap_or_default();
                assert_eq!(article["tagList"], json!(["all", author]));
                assert_eq!(article["author"]["following"], json!(true));
                let title = article["title"].as_str().unwrap_or_default();
                let is_favoured = title.ends_with(['0', '2', '4', '6', '8']);
                assert_eq!(article["favorited"], json!(is_favoured), "{article}");
                assert_eq!(article["favoritesCount"], json!(i32::from(is_favoured)));
            }
        }
    }
    Ok(())
}
