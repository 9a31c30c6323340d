//! Who has the connections of a pool: kept in debug builds, for the error of who waits for one.

use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Holder;
use crate::activity::place;

/// The connections that are lent.
#[derive(Debug, Default)]
pub(crate) struct LentConnections {
    holders: Mutex<Holders>,
}

#[derive(Debug, Default)]
struct Holders {
    next: u64,
    by_number: Vec<(u64, Holder)>,
}

/// Notes, when dropped, that a connection was given back.
#[derive(Debug)]
pub(crate) struct LentConnection {
    number: u64,
    of: Arc<LentConnections>,
}

impl LentConnections {
    /// Notes that what is called now gets a connection for `action`.
    pub(crate) fn note(self: &Arc<Self>, action: &'static str) -> Option<LentConnection> {
        let at: &'static Location<'static> = place().filter(|_| cfg!(debug_assertions))?;
        let what = if action == "begin" { "transaction" } else { action };
        let mut holders = self.holders.lock();
        let number = holders.next;
        holders.next += 1;
        holders.by_number.push((number, Holder::new(what, at)));
        Some(LentConnection { number, of: Arc::clone(self) })
    }

    /// Who has one, longest first.
    pub(crate) fn holders(&self) -> Vec<String> {
        self.holders.lock().by_number.iter().map(|(_, holder)| holder.to_string()).collect()
    }
}

impl Drop for LentConnection {
    fn drop(&mut self) {
        self.of.holders.lock().by_number.retain(|(number, _)| *number != self.number);
    }
}
