use orm_core::Entity;
use orm_core::value::{CustomType, ValueError};

#[derive(Clone)]
struct Money {
    cents: i64,
}

impl CustomType for Money {
    type Column = i64;

    fn to_column(&self) -> Result<i64, ValueError> {
        Ok(self.cents)
    }

    fn from_column(stored: i64) -> Result<Self, ValueError> {
        Ok(Self { cents: stored })
    }
}

#[derive(Entity, Clone)]
struct Invoice {
    #[entity(id, auto)]
    id: i64,
    total: Money,
}

fn main() {}
