use orm_core::Embeddable;

use std::time::Duration;

#[derive(Embeddable, Clone)]
struct Opening {
    lasts: Duration,
}

fn main() {}
