//! What clients send: bodies and queries as they come, and what they are once nothing is wrong with them.

use serde::{Deserialize, Deserializer};

use crate::error::{Problems, Result};
use crate::password::Password;
use crate::slug;

/// As long as a column of the name has room for.
const USERNAME: usize = 100;
const EMAIL: usize = 254;
const TITLE: usize = 200;
const TAG: usize = 100;
/// What has no column that limits it.
const LONG: usize = 1_000_000;
const TAGS: usize = 50;

/// `{"user": {..}}`.
#[derive(Debug, Deserialize)]
pub(crate) struct UserBody<T> {
    user: T,
}

/// `{"article": {..}}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ArticleBody<T> {
    article: T,
}

/// `{"comment": {..}}`.
#[derive(Debug, Deserialize)]
pub(crate) struct CommentBody {
    comment: CommentFields,
}

/// A field of a change: left out, null, or a value.
#[derive(Debug, Default)]
pub(crate) enum Change<T> {
    #[default]
    Kept,
    Null,
    To(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::To))
    }
}

impl<T> Change<T> {
    /// The new value of what can't be without one, as `check` has it of the value or of nothing.
    fn required<V>(self, check: impl FnOnce(Option<T>) -> V) -> Option<V> {
        match self {
            Self::Kept => None,
            Self::Null => Some(check(None)),
            Self::To(value) => Some(check(Some(value))),
        }
    }
}

impl Problems {
    /// A text that has something in it, and no more than `longest` characters.
    fn text(&mut self, field: &'static str, text: Option<String>, longest: usize) -> String {
        let text = text.unwrap_or_default();
        if text.trim().is_empty() {
            self.add(field, "can't be empty");
        }
        self.limits(field, &text, longest);
        text
    }

    fn email(&mut self, email: Option<String>) -> String {
        let email = self.text("email", email, EMAIL);
        if !email.trim().is_empty() && !email.contains('@') {
            self.add("email", "is invalid");
        }
        email
    }

    fn password(&mut self, password: Option<Password>) -> Password {
        let password = password.unwrap_or_default();
        if password.as_str().is_empty() {
            self.add("password", "can't be empty");
        }
        self.limits("password", password.as_str(), LONG);
        password
    }

    /// A text that there need not be: an empty one is none.
    fn optional(&mut self, field: &'static str, change: Change<String>) -> Option<Option<String>> {
        match change {
            Change::Kept => None,
            Change::Null => Some(None),
            Change::To(text) => {
                self.limits(field, &text, LONG);
                Some((!text.is_empty()).then_some(text))
            }
        }
    }

    /// Each tag once, in the order of their names.
    fn tags(&mut self, tags: Vec<String>) -> Vec<String> {
        if tags.len() > TAGS {
            self.add("tagList", format!("has more than {TAGS} tags"));
            return Vec::new();
        }
        let mut tags: Vec<String> =
            tags.into_iter().map(|tag| self.text("tagList", Some(tag), TAG)).collect();
        tags.sort();
        tags.dedup();
        tags
    }

    /// What no column takes.
    fn limits(&mut self, field: &'static str, text: &str, longest: usize) {
        if text.contains('\0') {
            self.add(field, "can't have a NUL");
        }
        if text.chars().count() > longest {
            self.add(field, format!("is too long (the maximum is {longest} characters)"));
        }
    }
}

/// Who wants to be known.
#[derive(Debug, Deserialize)]
pub(crate) struct RegistrationFields {
    username: Option<String>,
    email: Option<String>,
    password: Option<Password>,
}

/// A new user.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: Password,
}

impl UserBody<RegistrationFields> {
    pub(crate) fn check(self) -> Result<Registration> {
        let mut problems = Problems::default();
        let registration = Registration {
            username: problems.text("username", self.user.username, USERNAME),
            email: problems.email(self.user.email),
            password: problems.password(self.user.password),
        };
        problems.none_or(registration)
    }
}

/// Who says to be known.
#[derive(Debug, Deserialize)]
pub(crate) struct LoginFields {
    email: Option<String>,
    password: Option<Password>,
}

/// A user's address and password.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) email: String,
    pub(crate) password: Password,
}

impl UserBody<LoginFields> {
    pub(crate) fn check(self) -> Result<Login> {
        let mut problems = Problems::default();
        let login = Login {
            email: problems.text("email", self.user.email, EMAIL),
            password: problems.password(self.user.password),
        };
        problems.none_or(login)
    }
}

/// What a user changes of themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserFields {
    username: Change<String>,
    email: Change<String>,
    password: Change<Password>,
    bio: Change<String>,
    image: Change<String>,
}

/// A change of a user: what is `None` stays as it is.
#[derive(Debug)]
pub(crate) struct UserChange {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) bio: Option<Option<String>>,
    pub(crate) image: Option<Option<String>>,
}

impl UserBody<UserFields> {
    pub(crate) fn check(self) -> Result<UserChange> {
        let UserFields { username, email, password, bio, image } = self.user;
        let mut problems = Problems::default();
        let change = UserChange {
            username: username.required(|username| problems.text("username", username, USERNAME)),
            email: email.required(|email| problems.email(email)),
            password: password.required(|password| problems.password(password)),
            bio: problems.optional("bio", bio),
            image: problems.optional("image", image),
        };
        let UserChange { username, email, password, bio, image } = &change;
        let has_texts = username.is_some() || email.is_some() || password.is_some();
        if !has_texts && bio.is_none() && image.is_none() {
            problems.add("user", "must have at least one field to change");
        }
        problems.none_or(change)
    }
}

/// What an author writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewArticleFields {
    title: Option<String>,
    description: Option<String>,
    body: Option<String>,
    tag_list: Option<Vec<String>>,
}

/// A new article.
#[derive(Debug)]
pub(crate) struct NewArticle {
    pub(crate) title: Title,
    pub(crate) description: String,
    pub(crate) body: String,
    pub(crate) tags: Vec<String>,
}

/// A title, and the slug that is made of it.
#[derive(Debug)]
pub(crate) struct Title {
    pub(crate) title: String,
    pub(crate) slug: String,
}

impl Problems {
    fn title(&mut self, title: Option<String>) -> Title {
        let title = self.text("title", title, TITLE);
        let slug = slug::of(&title).unwrap_or_default();
        if slug.is_empty() && !title.trim().is_empty() {
            self.add("title", "must have a letter or a digit, of which the slug is made");
        }
        Title { title, slug }
    }
}

impl ArticleBody<NewArticleFields> {
    pub(crate) fn check(self) -> Result<NewArticle> {
        let mut problems = Problems::default();
        let article = NewArticle {
            title: problems.title(self.article.title),
            description: problems.text("description", self.article.description, LONG),
            body: problems.text("body", self.article.body, LONG),
            tags: problems.tags(self.article.tag_list.unwrap_or_default()),
        };
        problems.none_or(article)
    }
}

/// What an author changes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ArticleFields {
    title: Change<String>,
    description: Change<String>,
    body: Change<String>,
    tag_list: Change<Vec<String>>,
}

/// A change of an article: what is `None` stays as it is.
#[derive(Debug)]
pub(crate) struct ArticleChange {
    pub(crate) title: Option<Title>,
    pub(crate) description: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
}

impl ArticleBody<ArticleFields> {
    pub(crate) fn check(self) -> Result<ArticleChange> {
        let ArticleFields { title, description, body, tag_list } = self.article;
        let mut problems = Problems::default();
        let change = ArticleChange {
            title: title.required(|title| problems.title(title)),
            description: description.required(|text| problems.text("description", text, LONG)),
            body: body.required(|text| problems.text("body", text, LONG)),
            tags: tag_list.required(|tags| problems.tags(tags.unwrap_or_default())),
        };
        problems.none_or(change)
    }
}

/// What somebody says.
#[derive(Debug, Deserialize)]
struct CommentFields {
    body: Option<String>,
}

impl CommentBody {
    pub(crate) fn check(self) -> Result<String> {
        let mut problems = Problems::default();
        let body = problems.text("body", self.comment.body, LONG);
        problems.none_or(body)
    }
}

/// Which articles, as a client asks for them.
#[derive(Debug, Deserialize)]
pub(crate) struct ArticleQuery {
    tag: Option<String>,
    author: Option<String>,
    favorited: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

/// Which articles.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) tag: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) favorited: Option<String>,
    pub(crate) page: Slice,
}

/// So many of them, after so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

/// How many articles a response has if nobody says it, and at most.
const LIMIT: u64 = 20;
const MOST: u64 = 1000;

impl ArticleQuery {
    pub(crate) fn check(self) -> Result<Wanted> {
        let mut problems = Problems::default();
        let limit = problems.number("limit", self.limit.as_deref(), 1).unwrap_or(LIMIT).min(MOST);
        let offset = problems.number("offset", self.offset.as_deref(), 0).unwrap_or(0);
        for (field, text) in [("tag", &self.tag), ("author", &self.author), ("favorited", &self.favorited)] {
            problems.limits(field, text.as_deref().unwrap_or_default(), LONG);
        }
        let page = Slice { limit, offset };
        problems.none_or(Wanted { tag: self.tag, author: self.author, favorited: self.favorited, page })
    }
}

impl Problems {
    fn number(&mut self, field: &'static str, text: Option<&str>, least: i64) -> Option<u64> {
        // What a database counts with has a sign.
        match text?.parse::<i64>() {
            Ok(number) if number >= least => return number.try_into().ok(),
            Ok(_) | Err(_) => self.add(field, format!("must be a whole number from {least} on")),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_password() {
        let body = r#"{"user": {"username": "ann", "email": "ann@x", "password": "open sesame"}}"#;
        let fields: UserBody<RegistrationFields> = serde_json::from_str(body).unwrap();
        let change: UserBody<UserFields> = serde_json::from_str(body).unwrap();
        for shown in [
            format!("{fields:?} {change:?}"),
            format!("{:?} {:?}", fields.check().unwrap(), change.check().unwrap()),
        ] {
            assert!(shown.contains("Password(..)") && !shown.contains("sesame"), "{shown}");
        }
    }
}
