//! Integers: the discriminants, given or counted.

use orm_core::value::ColumnType;
use orm_core::{EnumValue, FieldValue, Value};

const LARGE: i64 = 1 << 40;

#[derive(EnumValue, Clone, Debug, PartialEq)]
#[enum_value(integer)]
enum Level {
    Low,
    Medium,
    High = 10,
    Higher,
    Lowest = -1,
}

#[derive(EnumValue, Clone, Debug, PartialEq)]
#[enum_value(integer)]
#[repr(i64)]
enum Size {
    Small,
    Large = LARGE,
}

fn main() {
    assert_eq!((Level::COLUMN_TYPE, Size::COLUMN_TYPE), (ColumnType::Int(32), ColumnType::Int(64)));
    for (level, stored) in
        [(Level::Low, 0), (Level::Medium, 1), (Level::High, 10), (Level::Higher, 11), (Level::Lowest, -1)]
    {
        assert_eq!(level.to_value(), Ok(Value::Int(stored)));
        assert_eq!(Level::from_value(Value::Int(stored)), Ok(level));
    }
    assert_eq!(Size::Large.to_value(), Ok(Value::Int(LARGE)));
    assert_eq!(Size::from_value(Value::Int(0)), Ok(Size::Small));
    let wrong = Level::from_value(Value::Int(77)).map_err(|error| error.to_string());
    assert_eq!(wrong, Err("not a valid Level: what is stored is none of its variants".to_owned()));
}
