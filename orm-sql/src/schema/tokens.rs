//! Cuts definitions that a database keeps as text into tokens.
//!
//! No more than it takes to find the parts of a `CREATE` statement, and to compare two expressions without minding spaces,
//! comments and quotes that change nothing.

use std::collections::HashSet;

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    /// With its quotes.
    pub(crate) text: &'a str,
    /// Where it begins in the whole text.
    pub(crate) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word or a number.
    Word,
    /// A name in quotes.
    Name,
    /// A text in quotes.
    Text,
    /// Any other character.
    Symbol,
}

impl Token<'_> {
    /// Whether it is this word, in either case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// What it names, or the text that it stands for.
    pub(crate) fn content(&self) -> String {
        match self.kind {
            TokenKind::Word | TokenKind::Symbol => self.text.to_owned(),
            TokenKind::Name | TokenKind::Text => {
                let open = self.text.chars().next().unwrap_or_default();
                let inner = self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or_default();
                match open {
                    '[' => inner.to_owned(),
                    _ => inner.replace(&format!("{open}{open}"), &open.to_string()),
                }
            }
        }
    }

    /// Whether both mean the same, whatever the case of words and the quotes of names.
    fn means(&self, other: &Token<'_>) -> bool {
        let is_name = |token: &Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::Name);
        match (is_name(self), is_name(other)) {
            (true, true) => self.content().eq_ignore_ascii_case(&other.content()),
            (false, false) => self.text == other.text,
            _ => false,
        }
    }
}

/// All tokens of `text`; a quote that is not closed goes to its end.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        let (length, kind) = match first {
            _ if first.is_whitespace() => (first.len_utf8(), None),
            '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), None),
            '/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), None),
            '\'' => (quoted(rest, '\''), Some(TokenKind::Text)),
            '"' | '`' => (quoted(rest, first), Some(TokenKind::Name)),
            '[' => (rest.find(']').map_or(rest.len(), |end| end + 1), Some(TokenKind::Name)),
            _ if is_word(first) => {
                let goes_on = |next| is_word(next) || (next == '.' && first.is_ascii_digit());
                (rest.find(|next| !goes_on(next)).unwrap_or(rest.len()), Some(TokenKind::Word))
            }
            _ => (first.len_utf8(), Some(TokenKind::Symbol)),
        };
        tokens.extend(kind.map(|kind| Token { kind, text: &rest[..length], start: at }));
        at += length;
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// How long the quotes are that `text` begins with; a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        let Some(end) = text[at..].find(quote) else { return text.len() };
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
}

/// Whether two expressions are made of the same tokens, whatever parentheses stand around each.
pub(crate) fn same_expression(left: &str, right: &str) -> bool {
    let (left, right) = (tokens(left), tokens(right));
    let (left, right) = (without_parentheses(&left), without_parentheses(&right));
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.means(right))
}

/// What is in the parentheses around all of `tokens`.
fn without_parentheses<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let [first, inner @ .., _] = tokens
        && first.is_symbol("(")
        && closing(tokens, 0) == Some(tokens.len() - 1)
    {
        tokens = inner;
    }
    tokens
}

/// The place of the parenthesis that closes the one at `open`.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Whether `text` mentions the name.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    tokens(text).iter().any(|token| is_named(token, name))
}

/// Everything in `text` that may be a name, in lower case.
pub(crate) fn names(text: &str) -> HashSet<String> {
    let tokens = tokens(text).into_iter();
    let named = tokens.filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name));
    named.map(|token| token.content().to_lowercase()).collect()
}

/// `text` without the name of a schema where it stands before another name.
#[must_use]
pub fn without_qualifier(text: &str, schema: &str) -> String {
    let tokens = tokens(text);
    let mut plain = String::with_capacity(text.len());
    let mut copied = 0;
    for pair in tokens.windows(2) {
        if is_named(&pair[0], schema) && pair[1].is_symbol(".") && copied <= pair[0].start {
            plain.push_str(&text[copied..pair[0].start]);
            copied = pair[1].end();
        }
    }
    plain.push_str(&text[copied..]);
    plain
}

/// `text` with `to`, as `quote` writes it, in the place of each mention of `from`.
pub(crate) fn renamed(text: &str, from: &str, to: &str, quote: fn(&str) -> String) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut copied = 0;
    for token in tokens(text).iter().filter(|token| is_named(token, from)) {
        renamed.push_str(&text[copied..token.start]);
        renamed.push_str(&quote(to));
        copied = token.end();
    }
    renamed.push_str(&text[copied..]);
    renamed
}

fn is_named(token: &Token<'_>, name: &str) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Name) && token.content() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_comments_case_and_quotes_of_names_change_nothing() {
        assert!(same_expression("length(\"code\") <= 10", "( LENGTH( code )<=/* ten */10 )"));
        assert!(same_expression("((a) OR (b))", "(a) or (b)"));
        assert!(!same_expression("(a) OR (b)", "a OR b"));
    }

    #[test]
    fn texts_and_symbols_are_what_they_are() {
        assert!(!same_expression("x = 'A'", "x = 'a'"));
        assert!(!same_expression("x = 'a'", "x = \"a\""));
        assert!(!same_expression("a < b", "a <= b"));
        assert!(same_expression("x = 'it''s'", "x='it''s'"));
    }

    #[test]
    fn a_schema_goes_where_it_stands_before_a_name() {
        let text = "SELECT shop.\"a\".id, 'shop.b', \"shop\" FROM \"shop\".a JOIN shops.b";
        let expected = "SELECT \"a\".id, 'shop.b', \"shop\" FROM a JOIN shops.b";
        assert_eq!(without_qualifier(text, "shop"), expected);
    }

    #[test]
    fn names_are_renamed_where_they_are_names() {
        let quote = |name: &str| format!("\"{name}\"");
        assert_eq!(
            renamed("a > 1 AND \"a\" <> 'a' AND aa", "a", "b", quote),
            "\"b\" > 1 AND \"b\" <> 'a' AND aa"
        );
        assert!(mentions("lower([Name])", "Name"));
        assert!(!mentions("'Name'", "Name"));
    }
}
