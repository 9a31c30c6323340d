//! What a plan looks like to people.

use std::fmt;

use super::FlushPlan;
use super::step::{FlushPhase, Step};
use crate::metadata::EntityId;
use crate::unit_of_work::cascade::Unloaded;

/// One line a step: what, how many, which columns. No values.
impl fmt::Display for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loads = self.cascade.unloaded.len();
        for (at, Unloaded { relation, owners }) in self.cascade.unloaded.iter().enumerate() {
            let (entity, field) = (self.metadata.entity(relation.entity), self.metadata.relation(*relation));
            let end = if at + 1 < loads || !self.steps.is_empty() { "\n" } else { "" };
            write!(
                f,
                "load {}.{} of {} to remove what goes with it{end}",
                entity.name,
                field.name,
                owners.len()
            )?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            let name = |entity: &EntityId| self.metadata.entity(*entity).name;
            let names = |entity: &EntityId, columns: &[usize]| {
                let meta = self.metadata.entity(*entity);
                columns.iter().map(|at| meta.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
            };
            match step {
                Step::Insert { entity, columns, rows, .. } => {
                    write!(f, "insert {} {} ({})", rows.len(), name(entity), names(entity, columns))?;
                }
                Step::Update { entity, columns, rows, phase, .. } => {
                    let early = match phase {
                        FlushPhase::Early => "early ",
                        FlushPhase::ExtraUpdate => "extra ",
                        _ => "",
                    };
                    write!(f, "{early}update {} {} ({})", rows.len(), name(entity), names(entity, columns))?;
                }
                Step::Delete { entity, rows, is_early, .. } => {
                    let early = if *is_early { "early " } else { "" };
                    write!(f, "{early}delete {} {}", rows.len(), name(entity))?;
                }
                Step::SoftDelete { entity, columns, rows, is_early, .. } => {
                    let (early, columns) = (if *is_early { "early " } else { "" }, names(entity, columns));
                    write!(f, "{early}soft delete {} {} ({columns})", rows.len(), name(entity))?;
                }
                Step::Pivot { relation, adds, links } => {
                    let verb = if *adds { "link" } else { "unlink" };
                    let field = self.metadata.relation(*relation).name;
                    write!(f, "{verb} {} {}.{field}", links.len(), name(&relation.entity))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
