use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(lenght = 12)]
    zip: String,
}

fn main() {}
