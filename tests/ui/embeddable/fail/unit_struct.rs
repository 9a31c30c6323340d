use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Nowhere;

fn main() {}
