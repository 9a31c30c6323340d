//! The result cache: what selects answered, kept across contexts for a while.
//!
//! It is a thing of its own, apart from the identity map: the map has the one instance of a row within a context, the cache
//! has rows as plain values, for every context of an [`Orm`](crate::Orm). A finder that was given
//! [`cache`](crate::query::Find::cache) asks it first, and its rows go the way of fresh rows into the identity map.
//!
//! What always holds:
//! - An entry answers the very statement that it was made by, with the same bound values: never that of another tenant,
//!   filter or page. Its name is a label.
//! - What a transaction reads is neither taken from the cache nor put there.
//! - An entry names the tables that it was read from. Each has a *generation* in the store, a random number that is read
//!   before the select and replaced after the commit of a write: an entry with another one is void, whenever it was put.
//! - A broken store fails no query: the database is asked.

mod caching;
mod codec;
#[cfg(feature = "moka")]
mod moka;
mod question;
mod read;
mod results;
mod store;
mod tag;
mod tap;
mod touched;
mod watched;

pub(crate) use caching::Caching;
#[cfg(feature = "moka")]
pub use moka::MokaCache;
pub(crate) use read::{CacheUse, count, select};
pub use results::CachedResults;
pub use store::{CacheEntry, CacheError, ResultCache};
pub(crate) use touched::{Touched, Written};
pub(crate) use watched::Watched;
