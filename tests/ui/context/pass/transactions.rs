//! Runs: the body is in a transaction, which ends as the result says.
#![deny(warnings)]

use std::future::Future;
use std::pin::Pin;

use orm_core::{
    Condition, Entity, EntityManager, Error, Orm, create_request_context, ensure_request_context, transactional,
};
use orm_sqlx::Sqlite;

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "users")]
struct User {
    #[entity(id, auto)]
    id: i64,
}

#[derive(Debug)]
enum Refused {
    No,
    Orm(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Orm(error)
    }
}

#[derive(Clone)]
struct Users {
    orm: Orm,
}

impl Users {
    #[transactional(self.orm)]
    async fn add(&self, how_many: usize) -> Result<usize, Error> {
        assert!(self.orm.em().is_in_transaction());
        for _ in 0..how_many {
            self.orm.em().persist(User::default())?;
        }
        Ok(how_many)
    }

    #[transactional(|users| &users.orm, propagation = Required, flush_mode = Commit)]
    async fn refuse(&self) -> Result<(), Refused> {
        self.orm.em().persist(User::default())?;
        self.orm.em().flush().await?;
        Err(Refused::No)
    }

    #[transactional(self.orm, read_only, isolation = "serializable")]
    fn count(&self) -> impl Future<Output = Result<u64, Error>> + Send {
        let em = self.orm.em().clone();
        async move { em.count(Condition::<User>::always()).await }
    }

    #[transactional(self.orm)]
    fn boxed<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>> {
        Box::pin(async move { Ok(self.orm.em().is_in_transaction()) })
    }

    #[create_request_context(self.orm)]
    #[transactional(self.orm)]
    async fn context_first(&self) -> Result<bool, Error> {
        Ok(self.orm.em().is_in_transaction())
    }

    #[transactional(self.orm)]
    #[ensure_request_context(self.orm)]
    async fn context_second(&self) -> Result<bool, Error> {
        Ok(self.orm.em().is_in_transaction())
    }
}

#[transactional(em)]
async fn of_argument(em: &EntityManager) -> Result<bool, Error> {
    Ok(em.is_in_transaction())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let driver = Sqlite::connect("sqlite::memory:").await.expect("a database in memory");
    let orm = Orm::builder(driver).entity::<User>().build().await.expect("a model");
    orm.schema().create().await.expect("tables");
    let users = Users { orm };
    assert_eq!(users.add(3).await.expect("it commits"), 3);
    assert!(matches!(users.refuse().await, Err(Refused::No)));
    assert_eq!(users.count().await.expect("it reads"), 3);
    assert!(users.boxed().await.expect("it runs"));
    assert!(users.context_first().await.expect("it runs"));
    assert!(users.context_second().await.expect("it runs"));
    assert!(of_argument(users.orm.em()).await.expect("it runs"));
    let spawned = users.clone();
    tokio::spawn(async move { spawned.add(1).await }).await.expect("no panic").expect("it commits");
    assert_eq!(users.count().await.expect("it reads"), 4);
}
