use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Folder {
    name: String,
    #[embeddable(embedded)]
    parent: Option<Box<Folder>>,
}

fn main() {}
