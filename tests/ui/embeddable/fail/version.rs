use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    #[embeddable(version)]
    version: i32,
}

fn main() {}
