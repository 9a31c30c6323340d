//! Comments on an article.

use serde_json::json;

use crate::server::{Api, TestResult};

pub(crate) async fn belong_to_an_article(api: &Api) -> TestResult {
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let (one, two) = (api.write("One", &[], &ann).await, api.write("Two", &[], &ann).await);
    api.ask("POST /profiles/bob/follow", Some(&ann)).await.expect(200);
    let mut ids = Vec::new();
    for (slug, token, body) in [(&one, &ann, "first"), (&one, &bob, "second"), (&two, &bob, "third")] {
        let comment = json!({ "comment": { "body": body } });
        let answer =
            api.send(&format!("POST /articles/{slug}/comments"), Some(token), comment).await.expect(200);
        assert_eq!(answer.text("/comment/body"), body);
        ids.push(answer.at("/comment/id").to_string());
    }
    // The newest first, with authors as the one sees them who looks.
    for (token, following) in [(Some(&*ann), true), (Some(&*bob), false), (None, false)] {
        let answer = api.ask(&format!("GET /articles/{one}/comments"), token).await.expect(200);
        assert_eq!(answer.at("/comments").as_array().map(Vec::len), Some(2));
        assert_eq!((answer.text("/comments/0/body"), answer.text("/comments/1/body")), ("second", "first"));
        assert_eq!(answer.text("/comments/0/author/username"), "bob");
        assert_eq!(answer.at("/comments/0/author/following"), &json!(following));
    }
    // Of another article it is not, and of somebody else it stays.
    let request = |slug: &str, id: &str| format!("DELETE /articles/{slug}/comments/{id}");
    api.ask(&request(&two, &ids[1]), Some(&bob)).await.expect_error(404, "comment");
    api.ask(&request("three", &ids[1]), Some(&bob)).await.expect_error(404, "article");
    api.ask(&request(&one, &ids[1]), Some(&ann)).await.expect_error(403, "comment");
    api.ask(&request(&one, &ids[1]), Some(&bob)).await.expect(204);
    api.ask(&request(&one, &ids[1]), Some(&bob)).await.expect_error(404, "comment");
    let answer = api.ask(&format!("GET /articles/{one}/comments"), None).await.expect(200);
    assert_eq!(answer.at("/comments").as_array().map(Vec::len), Some(1));
    Ok(())
}
