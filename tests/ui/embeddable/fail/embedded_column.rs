use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(embedded)]
    zip: String,
}

fn main() {}
