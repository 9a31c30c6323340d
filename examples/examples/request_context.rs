//! One global manager, one identity map a request: two requests at the same time, a queue handler, and the guard.
//!
//! The service below is made once, as dependency injection does it, and knows nothing of contexts. Every call on the
//! global manager goes to the manager of the request in which it runs.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::sync::Arc;

use orm_core::prelude::*;
use orm_sqlx::Sqlite;
use tokio::sync::Barrier;

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "articles")]
struct Article {
    #[entity(id, auto)]
    id: i64,
    #[entity(unique)]
    slug: String,
    title: String,
    views: i64,
}

/// The service, with an injected repository of the global manager.
struct Articles {
    repository: Repository<Article>,
}

impl Articles {
    async fn by_slug(&self, slug: &str) -> Result<Loaded<Article>> {
        self.repository.find_one_or_fail(Article::SLUG.eq(slug)).await
    }

    async fn save(&self) -> Result<()> {
        self.repository.em().flush().await
    }
}

/// A request that changes the title. `found` holds it back until the other request has the article, too.
async fn rename(articles: Arc<Articles>, found: Arc<Barrier>) -> Result<Loaded<Article>> {
    let article = articles.by_slug("winter").await?;
    found.wait().await;
    article.edit().title = "Winter has come".into();
    assert!(articles.by_slug("winter").await? == article); // The same instance, its edit kept.
    articles.save().await?;
    Ok(article)
}

/// A request that counts a view.
async fn view(articles: Arc<Articles>, found: Arc<Barrier>) -> Result<Loaded<Article>> {
    let article = articles.by_slug("winter").await?;
    found.wait().await;
    article.update(|article| article.views += 1);
    assert_eq!(article.get().title, "Winter is coming"); // The other request's edit is its own affair.
    articles.save().await?;
    Ok(article)
}

/// Works off a queue, where no middleware makes a context.
struct QueueHandler {
    orm: Orm,
    articles: Arc<Articles>,
}

impl QueueHandler {
    #[create_request_context(self.orm)]
    async fn handle(&self, slug: &str) -> Result<()> {
        println!("  it works in context {}", self.orm.em().id());
        self.articles.by_slug(slug).await?.update(|article| article.views += 100);
        self.articles.save().await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = Sqlite::options().memory().observer(orm_examples::print_statement).connect().await?;
    let orm = Orm::builder(database).entity::<Article>().build().await?;
    let articles = Arc::new(Articles { repository: orm.em().get_repository() });

    println!("Create the schema and an article, in a fork:");
    orm.schema().create().await?;
    let em = orm.em().fork();
    em.persist(Article { slug: "winter".into(), title: "Winter is coming".into(), ..Article::default() })?;
    em.flush().await?;

    println!("\nTwo requests at the same time, as a middleware would start them:");
    let found = Arc::new(Barrier::new(2));
    let renaming = RequestContext::create(orm.em(), rename(articles.clone(), found.clone()));
    let viewing = RequestContext::create(orm.em(), view(articles.clone(), found));
    let (renamed, viewed) = tokio::join!(tokio::spawn(renaming), tokio::spawn(viewing));
    let (renamed, viewed) = (renamed.map_err(Error::other)??, viewed.map_err(Error::other)??);
    assert!(renamed != viewed); // One row, but an instance for each request.
    println!("  the first one has   {:?}", renamed.get());
    println!("  the second one has  {:?}", viewed.get());

    println!("\nA job from a queue, in a context by attribute:");
    QueueHandler { orm: orm.clone(), articles: articles.clone() }.handle("winter").await?;

    println!("\nThe same service without a context, which the guard refuses before anything is sent:");
    if let Err(error) = articles.by_slug("winter").await {
        assert!(matches!(error, Error::GlobalContext { .. }));
        println!("  {error}");
    }

    println!("\nWhat the database has of it all:");
    let saved = orm.em().fork().find_one_or_fail(Article::SLUG.eq("winter")).await?;
    println!("  {:?}", saved.get());
    assert_eq!((saved.get().title.as_str(), saved.get().views), ("Winter has come", 101));
    Ok(())
}
