//! The driver's own connection: the manager's side of what drivers offer under their own names.

use std::any::Any;
use std::future::Future;
use std::panic::Location;

use super::EntityManager;
use crate::activity::called_at;
use crate::bulk::{Extent, Writer};
use crate::driver::DriverError;
use crate::error::Result;
use crate::session::Holder;

/// What the program called, for messages.
const ACTION: &str = "with_connection";

impl EntityManager {
    /// For drivers: runs `work` with the connection of this context as the type that the driver made, taking turns with
    /// everything else of the context. Programs call what the driver makes of it, such as `with_connection`.
    ///
    /// Pending changes are flushed before it. In a transaction it stands under a savepoint; cut off, the transaction can
    /// only be rolled back.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`](crate::Error::Driver) of the kind [`Unsupported`](crate::driver::DriverErrorKind::Unsupported)
    /// when the connection is of another driver; what `work` fails with; and as
    /// [`SqlQuery::execute`](crate::sql::SqlQuery::execute).
    #[track_caller]
    pub fn with_driver_connection<C, V, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<V>> + use<'_, C, V, F>
    where
        C: Any + Send,
        F: AsyncFnOnce(&mut C) -> Result<V, DriverError>,
    {
        let holder = Holder::new(ACTION, Location::caller());
        called_at(Location::caller(), async move {
            let em = self.contextual();
            // It may ask for any table.
            let region = em.region();
            let entities = || region.arenas().map(|(entity, _)| entity).collect();
            em.flush_before_query(None, entities).await?;
            let mut writer = Writer::open(&em, holder, ACTION, Extent::Single).await?;
            let result = writer.native(work).await;
            writer.end(result).await
        })
    }
}
