use orm_sqlx::migration::{Embedded, embed};

const MIGRATIONS: Embedded = embed!(migrations);

fn main() {
    let _ = MIGRATIONS;
}
