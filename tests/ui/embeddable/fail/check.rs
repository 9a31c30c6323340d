use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address {
    #[embeddable(check = "length(zip) = 5")]
    zip: String,
}

fn main() {}
