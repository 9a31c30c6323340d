//! Names that a database has no room for, found when the ORM is built: it would cut them, or refuse their table later.

use crate::driver::IdentifierLength;
use crate::error::{Error, Result};
use crate::metadata::{EntityMetadata, Metadata, PropertyKind, RelationKind};

/// Refuses the first name that is longer than `limit`, with the entity and the field that it is of.
pub(crate) fn check_lengths(metadata: &Metadata, limit: IdentifierLength) -> Result<()> {
    metadata.entities().try_for_each(|entity| Lengths { entity, limit }.check())
}

struct Lengths<'a> {
    entity: &'a EntityMetadata,
    limit: IdentifierLength,
}

impl Lengths<'_> {
    fn check(&self) -> Result<()> {
        let entity = self.entity;
        self.fits("", "table", &entity.table, "`#[entity(table = \"..\")]`")?;
        if let Some(schema) = &entity.schema {
            self.fits("", "schema", schema, "`#[entity(schema = \"..\")]`")?;
        }
        for property in &entity.properties {
            let cure = match (property.kind, property.columns.len()) {
                (PropertyKind::Reference(_), 1) => "`join_column = \"..\"`",
                (PropertyKind::Reference(_), _) => "`join_columns(\"..\", \"..\")`",
                (PropertyKind::Scalar, _) if property.name.contains('.') => {
                    "`prefix = \"..\"` on what is embedded, or `column = \"..\"` in it"
                }
                (PropertyKind::Scalar, _) => "`column = \"..\"`",
            };
            for column in property.columns.clone() {
                self.fits(property.name, "column", &entity.columns[column].name, cure)?;
            }
        }
        self.check_constraints()?;
        self.check_pivots()
    }

    fn check_constraints(&self) -> Result<()> {
        let field = |properties: &[usize]| match properties {
            [only] => self.entity.properties[*only].name,
            _ => "",
        };
        for index in &self.entity.indexes {
            let cure =
                if index.unique { "`unique(.., name = \"..\")`" } else { "`index(.., name = \"..\")`" };
            self.fits(field(&index.properties), "index", &index.name, cure)?;
        }
        for check in &self.entity.checks {
            let cure = "`check(name = \"..\", sql = \"..\")`";
            self.fits(field(&check.properties), "check", &check.name, cure)?;
        }
        Ok(())
    }

    fn check_pivots(&self) -> Result<()> {
        for relation in &self.entity.relations {
            let RelationKind::ManyToMany { pivot } = &relation.kind else { continue };
            self.fits(relation.name, "pivot table", &pivot.table, "`pivot_table = \"..\"`")?;
            let owner = pivot.owner_columns.iter().map(|column| (column, "`join_column = \"..\"`"));
            let target = pivot.target_columns.iter().map(|column| (column, "`inverse_join_column = \"..\"`"));
            for (column, cure) in owner.chain(target) {
                self.fits(relation.name, "pivot table's column", column, cure)?;
            }
        }
        Ok(())
    }

    fn fits(&self, field: &str, what: &str, name: &str, cure: &str) -> Result<()> {
        let Some(longest) = self.limit.exceeded_by(name) else { return Ok(()) };
        let dot = if field.is_empty() { "" } else { "." };
        Err(Error::Metadata {
            problem: format!(
                "{}{dot}{field}: the name of its {what}, `{name}`, is longer than the {longest} that this database keeps \
                 of one; give it a shorter one with {cure}",
                self.entity.name,
            ),
        })
    }
}
