//! The middleware over SQLite in memory, called directly and over HTTP.

#![expect(clippy::unwrap_used, reason = "a test whose preparations fail has failed")]

mod actix;
mod bad_input;
mod bodies;
mod contexts;
mod contract;
mod detached;
mod extractor;
mod flushes;

mod library;
mod log;
mod on_enter;
mod over_http;
mod places;
mod several;
mod sockets;
mod summaries;
