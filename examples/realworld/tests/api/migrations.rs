//! The way of a database there and back.

use orm_sqlx::migration::Migrator;

use crate::server::{Api, TestResult};

/// What they make is what the entities need, the second time too.
pub(crate) async fn make_what_is_needed(api: &Api) -> TestResult {
    let migrator = Migrator::new(&api.orm, realworld::MIGRATIONS);
    for _ in 0..2 {
        let diff = api.orm.schema().diff().await?;
        assert!(diff.is_empty(), "{diff:?}");
        let token = api.register("ann").await;
        api.write("One", &["tag"], &token).await;
        assert!(!migrator.down_to(0).await?.is_empty());
        assert!(!api.orm.schema().diff().await?.is_empty());
        assert!(!migrator.up().await?.is_empty());
    }
    Ok(())
}
