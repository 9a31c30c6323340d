use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
#[embeddable(prefix = "address_")]
struct Address {
    zip: String,
}

fn main() {}
