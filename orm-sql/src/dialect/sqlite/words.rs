//! Reads SQLite's text as far as it takes to tell one statement from several, and a place from text in quotes.
//!
//! The tokens are those of <https://sqlite.org/lang.html> and its `sqlite3_complete`: quotes, comments, words and
//! single characters. Nothing is parsed; what makes no sense is for the database to say.

use orm_core::driver::RawEffect;

use crate::dialect::TextPiece;

/// What one statement can do.
///
/// # Errors
///
/// What keeps it from being sent, and what to do.
pub(super) fn statement_effect(pieces: &[TextPiece<'_>]) -> Result<RawEffect, String> {
    let mut reader = Reader::default();
    reader.read(pieces)?;
    if matches!(reader.inside, Inside::Quote(_) | Inside::Comment) {
        return Err(UNCLOSED.to_owned());
    }
    let Some(first) = reader.words.first() else {
        return Err("there is no statement in it".to_owned());
    };
    match first.as_str() {
        "begin" | "commit" | "end" | "rollback" | "savepoint" | "release" => Err(format!(
            "`{first}` would end or begin a transaction behind the back of its context; use `em.transactional(..)`, or \
             `begin` and `commit` of the manager"
        )),
        "select" | "values" | "explain" => Ok(RawEffect::Reads),
        "with" if !reader.has_write => Ok(RawEffect::Reads),
        "with" | "insert" | "replace" | "update" | "delete" => Ok(RawEffect::Writes),
        _ => Ok(RawEffect::Anything),
    }
}

/// Refuses a fragment that would not stay one operand of the statement that it stands in.
///
/// # Errors
///
/// What is wrong with it, and what to do.
pub(super) fn check_fragment(pieces: &[TextPiece<'_>]) -> Result<(), String> {
    let mut reader = Reader { is_fragment: true, ..Reader::default() };
    reader.read(pieces)?;
    match reader.inside {
        Inside::Nothing if reader.depth == 0 => Ok(()),
        Inside::Nothing => Err("a `(` is not closed; close it".to_owned()),
        Inside::Quote(_) | Inside::Comment => Err(UNCLOSED.to_owned()),
        Inside::Line => Err("a `--` would comment out what follows; leave it out".to_owned()),
    }
}

const UNCLOSED: &str = "a quote or a comment is not closed; close it";

/// How many words of a statement say what it is: `create temp trigger`.
const LEADING: usize = 3;

#[derive(Default)]
struct Reader {
    is_fragment: bool,
    inside: Inside,
    /// The first tokens: words in lower case, and nothing for others.
    words: Vec<String>,
    /// Whether there is a word that writes.
    has_write: bool,
    /// How many `(` are open.
    depth: usize,
    /// The last two tokens, in lower case, as far as they are a `;` or a word.
    last: [String; 2],
    /// Whether a `;` has ended the statement.
    is_over: bool,
}

#[derive(Clone, Copy, Default)]
enum Inside {
    #[default]
    Nothing,
    /// Quotes, with the character that closes them.
    Quote(char),
    /// A comment to the end of the line.
    Line,
    /// A comment to `*/`.
    Comment,
}

impl Reader {
    fn read(&mut self, pieces: &[TextPiece<'_>]) -> Result<(), String> {
        for piece in pieces {
            match piece {
                TextPiece::Text(text) => self.text(text)?,
                TextPiece::Place => self.place()?,
            }
        }
        Ok(())
    }

    fn place(&mut self) -> Result<(), String> {
        match self.inside {
            Inside::Nothing => self.token(""),
            Inside::Quote(_) => {
                Err("a `{}` stands in quotes; leave the quotes out, its value is bound".to_owned())
            }
            Inside::Line | Inside::Comment => Err("a `{}` stands in a comment; leave it out".to_owned()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = match self.inside {
                Inside::Nothing => self.outside(rest, next)?,
                Inside::Quote(end) => {
                    if next == end {
                        self.inside = Inside::Nothing;
                    }
                    next.len_utf8()
                }
                Inside::Line => {
                    if next == '\n' {
                        self.inside = Inside::Nothing;
                    }
                    next.len_utf8()
                }
                Inside::Comment => match rest.starts_with("*/") {
                    true => {
                        self.inside = Inside::Nothing;
                        2
                    }
                    false => next.len_utf8(),
                },
            };
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Reads one token outside quotes and comments, and gives its length.
    fn outside(&mut self, rest: &str, next: char) -> Result<usize, String> {
        if is_word(next) {
            let word = &rest[..rest.find(|char| !is_word(char) && char != '$').unwrap_or(rest.len())];
            self.token(&word.to_lowercase())?;
            return Ok(word.len());
        }
        match next {
            _ if rest.starts_with("--") => self.inside = Inside::Line,
            _ if rest.starts_with("/*") => {
                self.inside = Inside::Comment;
                return Ok(2);
            }
            '\'' | '"' | '`' => {
                self.token("")?;
                self.inside = Inside::Quote(next);
            }
            '[' => {
                self.token("")?;
                self.inside = Inside::Quote(']');
            }
            ';' => self.semicolon()?,
            '?' => return Err(own_placeholder("?")),
            ':' | '@' | '$' if rest[1..].starts_with(is_word) => {
                return Err(own_placeholder(&rest[..1]));
            }
            _ if next.is_whitespace() => {}
            _ => {
                self.parenthesis(next)?;
                self.token("")?;
            }
        }
        Ok(next.len_utf8())
    }

    fn parenthesis(&mut self, next: char) -> Result<(), String> {
        match next {
            '(' => self.depth += 1,
            ')' if self.depth == 0 && self.is_fragment => {
                return Err("a `)` closes nothing; leave it out".to_owned());
            }
            ')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    fn semicolon(&mut self) -> Result<(), String> {
        if self.is_fragment {
            return Err("a `;` would end the statement; leave it out".to_owned());
        }
        // One before any statement ends nothing, those in a trigger end its steps.
        let is_trigger = self.words.first().is_some_and(|word| word == "create")
            && self.words[1..].iter().any(|word| word == "trigger");
        let ends_trigger = self.last[1] == "end" && self.last[0] == ";";
        if !self.words.is_empty() && (!is_trigger || ends_trigger) {
            self.is_over = true;
        }
        self.last = [std::mem::take(&mut self.last[1]), ";".to_owned()];
        Ok(())
    }

    /// A word, or nothing for what else there is.
    fn token(&mut self, word: &str) -> Result<(), String> {
        if self.is_over {
            return Err("there are several statements in it; send one after the other".to_owned());
        }
        if self.words.len() < LEADING {
            self.words.push(word.to_owned());
        }
        self.has_write |= matches!(word, "insert" | "update" | "delete" | "replace");
        self.last = [std::mem::take(&mut self.last[1]), word.to_owned()];
        Ok(())
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || !char.is_ascii() && !char.is_whitespace()
}

fn own_placeholder(sign: &str) -> String {
    format!("`{sign}` is a placeholder of the database's own; write `{{}}` for a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_what_a_statement_can_do() {
        effect("select 1", "Reads");
        effect("-- a comment; and more\n/* ; */ SELECT 'a; b', \"c;\", [d;], `e;` ; -- the end", "Reads");
        effect("with a as (select 1) select * from a", "Reads");
        effect("with a as (select 1) delete from b", "Writes");
        effect("insert into a values ('it''s; fine')", "Writes");
        effect("pragma table_info(a)", "Anything");
        effect(
            "create trigger t after insert on a begin update b set c = case when 1 then 2 end; end;",
            "Anything",
        );
        effect(";; select json('$.a ?')", "Reads");
    }

    #[test]
    fn one_text_is_one_statement() {
        const SEVERAL: &str = "there are several statements in it; send one after the other";
        effect("select 1; select 2", SEVERAL);
        effect("select 1; (", SEVERAL);
        effect("create trigger t after insert on a begin delete from b; end; delete from c", SEVERAL);
        effect(" ; -- nothing", "there is no statement in it");
    }

    #[test]
    fn transactions_are_the_contexts_own() {
        for text in ["BEGIN", "commit;", "/**/ rollback to a", "savepoint a", "release a", "end"] {
            let problem = statement_effect(&[TextPiece::Text(text)]).unwrap_err();
            assert!(problem.contains("em.transactional"), "{text}: {problem}");
        }
    }

    #[test]
    fn a_place_stands_where_a_value_can() {
        effect("select '{}'", "a `{}` stands in quotes; leave the quotes out, its value is bound");
        effect("select 1 -- {}", "a `{}` stands in a comment; leave it out");
        effect("select ?", "`?` is a placeholder of the database's own; write `{}` for a value");
        effect("select :name", "`:` is a placeholder of the database's own; write `{}` for a value");
        effect("select a$b, 'it''s ?', {}", "Reads");
        effect("select 'a", UNCLOSED);
    }

    #[test]
    fn a_fragment_stays_one_operand() {
        fragment("lower({}) = 'a? ; ) --' or [?] = \"?\"", "");
        fragment("a) or (b", "a `)` closes nothing; leave it out");
        fragment("(a", "a `(` is not closed; close it");
        fragment("a; drop table b", "a `;` would end the statement; leave it out");
        fragment("a -- b", "a `--` would comment out what follows; leave it out");
        fragment("a -- b\n", "");
        fragment("a /* b", UNCLOSED);
        fragment("a = ?", "`?` is a placeholder of the database's own; write `{}` for a value");
    }

    #[track_caller]
    fn effect(text: &str, expected: &str) {
        let shown = match statement_effect(&pieces(text)) {
            Ok(effect) => format!("{effect:?}"),
            Err(problem) => problem,
        };
        assert_eq!(shown, expected);
    }

    #[track_caller]
    fn fragment(text: &str, expected: &str) {
        assert_eq!(check_fragment(&pieces(text)).err().unwrap_or_default(), expected);
    }

    fn pieces(text: &str) -> Vec<TextPiece<'_>> {
        let mut pieces = Vec::new();
        for (at, text) in text.split("{}").enumerate() {
            if at > 0 {
                pieces.push(TextPiece::Place);
            }
            pieces.push(TextPiece::Text(text));
        }
        pieces
    }
}
