use orm_core::Embeddable;

#[derive(Embeddable)]
struct Address {
    zip: String,
}

fn main() {}
