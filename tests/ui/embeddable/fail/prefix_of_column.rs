use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(prefix = "postal_")]
    zip: String,
}

fn main() {}
