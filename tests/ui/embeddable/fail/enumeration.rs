use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
enum Contact {
    Mail { address: String },
    Phone { number: String },
}

fn main() {}
