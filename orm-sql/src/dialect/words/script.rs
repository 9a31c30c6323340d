//! A script, cut into its statements.

use super::{Inside, Lexicon, Purpose, Reader, UNCLOSED};

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptStatement {
    /// The line that it begins in, from 1.
    pub line: usize,
    /// Its text, without the `;`.
    pub text: String,
    /// Its first word, in lower case; empty where it begins with something else.
    pub first_word: String,
}

/// What keeps a script from being run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProblem {
    /// The line that it is in, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: String,
}

/// The statements of a script, in order. Comments between them are left out.
///
/// # Errors
///
/// What is not closed, what is of a client and not of the database, and what would begin or end a transaction.
pub(in crate::dialect) fn script(
    lexicon: &'static Lexicon,
    text: &str,
) -> Result<Vec<ScriptStatement>, ScriptProblem> {
    let mut statements = Vec::new();
    let mut reader = Reader::new(lexicon, Purpose::Script);
    // Where the statement, and where what is to be closed, begins.
    let (mut first, mut opened) = (None, 0);
    let mut at = 0;
    while at < text.len() {
        let is_outside = matches!(reader.inside, Inside::Nothing);
        if is_outside && ["/*!", "/*M!"].iter().any(|sign| text[at..].starts_with(sign)) {
            return Err(problem_at(text, at, RUN_BY_SOME.to_owned()));
        }
        let length = reader.step(&text[at..]).map_err(|problem| problem_at(text, at, problem))?;
        if is_outside && reader.inside.is_open() {
            opened = at;
        }
        if first.is_none() && !reader.words.is_empty() {
            first = Some(at);
            check_start(&reader, &text[at..]).map_err(|problem| problem_at(text, at, problem))?;
        }
        if reader.is_over {
            statements.extend(first.map(|first| statement(text, first, at, &reader)));
            reader = Reader::new(lexicon, Purpose::Script);
            first = None;
        }
        at += length;
    }
    if reader.inside.is_open() {
        return Err(problem_at(text, opened, UNCLOSED.to_owned()));
    }
    if let Some(first) = first {
        if !reader.is_complete() {
            let problem = "a `begin` or `case` of this statement has no `end`; write it".to_owned();
            return Err(problem_at(text, first, problem));
        }
        statements.push(statement(text, first, text.len(), &reader));
    }
    Ok(statements)
}

const RUN_BY_SOME: &str = "a comment that begins so is run by some servers; write what it has as a statement, or begin \
                           the comment otherwise";

fn statement(text: &str, first: usize, end: usize, reader: &Reader) -> ScriptStatement {
    ScriptStatement {
        line: line_at(text, first),
        text: text[first..end].trim_end().to_owned(),
        first_word: reader.words.first().cloned().unwrap_or_default(),
    }
}

/// Refuses what only a client understands, and what would end the transaction that the script is run in.
fn check_start(reader: &Reader, rest: &str) -> Result<(), String> {
    let first = reader.words.first().map_or("", String::as_str);
    if first == "delimiter" {
        return Err(
            "`delimiter` is a command of a client and not of the database; leave it out, bodies between `begin` and `end` \
             are known without it"
                .to_owned(),
        );
    }
    if rest.starts_with('\\') {
        return Err("a `\\` begins a command of a client and not of the database; leave it out".to_owned());
    }
    if reader.lexicon.ends_transactions.contains(&first) {
        return Err(format!(
            "`{first}` would begin or end a transaction, which is done around the script; leave it out"
        ));
    }
    Ok(())
}

fn problem_at(text: &str, at: usize, problem: String) -> ScriptProblem {
    ScriptProblem { line: line_at(text, at), problem }
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::super::tests::SQLITE;
    use super::*;

    #[track_caller]
    fn parts(text: &str, expected: &[&str]) {
        let statements = script(&SQLITE, text).expect("it is a script");
        let shown: Vec<String> =
            statements.iter().map(|statement| format!("{}: {}", statement.line, statement.text)).collect();
        assert_eq!(shown, expected);
    }

    #[track_caller]
    fn problem(text: &str, line: usize, begins: &str) {
        let problem = script(&SQLITE, text).expect_err("it is none");
        assert_eq!(problem.line, line, "{problem:?}");
        assert!(problem.problem.starts_with(begins), "{problem:?}");
    }

    #[test]
    fn statements_end_at_semicolons_outside_quotes_and_comments() {
        parts("select 1; select 2", &["1: select 1", "1: select 2"]);
        parts(
            "-- a;\n\nselect ';' -- b;\n, \";\" ;\n/* ; */ select [;];;",
            &["3: select ';' -- b;\n, \";\"", "5: select [;]"],
        );
        parts("", &[]);
        parts(" ; -- nothing\n;", &[]);
        parts("select json('$.a'), ?, :a", &["1: select json('$.a'), ?, :a"]);
    }

    #[test]
    fn bodies_are_part_of_their_statement() {
        let trigger =
            "create temp trigger t after insert on a begin update a set b = case when 1 then 2 end; end";
        parts(&format!("{trigger}; select 1"), &[&format!("1: {trigger}"), "1: select 1"]);
        let procedure = "create or replace procedure p() begin declare x int; if x then begin end; end if; while x do set \
                         x = if(x, 1, 2); end while; case x when 1 then set x = 2; end case; end";
        parts(&format!("{procedure};\nselect 1;"), &[&format!("1: {procedure}"), "2: select 1"]);
        let single =
            "create trigger t before insert on a for each row set new.end = case 1 when 1 then 2 end";
        parts(&format!("{single}; select 1"), &[&format!("1: {single}"), "1: select 1"]);
        parts(
            "create table trigger_of (begin int); select 1",
            &["1: create table trigger_of (begin int)", "1: select 1"],
        );
        parts(
            "create table a (case_of int); select begin from a",
            &["1: create table a (case_of int)", "1: select begin from a"],
        );
    }

    #[test]
    fn what_can_not_be_run_is_named_with_its_line() {
        problem("select 1;\nselect 'a;\n\n", 2, "a quote or a comment is not closed");
        problem("select 1;\n/* a", 2, "a quote or a comment is not closed");
        problem(
            "select 1;\n/*!50003 create trigger t */;",
            2,
            "a comment that begins so is run by some servers",
        );
        problem("\ndelimiter //\ncreate", 2, "`delimiter` is a command");
        problem("\\c other", 1, "a `\\` begins a command");
        problem("select 1;\n\nCOMMIT;", 3, "`commit` would begin or end");
        problem("create trigger t after insert on a begin select 1;", 1, "a `begin` or `case`");
    }
}
