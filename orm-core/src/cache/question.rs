//! What an entry answers: the statement as it is sent, with everything that is bound to it, and what it depends on.

use std::fmt::Write as _;
use std::sync::Arc;

use super::codec::put_value;
use super::tag::Tag;
use crate::driver::{Driver, DriverError, Reading, Select};

/// A question that an entry may answer.
pub(super) struct Question {
    /// What its answer depends on.
    pub(super) tags: Vec<Tag>,
    /// All of it. Two questions with the same bytes are the same.
    pub(super) bytes: Box<[u8]>,
}

impl Question {
    /// What `select` asks under a name.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`](crate::driver::DriverErrorKind::Unsupported) from a driver that shows no texts.
    pub(super) fn of(
        driver: &dyn Driver,
        select: &Select,
        reading: Reading,
        name: Option<&Arc<str>>,
    ) -> Result<Self, DriverError> {
        let statement = driver.statement(select, reading)?;
        let tags = Tag::of_select(select, name);
        let mut bytes = Vec::new();
        for tag in &tags {
            put_text(&mut bytes, &tag.key(""));
        }
        put_text(&mut bytes, &statement.text);
        statement.values.iter().for_each(|value| put_value(&mut bytes, value));
        Ok(Self { tags, bytes: bytes.into() })
    }

    /// Under which key the store of the ORM with this name has the answer. Two questions may share one; the entry says
    /// which of them it answers.
    pub(super) fn key(&self, orm: &str) -> String {
        let mut key = format!("orm:{orm}:answer:");
        // Writing to a `String` can't fail.
        let _ = write!(key, "{:032x}", hash(&self.bytes));
        key
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// FNV-1a of 128 bits: the same in every program and version that shares a store.
fn hash(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
