use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Address<'a> {
    zip: &'a str,
}

fn main() {}
