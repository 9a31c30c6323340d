use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(check(birthday, sql = "age > 0"))]
    age: i32,
    birthday: i32,
}

fn main() {}
