use orm_sqlx::migration::{Embedded, embed};

const MIGRATIONS: Embedded = embed!("nowhere");

fn main() {
    let _ = MIGRATIONS;
}
