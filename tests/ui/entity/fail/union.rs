use orm_core::Entity;

#[derive(Entity, Clone, Copy)]
union Author {
    id: i64,
    number: u64,
}

fn main() {}
