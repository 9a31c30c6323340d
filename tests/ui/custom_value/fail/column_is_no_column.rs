use orm_core::CustomValue;
use orm_core::value::{CustomType, ValueError};

use std::time::Duration;

#[derive(CustomValue, Clone)]
struct Money {
    cents: i64,
}

impl CustomType for Money {
    type Column = Duration;

    fn to_column(&self) -> Result<Duration, ValueError> {
        Ok(Duration::from_secs(self.cents.unsigned_abs()))
    }

    fn from_column(stored: Duration) -> Result<Self, ValueError> {
        Ok(Self { cents: stored.as_secs() as i64 })
    }
}

fn main() {}
