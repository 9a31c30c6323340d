//! The tags that there are.

use std::sync::Arc;

use axum::extract::State;

use super::{Answer, ok};
use crate::services::Services;

pub(super) async fn list(State(services): State<Arc<Services>>) -> Answer {
    ok("tags", services.tags.names().await?)
}
