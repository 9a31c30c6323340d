//! Texts that look like anything but text: for every place that takes one from a program.
//!
//! A table of families, each with payloads; every payload stands alone and between letters. None of them changes a
//! database that binds it, and most would change one that does not.

use std::fmt;

/// A text of the corpus. Shown by its family and how it begins.
#[derive(Clone, PartialEq, Eq)]
pub struct Hostile {
    /// What it imitates.
    pub family: &'static str,
    /// The text.
    pub text: String,
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning: String = self.text.chars().take(60).collect();
        write!(f, "{}: {beginning:?} ({} bytes)", self.family, self.text.len())
    }
}

/// What a key is cut to by no database: the texts with so many bytes at most.
const SHORT: usize = 200;

/// All texts that every database holds: each once, without NUL.
#[must_use]
pub fn texts() -> Vec<Hostile> {
    let mut texts: Vec<Hostile> = framed(FAMILIES).collect();
    texts.extend(long().map(|text| Hostile { family: "long", text }));
    texts
}

/// Those of [`texts`] that are short enough for a key, an index or a name.
#[must_use]
pub fn short_texts() -> Vec<Hostile> {
    texts().into_iter().filter(|hostile| hostile.text.len() <= SHORT).collect()
}

/// Texts with NUL, which a database may refuse.
#[must_use]
pub fn texts_with_nul() -> Vec<Hostile> {
    framed(&[(
        "nul",
        &["\0", "\0\0", "\0'; drop table canary; --", "%\0%", "\\\0", "\"\0\"", "{\"a\":\"\0\"}"],
    )])
    .collect()
}

fn framed(families: &'static [(&'static str, &'static [&'static str])]) -> impl Iterator<Item = Hostile> {
    families.iter().flat_map(|(family, payloads)| {
        payloads.iter().flat_map(move |payload| {
            [(*payload).to_owned(), format!("a{payload}Z")].map(|text| Hostile { family, text })
        })
    })
}

/// 64 KiB each, of one byte a character, of four, and of quotes.
fn long() -> impl Iterator<Item = String> {
    ["x", "'", "\u{1f600}", "\\\"%_"].into_iter().map(|unit| unit.repeat(65_536 / unit.len()))
}

/// What is imitated, and how. No payload comes twice, and none is another one between `a` and `Z`.
#[rustfmt::skip]
const FAMILIES: &[(&str, &[&str])] = &[
    ("single quotes", &[
        "'", "''", "'''", "it's", "' or '1'='1", "'; drop table canary; --",
        "' union select song from canary --", "') or ('a'='a", "'||(select song from canary)||'",
        "','x'); delete from canary; --",
    ]),
    ("double quotes", &[
        "\"", "\"\"", "\"; drop table \"canary\"; --", "\" or \"\"=\"", "\"canary\".\"song\"",
    ]),
    ("other quotes", &[
        "`", "``; drop table canary", "[canary]", "]", "]]; delete from canary", "$$", "$tag$ body $tag$",
        "q'[it's]'", "E'\\x27'", "N'text'", "U&'\\0027'", "_utf8'x'", "x'27'",
    ]),
    ("quotes that look alike", &[
        "\u{2018}", "\u{2019}", "\u{201a}", "\u{201b}", "\u{201c}", "\u{201d}", "\u{ab}x\u{bb}", "\u{2032}",
        "\u{ff07}", "\u{ff02}", "\u{2bc}; drop table canary; --", "\u{b4}", "\u{ff40}", "\u{5f3}",
    ]),
    ("comments", &[
        "--", "-- ", "--+", "#", "# x", "/*", "*/", "/**/", "/*! drop table canary */", "/*+ hint */",
        "/* /* */", "*/ or 1=1 /*", "//", ";--", "--\n", "\r\n--", "\u{2014}",
    ]),
    ("ends of statements", &[
        ";", ";;", "; delete from canary", ";\nupdate canary set weight = 0;", "\\g", "\\G", "\nGO\n", "\n/\n",
        "; commit; drop table canary", "; rollback;", "\u{37e}", "\u{ff1b}", "); drop table canary",
    ]),
    ("placeholders", &[
        "?", "??", "?1", "?999999", "$1", "$0", "$99999", "$name", ":name", "::text", ":1", "@p", "@@version",
        "{}", "{0}", "{name}", "{{}}", "{{", "}", "#{name}", "${name}", "&name",
    ]),
    ("format strings", &[
        "%s", "%d", "%n", "%x%x%x", "%99999s", "%(name)s", "%1$s", "{:?}", "{:>9999}", "%%",
    ]),
    ("wildcards", &[
        "%", "_", "%_%", "\\%", "\\_", "*", "?*", "[a-z]", "^$", ".*", "|", "~", "%%%%", "b_c%d", "[^x]%",
        "!%",
    ]),
    ("backslashes", &[
        "\\", "\\\\", "\\\\\\", "\\n", "\\0", "\\x00", "\\u0000", "\\'; drop table canary; --", "\\\"",
        "c:\\temp\\new", "end\\", "\\u{0}",
    ]),
    ("JSON", &[
        "[]", "{\"a\":1}", "{\"a\":\"b\"}", "\"text\"", "[1,2", "\"],[\"", "\\u0027", "{\"$ne\":null}", "$.a",
        "$[0]", "\"},{\"text\":\"", "]}", ",", ":", "[null]", "{\"a\":{\"a\":{\"a\":[[[[]]]]}}}",
    ]),
    ("arrays and rows", &[
        "{a,b}", "{\"a\",\"b\"}", "{NULL}", "{{1},{2}}", "[1:2]={1,2}", "(1,2)", "ROW(1)", "(\"a\",\"b\")",
        "[1,2)", "'{}'::text[]", "()",
    ]),
    ("bulk formats", &[
        "\\.", "\\N", "\\t", "b\tc", "b\nc", "\\.\n", "b\r\nc", "\u{1f}", "\u{1e}", "=1+1", "\"b\",\"c\"",
    ]),
    ("controls", &[
        "\u{1}", "\u{7}", "\u{8}", "\u{b}", "\u{c}", "\u{1a}", "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{2028}",
        "\u{2029}", "\u{feff}", "\u{200b}", "\u{200d}", "\u{ad}", "\u{206a}",
    ]),
    ("spaces", &[
        "", " ", "  ", " b", "b ", "\t", "\n", "\r\n", "\u{a0}", "\u{3000}", "b  c",
    ]),
    ("surrogates and edges", &[
        "\\ud800", "\\udfff\\ud800", "\u{fffd}", "\u{d7ff}", "\u{e000}", "\u{fffe}", "\u{ffff}", "\u{10ffff}",
        "\u{1f600}", "\u{ed}\u{a0}\u{80}", "\u{c0}\u{80}", "\u{c3}\u{a9}", "\u{7ff}\u{800}",
    ]),
    ("directions", &[
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "\u{645}\u{631}\u{62d}'; --", "\u{202e}yranac elbat pord",
        "\u{2066}x\u{2069}", "\u{200f}", "\u{5d0}\"\u{5d1}",
    ]),
    ("marks and cases", &[
        "e\u{301}", "\u{e9}", "\u{301}", "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}", "\u{212b}",
        "\u{c5}", "\u{fb00}", "\u{df}", "\u{1e9e}", "\u{130}", "\u{131}", "\u{17f}", "\u{1c4}", "\u{212a}",
        "Ab", "aB", "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
    ]),
    ("numbers", &[
        "0", "-0", "00", "1", "1.0", "1e9", "1e309", "NaN", "Infinity", "-Infinity", "0x1F",
        "9223372036854775808", "-1", "+1", "1_000", "\u{661}\u{662}", "true", "false", "t", "1/0",
        "2024-02-30", "epoch", "now()",
    ]),
    ("nulls", &[
        "NULL", "null", "Null", "nil", "None", "undefined", "(null)", "DEFAULT", "CURRENT_TIMESTAMP",
    ]),
    ("words of SQL", &[
        "select", "drop table canary", "1 or 1=1", "1; select 1", "canary", "canary.song", "order by 1",
        "group", "pragma writable_schema=1", "attach database 'x' as x", "pg_sleep(1)",
        "load_file('/etc/passwd')", "begin", "commit", "rollback", "randomblob(9)", "into outfile 'x'",
        "waitfor delay '0:0:1'", "set role x", "copy canary from program 'x'",
    ]),
    ("paths", &[
        "../../etc/passwd", "/dev/null", "file:///etc/hosts?mode=ro", "\\\\server\\share", "~/.ssh", "CON",
        ".", "..", "b/c/d", "b.c.d", ":memory:",
    ]),
    ("templates", &[
        "{{7*7}}", "${7*7}", "<script>alert(1)</script>", "$(reboot)", "`id`", "&amp;", "&#39;", "<!--", "]]>",
        "%27", "%00", "%c0%a7", "+", "<?xml version=\"1.0\"?>", "<%= name %>", "${jndi:ldap://x/a}",
    ]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What the suite says of its corpus: so many, each once, NUL apart.
    #[test]
    fn the_corpus_is_large_and_holds_nothing_twice() {
        let texts = texts();
        assert!(texts.len() > 500, "{}", texts.len());
        let mut seen = HashSet::new();
        for hostile in texts.iter().chain(&texts_with_nul()) {
            assert!(seen.insert(hostile.text.clone()), "{hostile:?} comes twice");
            assert_eq!(hostile.text.contains('\0'), hostile.family == "nul", "{hostile:?}");
        }
        assert_eq!(texts.iter().filter(|hostile| hostile.text.len() == 65_536).count(), 4);
        assert_eq!(short_texts().len(), texts.len() - 4);
    }
}
