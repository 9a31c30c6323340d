//! What the API does, made once at start and shared by all requests.
//!
//! Repositories belong to the global manager; each call finds the context of the request that it is made in, so no manager
//! is handed from one function to the next.

mod articles;
mod comments;
mod profiles;
mod tags;
mod users;

use std::sync::Arc;

use orm_core::{Condition, Loaded, Orm};

use crate::entities::User;
use crate::token::Tokens;

use articles::Articles;
pub(crate) use articles::ShownArticle;
use comments::Comments;
pub(crate) use comments::ShownComment;
pub(crate) use profiles::Profile;
use profiles::Profiles;
use tags::Tags;
use users::Users;

/// All of it.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) users: Users,
    pub(crate) profiles: Profiles,
    pub(crate) articles: Articles,
    pub(crate) comments: Comments,
    pub(crate) tags: Tags,
}

impl Services {
    pub(crate) fn new(orm: &Orm, tokens: Tokens) -> Arc<Self> {
        let em = orm.em();
        Arc::new(Self {
            users: Users::new(em.get_repository(), tokens),
            profiles: Profiles::new(em.get_repository()),
            articles: Articles::new(em.get_repository(), Tags::new(em.get_repository())),
            comments: Comments::new(em.get_repository(), em.get_repository()),
            tags: Tags::new(em.get_repository()),
        })
    }
}

/// Meets the one who looks, if it is somebody.
fn is(viewer: Option<&Loaded<User>>) -> Condition<User> {
    viewer.map_or_else(Condition::never, |user| User::ID.eq(user.id()))
}
