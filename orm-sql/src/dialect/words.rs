//! Reads the text of a program as far as it takes to tell one statement from several, and a place from text in quotes.
//!
//! The tokens are quotes, comments, words and single characters, as each database has them; triggers and procedures end
//! with their last block. Nothing is parsed; what makes no sense is for the database to say.

mod body;
mod script;

use orm_core::driver::RawEffect;

use self::body::Body;
pub(super) use self::script::script;
pub use self::script::{ScriptProblem, ScriptStatement};

use super::TextPiece;

/// What the texts of a database are made of.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// What opens quotes, and what closes them.
    pub(super) quotes: &'static [(char, char)],
    /// Quotes in which a backslash takes away what the next character means.
    pub(super) escaping_quotes: &'static [char],
    /// Whether `#` begins a comment, `--` does so before a space alone, and `/*!` begins what is run.
    pub(super) comments: Comments,
    /// Whether a backslash escapes in strings that begin with `E'`.
    pub(super) has_escape_strings: bool,
    /// Whether `$tag$ … $tag$` is a quote.
    pub(super) has_dollar_quotes: bool,
    /// Whether a comment can stand in a comment.
    pub(super) comments_nest: bool,
    /// What begins a placeholder of the database's own, before a word or a number.
    pub(super) own_placeholders: &'static [char],
    /// Whether `?` is a placeholder of the database's own.
    pub(super) is_question_mark_own: bool,
    /// First words of statements that only read.
    pub(super) reads: &'static [&'static str],
    /// Words that write rows.
    pub(super) writes: &'static [&'static str],
    /// First words of statements that begin or end transactions, or parts of them.
    pub(super) ends_transactions: &'static [&'static str],
}

/// What comments there are beside `/* */`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// From `--` to the end of the line.
    Dashes,
    /// From `-- ` or `#` to the end of the line. Those that begin `/*!` are run.
    MySql,
}

/// What one statement can do.
///
/// # Errors
///
/// What keeps it from being sent, and what to do.
pub(super) fn statement_effect(
    lexicon: &'static Lexicon,
    pieces: &[TextPiece<'_>],
) -> Result<RawEffect, String> {
    let mut reader = Reader::new(lexicon, Purpose::Statement);
    reader.read(pieces)?;
    if reader.inside.is_open() {
        return Err(UNCLOSED.to_owned());
    }
    let Some(first) = reader.words.first() else {
        return Err("there is no statement in it".to_owned());
    };
    let is_one_of = |words: &[&str]| words.contains(&first.as_str());
    if is_one_of(lexicon.ends_transactions) {
        return Err(format!(
            "`{first}` would end or begin a transaction behind the back of its context; use `em.transactional(..)`, or \
             `begin` and `commit` of the manager"
        ));
    }
    Ok(match first.as_str() {
        _ if is_one_of(lexicon.reads) => RawEffect::Reads,
        "with" if !reader.has_write => RawEffect::Reads,
        "with" => RawEffect::Writes,
        _ if is_one_of(lexicon.writes) => RawEffect::Writes,
        _ => RawEffect::Anything,
    })
}

/// Refuses a fragment that would not stay one operand of the statement that it stands in.
///
/// # Errors
///
/// What is wrong with it, and what to do.
pub(super) fn check_fragment(lexicon: &'static Lexicon, pieces: &[TextPiece<'_>]) -> Result<(), String> {
    let mut reader = Reader::new(lexicon, Purpose::Fragment);
    reader.read(pieces)?;
    match reader.inside {
        Inside::Nothing if reader.depth == 0 => Ok(()),
        Inside::Nothing => Err("a `(` is not closed; close it".to_owned()),
        Inside::Quote { .. } | Inside::Dollar(_) | Inside::Comment(_) => Err(UNCLOSED.to_owned()),
        Inside::Line => Err("a `--` would comment out what follows; leave it out".to_owned()),
    }
}

const UNCLOSED: &str = "a quote or a comment is not closed; close it";

/// How many words of a statement say what it is: `create temp trigger`.
const LEADING: usize = 3;

/// What a text is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It is one statement with places for values.
    Statement,
    /// It is an operand of one.
    Fragment,
    /// It is statements, as they are.
    Script,
}

struct Reader {
    lexicon: &'static Lexicon,
    purpose: Purpose,
    inside: Inside,
    /// The first tokens: words in lower case, and nothing for others.
    words: Vec<String>,
    /// Whether there is a word that writes.
    has_write: bool,
    /// How many `(` are open.
    depth: usize,
    /// What its `;` end.
    body: Body,
    /// Whether a `;` has ended the statement.
    is_over: bool,
}

#[derive(Clone, Default)]
enum Inside {
    #[default]
    Nothing,
    /// Quotes.
    Quote {
        /// What closes them.
        end: char,
        /// Whether a backslash takes away what the next character means.
        escapes: bool,
    },
    /// Quotes that this closes.
    Dollar(String),
    /// A comment to the end of the line.
    Line,
    /// Comments to so many `*/`.
    Comment(usize),
}

impl Inside {
    /// Whether it has to be closed.
    fn is_open(&self) -> bool {
        matches!(self, Self::Quote { .. } | Self::Dollar(_) | Self::Comment(_))
    }
}

impl Reader {
    fn new(lexicon: &'static Lexicon, purpose: Purpose) -> Self {
        Self {
            lexicon,
            purpose,
            inside: Inside::Nothing,
            words: Vec::new(),
            has_write: false,
            depth: 0,
            body: Body::default(),
            is_over: false,
        }
    }

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
            Inside::Quote { .. } | Inside::Dollar(_) => {
                Err("a `{}` stands in quotes; leave the quotes out, its value is bound".to_owned())
            }
            Inside::Line | Inside::Comment(_) => Err("a `{}` stands in a comment; leave it out".to_owned()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = &rest[self.step(rest)?..];
        }
        Ok(())
    }

    /// Reads one token, or one character in quotes or a comment, and gives its length.
    fn step(&mut self, rest: &str) -> Result<usize, String> {
        let Some(next) = rest.chars().next() else { return Ok(0) };
        Ok(match &self.inside {
            Inside::Nothing => self.outside(rest, next)?,
            Inside::Quote { escapes: true, .. } if next == '\\' => {
                let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
                1 + escaped
            }
            Inside::Quote { end, .. } => {
                if next == *end {
                    self.inside = Inside::Nothing;
                }
                next.len_utf8()
            }
            Inside::Dollar(end) if rest.starts_with(end.as_str()) => {
                let length = end.len();
                self.inside = Inside::Nothing;
                length
            }
            Inside::Line => {
                if next == '\n' {
                    self.inside = Inside::Nothing;
                }
                next.len_utf8()
            }
            Inside::Comment(depth) if rest.starts_with("*/") => {
                self.inside = if *depth > 1 { Inside::Comment(depth - 1) } else { Inside::Nothing };
                2
            }
            Inside::Comment(depth) if self.lexicon.comments_nest && rest.starts_with("/*") => {
                self.inside = Inside::Comment(depth + 1);
                2
            }
            Inside::Dollar(_) | Inside::Comment(_) => next.len_utf8(),
        })
    }

    /// Whether no block of a body is open.
    fn is_complete(&self) -> bool {
        self.body.is_complete()
    }

    /// Reads one token outside quotes and comments, and gives its length.
    fn outside(&mut self, rest: &str, next: char) -> Result<usize, String> {
        if is_word(next) {
            let word = &rest[..rest.find(|char| !is_word(char) && char != '$').unwrap_or(rest.len())];
            let lower = word.to_lowercase();
            self.body.word(&lower);
            self.token(&lower)?;
            let is_string = self.lexicon.has_escape_strings
                && word.eq_ignore_ascii_case("e")
                && rest[word.len()..].starts_with('\'');
            if is_string {
                self.inside = Inside::Quote { end: '\'', escapes: true };
                return Ok(word.len() + 1);
            }
            return Ok(word.len());
        }
        let closing = self.lexicon.quotes.iter().find(|(open, _)| *open == next);
        if let Some((_, end)) = closing {
            self.body.sign(next);
            self.token("")?;
            let escapes = self.lexicon.escaping_quotes.contains(&next);
            self.inside = Inside::Quote { end: *end, escapes };
            return Ok(next.len_utf8());
        }
        if let Some(tag) = dollar_tag(rest).filter(|_| self.lexicon.has_dollar_quotes) {
            self.body.sign(next);
            self.token("")?;
            self.inside = Inside::Dollar(tag.to_owned());
            return Ok(tag.len());
        }
        match next {
            _ if self.begins_line_comment(rest) => self.inside = Inside::Line,
            _ if self.lexicon.comments == Comments::MySql
                && ["/*!", "/*M!"].iter().any(|sign| rest.starts_with(sign)) =>
            {
                return Err(
                    "a comment that begins `/*!` would be run; write what is in it without it".to_owned()
                );
            }
            _ if rest.starts_with("/*") => {
                self.inside = Inside::Comment(1);
                return Ok(2);
            }
            ';' => self.semicolon()?,
            '?' if self.has_places() && self.lexicon.is_question_mark_own => {
                return Err(own_placeholder("?"));
            }
            _ if self.has_places()
                && self.lexicon.own_placeholders.contains(&next)
                && rest[1..].starts_with(is_word) =>
            {
                return Err(own_placeholder(&rest[..1]));
            }
            _ if next.is_whitespace() => {}
            _ => {
                self.parenthesis(next)?;
                self.body.sign(next);
                self.token("")?;
            }
        }
        Ok(next.len_utf8())
    }

    /// Whether values stand in it, which only `{}` may stand for.
    fn has_places(&self) -> bool {
        self.purpose != Purpose::Script
    }

    fn begins_line_comment(&self, rest: &str) -> bool {
        match self.lexicon.comments {
            Comments::Dashes => rest.starts_with("--"),
            Comments::MySql => {
                let behind = rest.strip_prefix("--");
                let is_apart = |next: char| next.is_whitespace() || next.is_control();
                rest.starts_with('#') || behind.is_some_and(|rest| rest.chars().next().is_none_or(is_apart))
            }
        }
    }

    fn parenthesis(&mut self, next: char) -> Result<(), String> {
        match next {
            '(' => self.depth += 1,
            ')' if self.depth == 0 && self.purpose == Purpose::Fragment => {
                return Err("a `)` closes nothing; leave it out".to_owned());
            }
            ')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    fn semicolon(&mut self) -> Result<(), String> {
        if self.purpose == Purpose::Fragment {
            return Err("a `;` would end the statement; leave it out".to_owned());
        }
        self.body.sign(';');
        // One before any statement ends nothing, those in a body end its steps.
        if !self.words.is_empty() && self.body.is_complete() {
            self.is_over = true;
        }
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
        self.has_write |= self.lexicon.writes.contains(&word);
        Ok(())
    }
}

/// `$$` or `$tag$` at the start of a text.
fn dollar_tag(text: &str) -> Option<&str> {
    let behind = text.strip_prefix('$')?;
    let end = behind.find(|char| !is_word(char))?;
    let is_tag = behind[end..].starts_with('$') && !behind.starts_with(|first: char| first.is_ascii_digit());
    is_tag.then(|| &text[..end + 2])
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

    pub(super) const SQLITE: Lexicon = Lexicon {
        quotes: &[('\'', '\''), ('"', '"'), ('`', '`'), ('[', ']')],
        escaping_quotes: &[],
        comments: Comments::Dashes,
        has_escape_strings: false,
        has_dollar_quotes: false,
        comments_nest: false,
        own_placeholders: &[':', '@', '$'],
        is_question_mark_own: true,
        reads: &["select", "values", "explain"],
        writes: &["insert", "update", "delete", "replace"],
        ends_transactions: &["begin", "commit", "end", "rollback", "savepoint", "release"],
    };

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
    fn a_backslash_and_a_number_sign_mean_what_they_mean_to_the_server() {
        const MYSQL: Lexicon = Lexicon {
            escaping_quotes: &['\'', '"'],
            comments: Comments::MySql,
            quotes: &[('\'', '\''), ('"', '"'), ('`', '`')],
            ..SQLITE
        };
        let shown = |text| match statement_effect(&MYSQL, &pieces(text)) {
            Ok(effect) => format!("{effect:?}"),
            Err(problem) => problem,
        };
        for text in ["select 'it\\'s; ', {}", "select `a\\`, {} # ; '", "select 1 -- ; x"] {
            assert_eq!(shown(text), "Reads", "{text}");
        }
        assert_eq!(
            shown("select 1 --1; select 2"),
            "there are several statements in it; send one after the other"
        );
        assert!(shown("select 1 /*!50000 ; drop table a */").contains("would be run"));
        assert!(shown("select 'a\\' , {}'").contains("stands in quotes"));
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
            let problem = statement_effect(&SQLITE, &[TextPiece::Text(text)]).unwrap_err();
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
        let shown = match statement_effect(&SQLITE, &pieces(text)) {
            Ok(effect) => format!("{effect:?}"),
            Err(problem) => problem,
        };
        assert_eq!(shown, expected);
    }

    #[track_caller]
    fn fragment(text: &str, expected: &str) {
        assert_eq!(check_fragment(&SQLITE, &pieces(text)).err().unwrap_or_default(), expected);
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
