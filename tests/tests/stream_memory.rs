//! What a long stream holds, by a counting allocator: one test a process, since it counts all of it.

use orm_core::Result;
use orm_tests::Sqlite;
use orm_tests::suite::streams;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[tokio::test]
async fn a_stream_is_read_in_flat_memory() -> Result<()> {
    streams::a_stream_is_read_in_flat_memory::<Sqlite>(|| ALLOCATOR.current_usage()).await
}
