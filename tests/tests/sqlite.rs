//! Everything that every driver promises, on SQLite in memory; on a file what needs a pool of one, and what is about
//! contexts side by side.

orm_tests::driver_suite!(orm_tests::Given);

mod own_connection;

mod on_file {
    use orm_core::Result;
    use orm_tests::SqliteFile;
    use orm_tests::suite::{lock_modes, versions};

    orm_tests::one_connection_suite!(orm_tests::SqliteAlone);

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn tasks_that_try_again_lose_no_update() -> Result<()> {
        versions::tasks_that_try_again_lose_no_update::<SqliteFile>().await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn tasks_that_lock_first_lose_no_update() -> Result<()> {
        lock_modes::tasks_that_lock_first_lose_no_update::<SqliteFile>().await
    }
}
