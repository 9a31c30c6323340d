use orm_core::{Sql, sql};

fn main() {
    let price = 5;
    let _: Sql = sql!("select title from book where price < {price + 1}");
}
