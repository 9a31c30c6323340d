//! Who one is: registration, login, and the user who is signed in.

use std::sync::Arc;

use axum::extract::State;

use super::{Answer, created, ok};
use crate::extract::{CurrentUser, Json};
use crate::requests::{LoginFields, RegistrationFields, UserBody, UserFields};
use crate::services::Services;

pub(super) async fn register(
    State(services): State<Arc<Services>>,
    Json(body): Json<UserBody<RegistrationFields>>,
) -> Answer {
    created("user", services.users.register(body.check()?).await?)
}

pub(super) async fn login(
    State(services): State<Arc<Services>>,
    Json(body): Json<UserBody<LoginFields>>,
) -> Answer {
    ok("user", services.users.login(body.check()?).await?)
}

pub(super) async fn current(State(services): State<Arc<Services>>, CurrentUser(user): CurrentUser) -> Answer {
    ok("user", services.users.view(&user)?)
}

pub(super) async fn change(
    State(services): State<Arc<Services>>,
    CurrentUser(user): CurrentUser,
    Json(body): Json<UserBody<UserFields>>,
) -> Answer {
    ok("user", services.users.change(&user, body.check()?).await?)
}
