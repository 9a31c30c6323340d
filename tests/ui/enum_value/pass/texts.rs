//! Text: the variant in snake_case, unless renamed.

use orm_core::value::ColumnType;
use orm_core::{EnumValue, FieldValue, Value};

#[derive(EnumValue, Clone, Debug, PartialEq)]
enum Status {
    Draft,
    InReview,
    #[enum_value(rename = "OUT")]
    Published,
    r#Self_,
}

#[derive(EnumValue, Clone, Debug, PartialEq)]
#[enum_value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Shouted {
    InReview,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn main() {
    assert_eq!((Status::COLUMN_TYPE, Status::NULLABLE), (ColumnType::Text, false));
    for (status, stored) in [
        (Status::Draft, "draft"),
        (Status::InReview, "in_review"),
        (Status::Published, "OUT"),
        (Status::Self_, "self"),
    ] {
        assert_eq!(status.to_value(), Ok(text(stored)));
        assert_eq!(Status::from_value(text(stored)), Ok(status));
    }
    assert_eq!(Shouted::InReview.to_value(), Ok(text("IN_REVIEW")));
    assert!(Status::Draft.same(&Status::Draft) && !Status::Draft.same(&Status::Published));
    assert!(!Status::Draft.is_unassigned());
    let wrong = [text("secret"), Value::Null, Value::Int(1)].map(Status::from_value);
    let wrong =
        wrong.map(|result| result.map_or_else(|error| error.to_string(), |status| format!("{status:?}")));
    assert_eq!(
        wrong,
        [
            "not a valid Status: what is stored is none of its variants",
            "NULL does not fit `Status`; make the field an `Option` if the column may be NULL",
            "expected Status, found integer",
        ]
    );
}
