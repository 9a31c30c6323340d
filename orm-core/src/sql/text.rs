//! Text of statements: from the program's own source, or said to be trusted. Never from data by accident.

use std::borrow::Cow;
use std::fmt;

use crate::condition::{Fragment, FragmentPart, Term};
use crate::value::ValueError;

/// SQL that the program trusts: a literal, or what [`trusted`](Self::trusted) was given.
///
/// `{}` is the place of a value, which is bound and never becomes part of the text; `{{` and `}}` are braces. There is
/// no conversion from `String` and none by serde: whoever puts text together says so, in a word that can be searched
/// for.
///
/// ```
/// use orm_core::sql::Sql;
///
/// let by_year = Sql::from("select title from books where year = {}");
/// let table = "books"; // chosen by the program, never by a user
/// let all = Sql::trusted(format!("select title from {table}"));
/// # let _ = (by_year, all);
/// ```
#[derive(Clone)]
pub struct Sql {
    text: Cow<'static, str>,
    /// What is bound already, a place each: made by the macro `sql!`.
    bound: Vec<Option<FragmentPart>>,
}

impl Sql {
    /// Takes text that was put together at run time, and that no user had a say in.
    ///
    /// What of it comes from outside is run as SQL. Values belong into `{}`.
    #[must_use]
    pub fn trusted(text: impl Into<String>) -> Self {
        Self { text: Cow::Owned(text.into()), bound: Vec::new() }
    }

    /// Called by the macro `sql!`.
    #[doc(hidden)]
    #[must_use]
    pub fn __with(text: &'static str, bound: Vec<Option<FragmentPart>>) -> Self {
        Self { text: Cow::Borrowed(text), bound }
    }

    /// How it begins, for messages.
    pub(crate) fn beginning(&self) -> String {
        const MOST: usize = 80;
        let mut words = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(MOST) {
            words.truncate(end);
            words.push('…');
        }
        words
    }

    /// The text with `values` in their places.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, or with the number of values, and what to do.
    pub(crate) fn filled(self, values: Vec<FragmentPart>) -> Result<Vec<FragmentPart>, String> {
        if self.text.trim().is_empty() {
            return Err("the text is empty; write SQL into it".to_owned());
        }
        if self.text.contains('\0') {
            return Err("there is a NUL in the text; bind it as a value, by `{}`".to_owned());
        }
        let pieces: Vec<Cow<'static, str>> = match self.text {
            Cow::Borrowed(text) => split(text)?,
            Cow::Owned(text) => {
                split(&text)?.into_iter().map(|piece| Cow::Owned(piece.into_owned())).collect()
            }
        };
        let places = pieces.len() - 1;
        let mut bound = self.bound;
        bound.resize_with(places, || None);
        let open = bound.iter().filter(|bound| bound.is_none()).count();
        if open != values.len() {
            let given = values.len();
            return Err(format!(
                "it has {open} place(s) `{{}}` and was given {given} value(s); give as many"
            ));
        }
        let mut values = values.into_iter();
        let mut between = bound.into_iter().map(|bound| bound.or_else(|| values.next()));
        let mut parts = Vec::with_capacity(pieces.len() * 2);
        for text in pieces {
            if !text.is_empty() {
                parts.push(FragmentPart::Text(text));
            }
            parts.extend(between.next().flatten());
        }
        Ok(parts)
    }
}

/// Text and values as a part of a query. What is wrong with them, the query says when it runs.
pub(crate) fn fragment(sql: Sql, values: Vec<FragmentPart>) -> Fragment {
    let parts = sql.filled(values).unwrap_or_else(|reason| {
        vec![FragmentPart::Term(Term::Invalid(ValueError::Invalid { expected: "fragment of SQL", reason }))]
    });
    Fragment { parts }
}

/// What stands between the places of a text.
fn split(text: &str) -> Result<Vec<Cow<'_, str>>, String> {
    let mut pieces = Vec::new();
    let mut piece = Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        add(&mut piece, before);
        let after = &from[1..];
        rest = match (&from[..1], after.chars().next()) {
            ("{", Some('}')) => {
                pieces.push(std::mem::take(&mut piece));
                &after[1..]
            }
            ("{", Some('{')) | ("}", Some('}')) => {
                add(&mut piece, &after[..1]);
                &after[1..]
            }
            ("{", _) if is_name_in_braces(after) => {
                let problem = "it has a name in braces; the macro `sql!` binds names, here write `{}`";
                return Err(problem.to_owned());
            }
            (brace, _) => {
                let at = text.len() - from.len();
                return Err(format!(
                    "the `{brace}` at byte {at} stands alone; write `{{}}` for a value, `{{{{` and `}}}}` for braces"
                ));
            }
        };
    }
    add(&mut piece, rest);
    pieces.push(piece);
    Ok(pieces)
}

fn add<'t>(piece: &mut Cow<'t, str>, text: &'t str) {
    if piece.is_empty() {
        *piece = Cow::Borrowed(text);
    } else if !text.is_empty() {
        piece.to_mut().push_str(text);
    }
}

fn is_name_in_braces(text: &str) -> bool {
    let name = text.split_once('}').map(|(name, _)| name);
    name.is_some_and(|name| name.chars().all(|char| char.is_alphanumeric() || char == '_'))
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), bound: Vec::new() }
    }
}

/// Shows the text, never what is bound.
impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sql").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_split_the_text() {
        check("a = {} and b = {}", "a = |?| and b = |?");
        check("{}", "?");
        check("'{{}}' || {}", "'{}' || |?");
        check("nothing", "nothing");
    }

    #[test]
    fn braces_that_stand_alone_are_refused() {
        check("a = {", "the `{` at byte 4 stands alone; write `{}` for a value, `{{` and `}}` for braces");
        check("a = }", "the `}` at byte 4 stands alone; write `{}` for a value, `{{` and `}}` for braces");
        check("a = {b", "the `{` at byte 4 stands alone; write `{}` for a value, `{{` and `}}` for braces");
        check("a = {b}", "it has a name in braces; the macro `sql!` binds names, here write `{}`");
    }

    #[test]
    fn text_without_sense_is_refused() {
        check("  ", "the text is empty; write SQL into it");
        check("a\0", "there is a NUL in the text; bind it as a value, by `{}`");
    }

    #[test]
    fn values_are_counted() {
        let problem = Sql::from("{} {}").filled(vec![value()]).unwrap_err();
        assert_eq!(problem, "it has 2 place(s) `{}` and was given 1 value(s); give as many");
        assert!(Sql::from("a").filled(vec![value()]).is_err());
    }

    /// The parts of a text whose places are all filled, or what is wrong with it.
    #[track_caller]
    fn check(text: &'static str, expected: &str) {
        let places = text.replace("{{", "").replace("}}", "").matches("{}").count();
        let parts = Sql::from(text).filled(vec![value(); places]);
        let shown = parts.map_or_else(
            |problem| problem,
            |parts| {
                let shown = parts.into_iter().map(|part| match part {
                    FragmentPart::Text(text) => text.into_owned(),
                    FragmentPart::Value(_) | FragmentPart::Term(_) => "?".to_owned(),
                });
                shown.collect::<Vec<_>>().join("|")
            },
        );
        assert_eq!(shown, expected);
    }

    fn value() -> FragmentPart {
        FragmentPart::Value(crate::value::Value::Int(1))
    }
}
