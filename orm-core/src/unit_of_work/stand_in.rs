//! Values that stand in a unique column for the time of a flush, where NULL can't.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashSet;

use crate::metadata::Column;
use crate::value::{ColumnType, Value};

/// The most characters or bytes of a stand-in.
const LENGTH: usize = 32;
/// Shorter ones might be somebody's value.
const LEAST_LENGTH: usize = 6;

/// Values that nobody has, by chance or far outside of what people use.
#[derive(Debug)]
pub(super) struct StandIns {
    taken: HashSet<Value, foldhash::fast::RandomState>,
    random: RandomState,
    drawn: u64,
}

impl StandIns {
    /// Stand-ins that are none of `taken`.
    pub(super) fn beside(taken: HashSet<Value, foldhash::fast::RandomState>) -> Self {
        Self { taken, random: RandomState::new(), drawn: 0 }
    }

    /// A value for `column`, never given twice; `None` where its type has none to spare.
    pub(super) fn draw(&mut self, column: &Column) -> Option<Value> {
        for _ in 0..1_000 {
            let value = self.candidate(column)?;
            if self.taken.insert(value.clone()) {
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self) -> u64 {
        self.drawn += 1;
        self.random.hash_one(self.drawn)
    }

    fn candidate(&mut self, column: &Column) -> Option<Value> {
        let length = column.length.map_or(LENGTH, |length| LENGTH.min(length as usize));
        Some(match column.column_type {
            ColumnType::Int(bits) => {
                // From the least upwards, a quarter of the range.
                let least = i64::MIN >> (64 - u32::from(bits));
                let offset = self.number() % (1 << (u32::from(bits) - 2));
                Value::Int(least.saturating_add_unsigned(offset))
            }
            ColumnType::UnsignedInt(bits) => {
                let most = if bits >= 64 { i64::MAX } else { (1_i64 << bits) - 1 };
                let offset = self.number() % (most.unsigned_abs() / 4);
                Value::Int(most.saturating_sub_unsigned(offset))
            }
            ColumnType::Text if length >= LEAST_LENGTH => {
                let mut text = format!("{:016x}{:016x}", self.number(), self.number());
                text.truncate(length);
                Value::Text(text)
            }
            ColumnType::Bytes if length >= LEAST_LENGTH => {
                let mut bytes = [self.number().to_be_bytes(), self.number().to_be_bytes()].concat();
                bytes.truncate(length);
                Value::Bytes(bytes)
            }
            ColumnType::Uuid => Value::Uuid(u128::from(self.number()) << 64 | u128::from(self.number())),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_fit_and_are_drawn_once() {
        for (column_type, length) in [
            (ColumnType::Int(8), None),
            (ColumnType::Int(64), None),
            (ColumnType::UnsignedInt(8), None),
            (ColumnType::UnsignedInt(64), None),
            (ColumnType::Text, Some(8)),
            (ColumnType::Bytes, Some(6)),
            (ColumnType::Uuid, None),
        ] {
            let column = column(column_type, length);
            let mut stand_ins = StandIns::beside(HashSet::default());
            let drawn: std::collections::HashSet<Value> =
                (0..40).filter_map(|_| stand_ins.draw(&column)).collect();
            assert_eq!(drawn.len(), 40, "{column_type:?}");
            for value in drawn {
                match (value, column_type) {
                    (Value::Int(value), ColumnType::Int(8)) => assert!((-128..=-65).contains(&value)),
                    (Value::Int(value), ColumnType::UnsignedInt(8)) => assert!((192..=255).contains(&value)),
                    (Value::Text(text), _) => assert_eq!(text.len(), 8),
                    (Value::Bytes(bytes), _) => assert_eq!(bytes.len(), 6),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_type_without_values_to_spare_has_none() {
        let mut stand_ins = StandIns::beside(HashSet::default());
        assert_eq!(stand_ins.draw(&column(ColumnType::Bool, None)), None);
        assert_eq!(stand_ins.draw(&column(ColumnType::Text, Some(3))), None);
    }

    fn column(column_type: ColumnType, length: Option<u32>) -> Column {
        Column { length, ..Column::new("c", column_type) }
    }
}
