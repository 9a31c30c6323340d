//! Users: who they are, and how they prove it.

use orm_core::{Error, Loaded, Repository};

use crate::entities::User;
use crate::error::{ApiError, Problems, Result};
use crate::password;
use crate::requests::{Login, Registration, UserChange};
use crate::token::Tokens;
use crate::views::UserView;

#[derive(Debug)]
pub(crate) struct Users {
    users: Repository<User>,
    tokens: Tokens,
}

impl Users {
    pub(super) fn new(users: Repository<User>, tokens: Tokens) -> Self {
        Self { users, tokens }
    }

    pub(crate) async fn register(&self, new: Registration) -> Result<UserView> {
        let password = password::hash(new.password).await?;
        let (username, email) = (new.username, new.email);
        let user = self.users.em().persist(User { username, email, password, ..User::default() })?;
        self.save().await?;
        self.view(&user.without_hints())
    }

    pub(crate) async fn login(&self, login: Login) -> Result<UserView> {
        let user = self.users.find_one(User::EMAIL.eq(login.email)).await?;
        let kept = user.as_ref().map(|user| user.get().password.clone());
        if let (true, Some(user)) = (password::is_right(login.password, kept).await?, user) {
            return self.view(&user);
        }
        Err(ApiError::Unauthorized(Problems::of("email or password", "is invalid")))
    }

    pub(crate) async fn change(&self, user: &Loaded<User>, change: UserChange) -> Result<UserView> {
        let password = match change.password {
            Some(password) => Some(password::hash(password).await?),
            None => None,
        };
        user.update(|user| {
            set(&mut user.username, change.username.as_ref());
            set(&mut user.email, change.email.as_ref());
            set(&mut user.password, password.as_ref());
            set(&mut user.bio, change.bio.as_ref());
            set(&mut user.image, change.image.as_ref());
        });
        self.save().await?;
        self.view(user)
    }

    /// Whose token it is, if they are still there.
    pub(crate) async fn of_token(&self, token: &str) -> Result<Option<Loaded<User>>> {
        match self.tokens.user_of(token) {
            Some(id) => Ok(self.users.find_by_id(id).await?),
            None => Ok(None),
        }
    }

    /// How users see themselves, with a token for the next thirty days.
    pub(crate) fn view(&self, user: &Loaded<User>) -> Result<UserView> {
        Ok(UserView::new(&user.get(), self.tokens.issue(user.id())?))
    }

    async fn save(&self) -> Result<()> {
        self.users.em().flush().await.map_err(is_taken)
    }
}

/// Which of the names that only one may have somebody else has.
fn is_taken(error: Error) -> ApiError {
    for (field, is_violated) in
        [("email", error.is_violation_of(User::EMAIL)), ("username", error.is_violation_of(User::USERNAME))]
    {
        if is_violated {
            return ApiError::invalid(field, "has already been taken");
        }
    }
    error.into()
}

fn set<V: Clone>(field: &mut V, value: Option<&V>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}
