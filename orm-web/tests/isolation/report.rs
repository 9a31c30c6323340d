//! The figures of all runs as a table.

use std::fmt::Write as _;

use crate::breaks::Break;
use crate::figures::{Figures, grouped, percent};
use crate::options::Options;
use crate::witness::{Check, Witness};

/// What a service that is broken on purpose was found guilty of.
pub(crate) struct Conviction {
    pub(crate) breaks: Break,
    /// The checks that had to notice, with their violations.
    pub(crate) violations: Vec<(Check, u64)>,
}

impl Conviction {
    pub(crate) fn holds(&self) -> bool {
        self.violations.iter().all(|(_, violations)| *violations > 0)
    }
}

const LABEL: usize = 46;
const COLUMN: usize = 20;

/// A line of the table: a label, and a cell for each runtime.
fn line(text: &mut String, label: &str, cells: impl IntoIterator<Item = String>) {
    let _ = write!(text, "{label:LABEL$}");
    for cell in cells {
        let _ = write!(text, "{cell:>COLUMN$}");
    }
    text.push('\n');
}

/// What was run, and what came of it.
pub(crate) fn runs(options: &Options, runs: &[Figures]) -> String {
    let mut text = String::new();
    let mut row =
        |label: &str, cell: &dyn Fn(&Figures) -> String| line(&mut text, label, runs.iter().map(cell));
    row(&format!("seed {}, {} in flight", options.seed, options.in_flight), &|run| match run.workers {
        1 => "1 worker".into(),
        workers => format!("{workers} workers"),
    });
    row("requests, after the warm-up", &|run| grouped(run.requests));
    row("  per second", &|run| format!("{:.0}", run.requests as f64 / run.took.as_secs_f64()));
    row("  answered", &|run| grouped(run.acknowledged));
    row("  clients that hung up", &|run| share(run.hung_up, run.requests));
    row("handlers that began", &|run| grouped(run.begun));
    row("  panicked", &|run| share(run.panicked, run.begun));
    row("  cut off in the middle", &|run| share(run.cut_off, run.begun));
    row("  at one time, at the most", &|run| grouped(run.most_handlers));
    row("contexts", &|run| grouped(run.contexts));
    row("  at one time, at the most", &|run| grouped(run.most_contexts));
    row("tasks and threads beside handlers", &|run| grouped(run.tasks));
    row("branches of select! that were cancelled", &|run| grouped(run.cancelled));
    row("statements", &|run| grouped(run.statements));
    row("  cut off while they ran", &|run| grouped(run.statements_cut_off));
    row("writes that were acknowledged", &|run| grouped(run.rows.acknowledged));
    row("  that may be saved, and are", &|run| {
        format!("{} / {}", grouped(run.rows.unknown), grouped(run.rows.unknown_saved))
    });
    row("  rows in the tables", &|run| grouped(run.rows.saved));
    row("copies of all books, 160,000 at the start", &|run| grouped(run.rows.copies));
    row("contexts alive at the end", &|run| grouped(run.contexts_alive));
    row("connections free of transactions", &|run| {
        format!("{} of {}", run.connections_free, run.connections)
    });
    row("live bytes after the warm-up", &|run| grouped(run.warm_bytes));
    row("live bytes at the end", &|run| grouped(run.live_bytes));
    row("  difference", &|run| format!("{:.2} %", run.drift()));
    text
}

fn share(part: usize, whole: usize) -> String {
    format!("{} ({:.1} %)", grouped(part), percent(part, whole))
}

/// Every check: how often it did not hold, and how often it was made.
pub(crate) fn checks(witness: &Witness) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:68}{:>12}{:>14}", "check", "violations", "of");
    for check in Check::ALL {
        let (violated, made) = (witness.violated(check), witness.made(check));
        if made > 0 {
            let _ = writeln!(text, "{:68}{:>12}{:>14}", check.words(), grouped(violated), grouped(made));
        }
    }
    for problem in witness.told() {
        let _ = writeln!(text, "! {problem}");
    }
    text
}

/// What broken services were found guilty of.
pub(crate) fn convictions(convictions: &[Conviction]) -> String {
    let mut text = String::from("broken on purpose, noticed by\n");
    for conviction in convictions {
        for (check, violations) in &conviction.violations {
            let name = conviction.breaks.name();
            let _ = writeln!(text, "{name:18}{:62}{:>14}", check.words(), grouped(violations));
        }
    }
    text
}
