//! sqlx's own way to begin a transaction, without the guard of the drivers.

use std::pin::pin;

use orm_core::{Error, Result};
use sqlx_core::database::Database;
use sqlx_core::executor::Executor;
use sqlx_core::pool::PoolOptions;

use crate::model::polls::poll_times;

/// How often all numbers of polls are gone through: whether the answer is there by the next poll is up to the server.
const ROUNDS: usize = 100;

/// Drops `pool.begin()` after one poll, after two and so on, until it is done, each time on a pool of one connection; gives
/// the first number of polls after which whoever borrowed the connection next was inside of a transaction.
///
/// `refused_inside` runs outside of a transaction alone.
///
/// # Errors
///
/// Whatever sqlx fails with, but for that.
pub async fn begin_left_open<DB: Database>(url: &str, refused_inside: &'static str) -> Result<Option<usize>>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    for _ in 0..ROUNDS {
        for polls in 1.. {
            // Connected by now, so that what is polled is no more than taking the connection, and BEGIN.
            let pool =
                PoolOptions::<DB>::new().max_connections(1).connect(url).await.map_err(Error::other)?;
            let is_done = {
                let mut begin = pin!(pool.begin());
                poll_times(&mut begin, polls).await.is_some()
            };
            let mut next = pool.acquire().await.map_err(Error::other)?;
            let is_left_open = (&mut *next).execute(refused_inside).await.is_err();
            drop(next);
            pool.close().await;
            if is_left_open {
                return Ok(Some(polls));
            }
            if is_done {
                break;
            }
        }
    }
    Ok(None)
}
