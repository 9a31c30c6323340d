//! A newtype is stored as what is inside.

use orm_core::value::ColumnType;
use orm_core::{Entity, FieldValue, NewtypeValue, Ref, Value};

#[derive(NewtypeValue, Clone, Debug, Default, PartialEq, Eq, Hash)]
struct AuthorId(i64);

#[derive(NewtypeValue, Clone, Debug, Default, PartialEq)]
struct Email(Option<String>);

#[derive(NewtypeValue, Clone, Debug, PartialEq)]
struct Celsius(f64);

#[derive(NewtypeValue, Clone, Debug, PartialEq)]
struct Nested(Celsius);

#[derive(Entity, Clone, Debug)]
struct Author {
    #[entity(id, auto)]
    id: AuthorId,
    email: Email,
    warmth: Option<Nested>,
    mentor: Option<Ref<Author>>,
}

fn main() {
    assert_eq!((AuthorId::COLUMN_TYPE, AuthorId::NULLABLE), (ColumnType::Int(64), false));
    assert_eq!((Email::COLUMN_TYPE, Email::NULLABLE), (ColumnType::Text, true));
    assert_eq!(Nested::COLUMN_TYPE, ColumnType::Double);
    assert_eq!(AuthorId(3).to_value(), Ok(Value::Int(3)));
    assert_eq!(Email::from_value(Value::Null), Ok(Email(None)));
    assert!(AuthorId(0).is_unassigned() && !AuthorId(1).is_unassigned());
    assert!(Celsius(f64::NAN).same(&Celsius(f64::NAN)));
    let _ = (
        Author::ID.eq(AuthorId(1)),
        Author::WARMTH.gt(Nested(Celsius(1.0))),
        Author::MENTOR.eq(AuthorId(2)),
        Author::EMAIL.is_null(),
    );
}
