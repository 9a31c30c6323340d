use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Range<T> {
    low: T,
    high: T,
}

fn main() {}
