//! What SQLite says that it holds: the statements that made it.

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::schema::Schema;
use orm_core::schema::database::DatabaseSchema;
use orm_sql::sqlite::{OBJECTS, Object, described, read};

use super::{Catalog, text};
use crate::backend::sqlite::SqliteBackend;

pub(crate) async fn read_schema(
    catalog: &mut Catalog<'_, '_, SqliteBackend>,
) -> Result<DatabaseSchema, DriverError> {
    let objects = catalog.rows(OBJECTS, Vec::new(), |row| {
        Ok(Object { kind: text(row, 0)?, name: text(row, 1)?, table: text(row, 2)?, sql: text(row, 3)? })
    });
    Ok(read(&objects.await?))
}

/// SQLite keeps what it is sent, so that nothing has to be tried out.
pub(crate) fn describe_schema(
    catalog: &Catalog<'_, '_, SqliteBackend>,
    schema: &Schema,
) -> Result<DatabaseSchema, DriverError> {
    let statements = catalog.pool.statements.create_schema(schema)?;
    described(&statements).map_err(|why| DriverError::new(DriverErrorKind::Other, why))
}
