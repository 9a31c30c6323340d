//! What a query sends, and how the database would go about it. Nothing is read or written for either.

use std::future::Future;
use std::panic::Location;

use super::find::{Count, Find, FindMode, Running};
use super::page::{FindPage, PageMode};
use super::projection::Projection;
use super::projection_page::ProjectionPage;
use super::selected::Selected;
use crate::activity::called_at;
use crate::driver::{Connection as _, Reading, Select, StatementText};
use crate::entity::{Entity, Record};
use crate::error::Result;

/// A read as it would be sent.
pub(super) struct Planned {
    running: Running,
    select: Select,
    reading: Reading,
}

impl Planned {
    pub(super) fn new(running: Running, select: Select, reading: Reading) -> Self {
        Self { running, select, reading }
    }

    fn text(&self) -> Result<StatementText> {
        let orm = self.running.region.orm();
        orm.driver.statement(&self.select, self.reading).map_err(|error| orm.error("to_sql", error))
    }

    async fn explain(self) -> Result<Vec<String>> {
        let region = &self.running.region;
        let mut connection = region.connection("explain").await?;
        let plan = connection.explain(&self.select, self.reading).await;
        plan.map_err(|error| region.orm().error("explain", error))
    }
}

macro_rules! explains {
    ([$($parameters:tt)*] $type:ty) => {
        impl<$($parameters)*> $type {
            /// The statement that awaiting this sends first, in the database's language, and the values that it binds;
            /// what it populates takes others. Nothing is sent, and nothing is flushed: it is the statement as of now.
            ///
            /// # Errors
            ///
            /// What awaiting it finds out before it sends anything, and [`Error::Driver`](crate::Error::Driver) where
            /// the database takes no texts.
            pub fn to_sql(&self) -> Result<StatementText> {
                self.planned("to_sql")?.text()
            }

            /// The database's plan for the statement of [`to_sql`](Self::to_sql), line by line, in its own words: which
            /// tables and indexes it would go through. One statement, which reads no rows.
            ///
            /// # Errors
            ///
            /// As [`to_sql`](Self::to_sql), and what the database refuses.
            #[track_caller]
            pub fn explain(&self) -> impl Future<Output = Result<Vec<String>>> {
                called_at(Location::caller(), async move { self.planned("explain")?.explain().await })
            }
        }
    };
}

explains!([T: Entity, P: Record<T>, M: FindMode<T, P>] Find<T, P, M>);
explains!([T: Entity, P: Record<T>, M: PageMode<T, P>] FindPage<T, P, M>);
explains!([T: Entity, S: Selected<T>] Projection<T, S>);
explains!([T: Entity, S: Selected<T>] ProjectionPage<T, S>);
explains!([T: Entity] Count<T>);
