//! Servers for tests.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;

use libtest_mimic::Failed;
use orm_core::Orm;
use orm_sqlx::StatementCounter;
use orm_sqlx::migration::Migrator;
use realworld::Tokens;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{self, Answer};
use crate::database::{Database, Own};

/// What a test gives back.
pub(crate) type TestResult = Result<(), Box<dyn Error + Send + Sync>>;

/// A test.
pub(crate) type Test = Box<dyn FnOnce(Api) -> Pin<Box<dyn Future<Output = TestResult> + Send>> + Send>;

/// What tokens of test servers are signed with.
pub(crate) const SECRET: &str = "a secret for tests alone";

/// A server, and what it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    pub(crate) orm: Orm,
    pub(crate) statements: Arc<StatementCounter>,
}

/// Runs a test on a server and a database of its own, which go whatever comes of it.
pub(crate) fn run(database: Database, test: Test) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let own = Own::make(database).await?;
        let statements = Arc::new(StatementCounter::new());
        let orm = realworld::connect(own.options.clone().observer(statements.observer())).await?;
        Migrator::new(&orm, realworld::MIGRATIONS).up().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = realworld::api(&orm, Tokens::new(SECRET.as_bytes())?);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let done = tokio::spawn(test(Api { address, orm: orm.clone(), statements })).await;
        server.abort();
        orm.close().await;
        own.remove().await?;
        match done {
            Ok(result) => result.map_err(|error| Failed::from(error.to_string())),
            Err(error) => resume_unwind(error.into_panic()),
        }
    })
}

impl Api {
    /// Asks without a body.
    pub(crate) async fn ask(&self, request: &str, token: Option<&str>) -> Answer {
        self.send_text(request, token, String::new()).await
    }

    pub(crate) async fn send(&self, request: &str, token: Option<&str>, body: Value) -> Answer {
        self.send_text(request, token, body.to_string()).await
    }

    pub(crate) async fn send_text(&self, request: &str, token: Option<&str>, body: String) -> Answer {
        let authorization = token.map(client::authorization);
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.iter().map(|(name, value)| (*name, value.as_str())));
        client::send(self.address, request, &headers, body).await
    }

    /// Registers a user, and gives their token.
    pub(crate) async fn register(&self, name: &str) -> String {
        let user = json!({ "username": name, "email": format!("{name}@example.org"), "password": "secret" });
        let answer = self.send("POST /users", None, json!({ "user": user })).await.expect(201);
        answer.text("/user/token").to_owned()
    }

    /// Writes an article, and gives its slug.
    pub(crate) async fn write(&self, title: &str, tags: &[&str], token: &str) -> String {
        let article = json!({ "title": title, "description": "About", "body": "Text", "tagList": tags });
        let answer = self.send("POST /articles", Some(token), json!({ "article": article })).await;
        answer.expect(201).text("/article/slug").to_owned()
    }

    /// Takes a user away, as somebody with a hand on the database does.
    pub(crate) async fn delete_user(&self, name: &str) -> TestResult {
        let em = self.orm.em().fork();
        let deleted = em.sql("delete from users where username = {}", (name,)).execute().await?;
        assert_eq!(deleted, 1);
        Ok(())
    }
}
