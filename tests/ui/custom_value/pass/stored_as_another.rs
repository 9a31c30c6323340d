//! A custom type is a column of the type that it is stored as.

use orm_core::value::{ColumnType, CustomType, ValueError};
use orm_core::{CustomValue, Entity, FieldValue, Value};

#[derive(CustomValue, Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Point {
    x: i32,
    y: i32,
}

impl CustomType for Point {
    type Column = String;

    fn to_column(&self) -> Result<String, ValueError> {
        Ok(format!("{},{}", self.x, self.y))
    }

    fn from_column(stored: String) -> Result<Self, ValueError> {
        let wrong = || ValueError::invalid("Point", "expected two numbers");
        let (x, y) = stored.split_once(',').ok_or_else(wrong)?;
        match (x.parse(), y.parse()) {
            (Ok(x), Ok(y)) => Ok(Self { x, y }),
            _ => Err(wrong()),
        }
    }
}

#[derive(Entity, Clone, Debug, Default)]
struct Tile {
    #[entity(id)]
    at: Point,
    next: Option<Point>,
    around: Vec<Point>,
}

fn main() {
    assert_eq!((Point::COLUMN_TYPE, Point::NULLABLE), (ColumnType::Text, false));
    assert_eq!(Point { x: 1, y: -2 }.to_value(), Ok(Value::Text("1,-2".to_owned())));
    assert_eq!(Point::from_value(Value::Text("1,-2".to_owned())), Ok(Point { x: 1, y: -2 }));
    assert!(Point::from_value(Value::Text("one".to_owned())).is_err());
    let _ = (Tile::AT.eq(Point::default()), Tile::NEXT.is_null(), Tile::NEXT.eq(Point::default()));
    let _ = Tile::AROUND.eq(vec![Point::default()]);
}
