//! What contexts hold and leave behind, by a counting allocator, which counts the whole process: these take turns.

use orm_core::Result;
use orm_tests::Sqlite;
use orm_tests::suite::memory;
use peak_alloc::PeakAlloc;
use tokio::sync::Mutex;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_thousand_contexts_leave_nothing_behind() -> Result<()> {
    let _turn = TURN.lock().await;
    memory::a_thousand_contexts_leave_nothing_behind::<Sqlite>(|| ALLOCATOR.current_usage()).await
}

#[tokio::test]
async fn an_empty_flush_takes_the_same_memory_for_any_number() -> Result<()> {
    let _turn = TURN.lock().await;
    let start = || {
        ALLOCATOR.reset_peak_usage();
        ALLOCATOR.current_usage()
    };
    memory::an_empty_flush_takes_the_same_memory_for_any_number::<Sqlite>(start, || ALLOCATOR.peak_usage())
        .await
}
