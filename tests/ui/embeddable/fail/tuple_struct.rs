use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Point(f64, f64);

fn main() {}
