//! What contexts leave behind, by a counting allocator: one test a process, since it counts all of it.

use orm_core::Result;
use orm_tests::Sqlite;
use orm_tests::suite::memory;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[tokio::test]
async fn a_thousand_contexts_leave_nothing_behind() -> Result<()> {
    memory::a_thousand_contexts_leave_nothing_behind::<Sqlite>(|| ALLOCATOR.current_usage()).await
}
