//! Everything that every driver promises, on SQLite in memory.

orm_tests::driver_suite!(orm_tests::Sqlite);
