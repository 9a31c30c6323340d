use orm_core::Embeddable;

#[derive(Embeddable, Clone, Copy)]
union Number {
    whole: i64,
    broken: f64,
}

fn main() {}
