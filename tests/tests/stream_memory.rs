//! What long streams hold, by a counting allocator, which counts the whole process: these take turns.

use orm_core::Result;
use orm_tests::Sqlite;
use orm_tests::suite::{raw_streams, streams};
use peak_alloc::PeakAlloc;
use tokio::sync::Mutex;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_stream_is_read_in_flat_memory() -> Result<()> {
    let _turn = TURN.lock().await;
    streams::a_stream_is_read_in_flat_memory::<Sqlite>(|| ALLOCATOR.current_usage()).await
}

#[tokio::test]
async fn a_raw_stream_is_read_in_flat_memory() -> Result<()> {
    let _turn = TURN.lock().await;
    raw_streams::a_raw_stream_is_read_in_flat_memory::<Sqlite>(|| ALLOCATOR.current_usage()).await
}
