//! Which reference a row was refused for, where the database does not say it.

use super::Trial;
use crate::condition::Expression;
use crate::driver::{Connection, ViolationKind};
use crate::entity::{CellId, ErasedSnapshot};
use crate::error::{Error, Result};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, RelationKind};
use crate::populate::select;
use crate::relation::Target;
use crate::unit_of_work::flush_plan::{Step, StepRow};
use crate::value::KeyValues;

impl Trial<'_> {
    /// Adds entity and fields to a violated foreign key of a row that stands alone, by looking for the rows that it is
    /// about.
    pub(super) async fn with_fields(
        &self,
        connection: &mut dyn Connection,
        step: &Step,
        mut error: Error,
    ) -> Result<Error> {
        let Error::Constraint { violation, .. } = &mut error else { return Ok(error) };
        if violation.kind != ViolationKind::ForeignKey || !violation.fields.is_empty() {
            return Ok(error);
        }
        let rows = step.rows();
        let found = match rows.as_slice() {
            [StepRow::Insert(row)] => self.dangling(connection, row.cell, &row.snapshot).await?,
            [StepRow::Update(row)] => match &row.snapshot {
                Some(snapshot) => self.dangling(connection, row.cell, snapshot).await?,
                None => None,
            },
            [StepRow::Delete(row)] => self.referring(connection, row.cell, &row.key).await?,
            _ => None,
        };
        if let Some((entity, field)) = found {
            violation.entity = Some(entity);
            violation.fields = vec![field];
        }
        Ok(error)
    }

    /// The reference that leads to no row.
    async fn dangling(
        &self,
        connection: &mut dyn Connection,
        cell: CellId,
        snapshot: &ErasedSnapshot,
    ) -> Result<Option<(&'static str, &'static str)>> {
        let entity = self.region.entity(cell.entity);
        for (index, relation) in entity.relations.iter().enumerate() {
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let key = match self.region.arena(cell.entity).target_of(snapshot, index) {
                Target::Key(key) => Some(key),
                Target::Cell(target) => self.run.written_key(target.id),
                Target::Unset | Target::New | Target::Invalid(_) => None,
            };
            if let Some(key) = key
                && !self.has_rows(connection, relation.target, None, key).await?
            {
                return Ok(Some((entity.name, relation.name)));
            }
        }
        Ok(None)
    }

    /// The reference by which another row leads to this one.
    async fn referring(
        &self,
        connection: &mut dyn Connection,
        cell: CellId,
        key: &KeyValues,
    ) -> Result<Option<(&'static str, &'static str)>> {
        for (entity, index, field) in self.region.references_to(cell.entity) {
            let described = self.region.entity(entity);
            let relation = &described.relations[index];
            let RelationKind::ManyToOne { property } = relation.kind else { continue };
            let is_acted_on =
                matches!(relation.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull));
            if !is_acted_on && self.has_rows(connection, entity, Some(property), key.clone()).await? {
                return Ok(Some((described.name, field)));
            }
        }
        Ok(None)
    }

    async fn has_rows(
        &self,
        connection: &mut dyn Connection,
        entity: EntityId,
        property: Option<usize>,
        key: KeyValues,
    ) -> Result<bool> {
        let condition = Expression::KeyIn { property, keys: vec![key] };
        let select = select(self.region, entity, condition, Vec::new());
        let orm = self.region.orm();
        let count = connection.count(&select).await.map_err(|error| orm.error("count", error))?;
        Ok(count > 0)
    }
}
