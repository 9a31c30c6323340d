use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(rename_all = "camel_case")]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
