use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(id, auto)]
    id: i64,
    zip: String,
}

fn main() {}
