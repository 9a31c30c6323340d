//! Profiles: users as others see them, and who follows whom.

use orm_core::{Loaded, Part, Repository, Without};

use super::is;
use crate::entities::{User, UserPopulated};
use crate::error::{ApiError, Result};

/// A user, and of those who follow them the one who looks, if they do.
pub(crate) type Profile = Loaded<User, ProfileRecord>;

/// What is populated of a [`Profile`].
pub(crate) type ProfileRecord = UserPopulated<Without, Part<UserPopulated>>;

#[derive(Debug)]
pub(crate) struct Profiles {
    users: Repository<User>,
}

impl Profiles {
    pub(super) fn new(users: Repository<User>) -> Self {
        Self { users }
    }

    pub(crate) async fn show(&self, username: &str, viewer: Option<&Loaded<User>>) -> Result<Profile> {
        let profile = self.users.find_one(User::USERNAME.eq(username));
        let profile = profile.populate(User::FOLLOWERS.filter(is(viewer))).await?;
        profile.ok_or(ApiError::NotFound("profile"))
    }

    pub(crate) async fn follow(&self, username: &str, user: &Loaded<User>) -> Result<Profile> {
        user.following_ref().add(&self.named(username).await?)?;
        self.users.em().flush().await?;
        self.show(username, Some(user)).await
    }

    pub(crate) async fn unfollow(&self, username: &str, user: &Loaded<User>) -> Result<Profile> {
        user.following_ref().remove(&self.named(username).await?)?;
        self.users.em().flush().await?;
        self.show(username, Some(user)).await
    }

    async fn named(&self, username: &str) -> Result<Loaded<User>> {
        let user = self.users.find_one(User::USERNAME.eq(username)).await?;
        user.ok_or(ApiError::NotFound("profile"))
    }
}
