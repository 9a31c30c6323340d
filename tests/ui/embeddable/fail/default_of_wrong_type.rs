use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(default = 5)]
    zip: String,
}

fn main() {}
