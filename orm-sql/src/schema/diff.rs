//! What changes a database, there and back.
//!
//! Text only: both sides of the comparison come from a driver. What is safe has a script of its own, whose end is not what
//! is wanted but what the database holds then.

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::schema::database::{DatabaseName, DatabaseSchema};
use orm_core::schema::{
    Risk, SchemaChange, SchemaComparison, SchemaDiff, SchemaRenames, SchemaScript, Unknown,
};

use super::alter::Alterations;
use super::apply::apply;
use super::change::{Change, ChangeKind};
use super::compare::{Comparison, compare};
use super::views;

/// What changes `comparison.live` to `comparison.wanted`.
pub(crate) fn diff(
    alterations: &dyn Alterations,
    comparison: &SchemaComparison,
) -> Result<SchemaDiff, DriverError> {
    check_readable(comparison)?;
    check_kinds(comparison)?;
    let changes = compare(
        alterations,
        &Comparison {
            from: &comparison.live,
            to: &comparison.wanted,
            renames: &comparison.renames,
            unknown: comparison.unknown,
            ignored: &comparison.ignored,
        },
    );
    let safe: Vec<Change> = changes.iter().filter(|change| change.risk == Risk::Safe).cloned().collect();
    let safe_script = script(alterations, comparison, &safe)?;
    let script = if safe.len() == changes.len() {
        safe_script.clone()
    } else {
        script(alterations, comparison, &changes)?
    };
    let shown = changes.iter().map(|change| SchemaChange {
        table: change.table.clone(),
        description: change.to_string(),
        risk: change.risk.clone(),
    });
    Ok(SchemaDiff::new(shown.collect(), safe_script, script))
}

/// Refuses to change what was not understood.
fn check_readable(comparison: &SchemaComparison) -> Result<(), DriverError> {
    let wanted = &comparison.wanted;
    let is_wanted = |name: &DatabaseName| {
        wanted.tables.iter().any(|table| table.name == *name)
            || wanted.views.iter().any(|view| view.name == *name)
    };
    let live = comparison.live.unreadable.iter().filter(|(name, _)| is_wanted(name));
    match live.chain(&comparison.wanted.unreadable).next() {
        None => Ok(()),
        Some((name, why)) => {
            let problem = format!("the table {name} can't be compared: {why}");
            Err(DriverError::new(DriverErrorKind::Unsupported, problem))
        }
    }
}

/// Refuses to put a view in the place of a table, whose rows would go, or a table in that of a view.
fn check_kinds(comparison: &SchemaComparison) -> Result<(), DriverError> {
    let SchemaComparison { live, wanted, .. } = comparison;
    let has_table =
        |schema: &DatabaseSchema, name: &DatabaseName| schema.tables.iter().any(|table| table.name == *name);
    let tables = wanted.views.iter().map(|view| &view.name).find(|name| has_table(live, name));
    let views = live.views.iter().map(|view| &view.name).find(|name| has_table(wanted, name));
    let problem = match (tables, views) {
        (Some(name), _) => format!("{name} is a table in the database, and is to be a view"),
        (None, Some(name)) => format!("{name} is a view in the database, and is to be a table"),
        (None, None) => return Ok(()),
    };
    let problem = format!("{problem}; rename or drop it first, by a migration of your own");
    Err(DriverError::new(DriverErrorKind::Unsupported, problem))
}

fn script(
    alterations: &dyn Alterations,
    comparison: &SchemaComparison,
    changes: &[Change],
) -> Result<SchemaScript, DriverError> {
    let live = &comparison.live;
    let target: DatabaseSchema = apply(alterations, live, changes);
    let back = compare(
        alterations,
        &Comparison {
            from: &target,
            to: live,
            renames: &reversed(changes),
            unknown: Unknown::Dropped,
            ignored: &comparison.ignored,
        },
    );
    let statements = |from: &DatabaseSchema, to: &DatabaseSchema, changes: &[Change]| {
        let in_the_way = views::in_the_way(alterations, &comparison.wanted.views, from, to, changes);
        alterations.statements(from, to, &[changes, &in_the_way].concat())
    };
    Ok(SchemaScript { up: statements(live, &target, changes)?, down: statements(&target, live, &back)? })
}

/// The renames that take those of `changes` back.
fn reversed(changes: &[Change]) -> SchemaRenames {
    let mut renames = SchemaRenames::default();
    for change in changes {
        if let ChangeKind::RenameTable { from } = &change.kind {
            renames.tables.push((from.clone(), change.table.name.clone()));
        }
    }
    for change in changes {
        if let ChangeKind::RenameColumn { from, to } = &change.kind {
            let before = renames.tables.iter().find(|(_, after)| *after == change.table.name);
            let table = before.map_or_else(|| change.table.clone(), |(before, _)| before.clone());
            renames.columns.push((table, from.clone(), to.clone()));
        }
    }
    renames
}
