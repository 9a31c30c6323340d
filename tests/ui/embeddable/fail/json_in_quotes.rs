use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    #[embeddable(embedded = "json")]
    lines: Vec<String>,
}

fn main() {}
