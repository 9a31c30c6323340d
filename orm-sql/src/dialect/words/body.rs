//! The body of a trigger, a procedure or a function, whose `;` end its steps and not the statement.
//!
//! Blocks are counted: `begin` and `case` open one, `end` closes it. `end if` and its kin close what was never counted,
//! since `if` and `repeat` are functions too.

/// Follows the tokens of one statement.
#[derive(Debug, Default)]
pub(super) struct Body {
    made: Made,
    /// How many blocks are open.
    depth: usize,
    /// Whether the last word was `end`: the next one says what it closes.
    was_end: bool,
    /// Whether a `.` came before, so that a word is a name.
    is_qualified: bool,
}

/// What the statement makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Made {
    /// No word came yet.
    #[default]
    Unread,
    /// Something, which a word to come will say.
    Unknown,
    /// What can have steps.
    Steps,
    /// What has none, or nothing.
    Plain,
}

impl Body {
    /// Takes a word, in lower case.
    pub(super) fn word(&mut self, word: &str) {
        let is_name = std::mem::take(&mut self.is_qualified);
        self.made = match (self.made, word) {
            (Made::Unread, "create") => Made::Unknown,
            (Made::Unread, _) | (Made::Unknown, "table" | "view" | "index" | "type") => Made::Plain,
            (Made::Unknown, "trigger" | "procedure" | "function" | "event") => Made::Steps,
            (made, _) => made,
        };
        if self.made != Made::Steps || is_name {
            return;
        }
        if std::mem::take(&mut self.was_end) {
            match word {
                "if" | "loop" | "while" | "repeat" => return,
                "case" => return self.close(),
                _ => self.close(),
            }
        }
        match word {
            "begin" | "case" => self.depth += 1,
            "end" => self.was_end = true,
            _ => {}
        }
    }

    /// Takes what is neither word nor space.
    pub(super) fn sign(&mut self, sign: char) {
        self.is_qualified = sign == '.';
        if std::mem::take(&mut self.was_end) {
            self.close();
        }
    }

    /// Whether a `;` ends the statement here.
    pub(super) fn is_complete(&self) -> bool {
        self.depth == 0
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
