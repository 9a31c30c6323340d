//! The texts that a column of an enum holds.
//!
//! One constant a Rust type, written by the derive; values refer to it, so that a driver always knows which enum a label
//! is of.

use super::{Value, ValueError};

/// An enum that is stored as text: a type of its own where the database has such, text with a check elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumType {
    /// The Rust type.
    pub rust_name: &'static str,
    /// What a database that has enums calls the type; `None`: it is text there too.
    pub name: Option<&'static str>,
    /// The texts, in the order of the variants.
    pub labels: &'static [&'static str],
}

impl EnumType {
    /// The label that `text` is.
    ///
    /// # Errors
    ///
    /// [`ValueError::UnknownLabel`] when it is none.
    pub fn label(&self, text: &str) -> Result<&'static str, ValueError> {
        let known = self.labels.iter().find(|label| **label == text);
        known.copied().ok_or(ValueError::UnknownLabel { expected: self.rust_name, labels: self.labels })
    }

    /// The value that `text` is a label of.
    ///
    /// # Errors
    ///
    /// As [`label`](Self::label).
    pub fn value(&'static self, text: &str) -> Result<Value, ValueError> {
        self.label(text).map(|label| Value::Enum(self, label))
    }
}
