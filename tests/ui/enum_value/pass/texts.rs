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

#[derive(EnumValue, Clone, Debug, PartialEq)]
#[enum_value(text)]
enum Plain {
    One,
}

#[derive(EnumValue, Clone, Debug, PartialEq)]
#[enum_value(type_name = "mood of the day")]
enum Mood {
    Good,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What the column says of an enum: its name and its labels.
fn column<V: FieldValue>() -> (Option<&'static str>, &'static [&'static str]) {
    let ColumnType::Enum(enum_type) = V::COLUMN_TYPE else { panic!("it is an enum") };
    (enum_type.name, enum_type.labels)
}

/// The label that is stored.
fn label(value: &impl FieldValue) -> &'static str {
    let Ok(Value::Enum(_, label)) = value.to_value() else { panic!("it has a label") };
    label
}

fn main() {
    assert_eq!(column::<Status>(), (Some("status"), &["draft", "in_review", "OUT", "self"][..]));
    assert_eq!(column::<Plain>(), (None, &["one"][..]));
    assert_eq!(column::<Mood>(), (Some("mood of the day"), &["good"][..]));
    assert!(!Status::NULLABLE);
    for (status, stored) in [
        (Status::Draft, "draft"),
        (Status::InReview, "in_review"),
        (Status::Published, "OUT"),
        (Status::Self_, "self"),
    ] {
        assert_eq!(label(&status), stored);
        assert_eq!(status.to_value().and_then(Status::from_value), Ok(status.clone()));
        assert_eq!(Status::from_value(text(stored)), Ok(status));
    }
    assert_eq!(label(&Shouted::InReview), "IN_REVIEW");
    assert!(Status::Draft.same(&Status::Draft) && !Status::Draft.same(&Status::Published));
    assert!(!Status::Draft.is_unassigned());
    let wrong = [text("secret"), Value::Null, Value::Int(1)].map(Status::from_value);
    let wrong =
        wrong.map(|result| result.map_or_else(|error| error.to_string(), |status| format!("{status:?}")));
    assert_eq!(
        wrong,
        [
            "not one of the labels of `Status`, which are draft, in_review, OUT, self",
            "NULL does not fit `Status`; make the field an `Option` if the column may be NULL",
            "expected Status, found integer",
        ]
    );
}
