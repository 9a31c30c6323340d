use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[entity(length = 12)]
    zip: String,
}

fn main() {}
