use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
#[embeddable(table = "addresses")]
struct Address {
    zip: String,
}

fn main() {}
