use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(check(agee, sql = "age > 0"))]
struct Author {
    #[entity(id, auto)]
    id: i64,
    age: i32,
}

fn main() {}
