//! What others see of a user, and following them.

use std::sync::Arc;

use axum::extract::State;

use super::{Answer, ok};
use crate::extract::{CurrentUser, Path, Viewer};
use crate::services::Services;
use crate::views::ProfileView;

pub(super) async fn show(
    State(services): State<Arc<Services>>,
    Viewer(viewer): Viewer,
    Path(username): Path<String>,
) -> Answer {
    ok("profile", ProfileView::from(&services.profiles.show(&username, viewer.as_ref()).await?))
}

pub(super) async fn follow(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(username): Path<String>,
) -> Answer {
    ok("profile", ProfileView::from(&services.profiles.follow(&username, &user).await?))
}

pub(super) async fn unfollow(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Path(username): Path<String>,
) -> Answer {
    ok("profile", ProfileView::from(&services.profiles.unfollow(&username, &user).await?))
}
