//! What a run is measured by, beside its checks.

use std::fmt::Display;
use std::time::Duration;

/// Of the service on one runtime, after the warm-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) workers: usize,
    pub(crate) requests: usize,
    pub(crate) took: Duration,
    pub(crate) acknowledged: usize,
    pub(crate) hung_up: usize,
    pub(crate) begun: usize,
    pub(crate) cut_off: usize,
    pub(crate) panicked: usize,
    pub(crate) most_handlers: usize,
    pub(crate) contexts: u64,
    pub(crate) most_contexts: usize,
    pub(crate) statements: u64,
    pub(crate) statements_cut_off: u64,
    pub(crate) tasks: u64,
    pub(crate) cancelled: u64,
    pub(crate) contexts_alive: usize,
    pub(crate) connections: u32,
    pub(crate) connections_free: u32,
    pub(crate) rows: Rows,
    pub(crate) warm_bytes: usize,
    pub(crate) live_bytes: usize,
}

/// What transfers and notes have left, warm-up included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// That clients were told of.
    pub(crate) acknowledged: usize,
    /// That clients did not wait for, and that may be saved or not.
    pub(crate) unknown: usize,
    /// Of these, saved.
    pub(crate) unknown_saved: usize,
    /// In the tables.
    pub(crate) saved: usize,
    /// Of all books.
    pub(crate) copies: i64,
}

impl Figures {
    /// How far live bytes are from those after the warm-up, in per cent.
    pub(crate) fn drift(&self) -> f64 {
        percent(self.live_bytes.abs_diff(self.warm_bytes), self.warm_bytes)
    }
}

/// How much `part` is of `whole`.
#[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
